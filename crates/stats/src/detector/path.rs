//! The segmentations behind the candidates: lists of changes that share their tails.

use super::segment::Reading;
use serde::{Deserialize, Serialize};

/// No parent: the series began here, or what was before is forgotten.
pub const NONE: u8 = u8::MAX;

/// When a change was first told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Row at which it was told.
    pub row: u64,
    /// Time of that row.
    pub at: i64,
}

/// The start of a segment, and what is known of the one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// First row of the segment, from 0.
    pub row: u64,
    /// Time of that row.
    pub at: i64,
    /// The start before.
    pub parent: u8,
    /// The segment before, read just before this one began; none at the start of the series.
    pub before: Option<Reading>,
    /// Probability of the change, the greatest so far.
    pub probability: f32,
    /// Present once the change was alerted.
    pub told: Option<Told>,
}

/// All starts that a candidate descends from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Paths {
    pub nodes: Vec<Node>,
}

impl Paths {
    /// The starts on the way back from a node, newest first.
    pub fn back(&self, node: u8) -> impl Iterator<Item = &Node> {
        let mut next = node;
        std::iter::from_fn(move || {
            let node = self.nodes.get(usize::from(next))?;
            next = node.parent;
            Some(node)
        })
    }

    /// Keeps what the `leaves` descend from, at most `most` nodes, the oldest forgotten first; renumbers the leaves.
    pub fn keep<'a>(&mut self, leaves: impl Iterator<Item = &'a mut u8>, most: usize) {
        let mut leaves: Vec<&mut u8> = leaves.collect();
        let mut used = [false; NONE as usize];
        for leaf in &leaves {
            let mut next = usize::from(**leaf);
            while next < self.nodes.len() && !used[next] {
                used[next] = true;
                next = usize::from(self.nodes[next].parent);
            }
        }
        let mut left = used.iter().filter(|u| **u).count();
        // Parents come before their children, and older starts before newer ones.
        let leaf = |i: usize| leaves.iter().any(|l| usize::from(**l) == i);
        for (i, used) in used.iter_mut().enumerate().take(self.nodes.len()) {
            if left > most && *used && !leaf(i) {
                *used = false;
                left -= 1;
            }
        }
        let mut number = [NONE; NONE as usize + 1];
        for (new, old) in (0..self.nodes.len()).filter(|&i| used[i]).enumerate() {
            number[old] = new as u8;
        }
        let mut i = 0;
        self.nodes.retain_mut(|node| {
            node.parent = number[usize::from(node.parent)];
            i += 1;
            used[i - 1]
        });
        for leaf in &mut leaves {
            **leaf = number[usize::from(**leaf)];
        }
    }
}
