//! The segmentations behind the candidates: lists of starts that share their tails.

use super::reading::Reading;
use crate::detector::alerts::Alerted;
use crate::detector::check::{number, structure, Check};
use crate::detector::clock::Clock;
use crate::detector::numbers::{time, LogOdds};
use serde::{Deserialize, Serialize};

/// The index that stands for no parent: the series began here, or what came before is forgotten.
pub const NONE: u8 = u8::MAX;
/// The number of starts that marks have room for, more than three times as many as a stored state has.
pub const MOST_STARTS: usize = u64::BITS as usize;

/// The start of a segment, and a reading of the segment before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// First row of the segment, from 0.
    pub row: u64,
    /// Time of that row.
    #[serde(with = "time")]
    pub at: i64,
    /// Index of the previous start; [`NONE`] if there is none.
    pub(super) parent: u8,
    /// The previous segment, read just before this one began; none at the start of the series.
    pub before: Option<Reading>,
    /// The greatest probability that the change has had so far.
    pub probability: LogOdds,
    /// Present once the change was alerted.
    pub alerted: Option<Alerted>,
}

/// A set of starts, by their indices.
#[derive(Clone, Copy, Default)]
pub struct Marks(u64);

impl Marks {
    pub fn has(self, index: usize) -> bool {
        self.0 >> index & 1 > 0
    }

    pub fn add(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    fn remove(&mut self, index: usize) {
        self.0 &= !(1 << index);
    }

    fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// The new indices of starts, of which some were dropped.
pub struct Numbers([u8; MOST_STARTS]);

impl Numbers {
    /// The new index of a start; [`NONE`] if it was dropped.
    pub fn of(&self, index: u8) -> u8 {
        self.0.get(usize::from(index)).copied().unwrap_or(NONE)
    }
}

/// All starts that a candidate descends from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Paths {
    /// Parents before their children, older starts before newer ones.
    starts: Vec<Start>,
}

impl Paths {
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is a start at this row.
    pub fn has(&self, row: u64) -> bool {
        self.starts.iter().any(|start| start.row == row)
    }

    /// Adds the newest start; returns its index.
    pub fn add(&mut self, start: Start) -> u8 {
        self.starts.push(start);
        (self.starts.len() - 1) as u8
    }

    pub fn start(&self, index: u8) -> &Start {
        &self.starts[usize::from(index)]
    }

    pub fn start_mut(&mut self, index: u8) -> &mut Start {
        &mut self.starts[usize::from(index)]
    }

    /// Number of starts whose change was alerted.
    pub fn alerted(&self) -> usize {
        self.starts.iter().filter(|start| start.alerted.is_some()).count()
    }

    /// The starts on the way back from an index, newest first.
    pub fn back(&self, index: u8) -> impl Iterator<Item = &Start> + Clone {
        let start = |index: u8| self.starts.get(usize::from(index));
        std::iter::successors(start(index), move |last| start(last.parent))
    }

    /// The index of the last start before a time on the way back from an index. If there is none, the first: then what came
    /// before that is forgotten.
    pub fn last_before(&mut self, index: u8, since: i64) -> u8 {
        let mut found = index;
        while let Some(start) = self.starts.get_mut(usize::from(found)).filter(|start| start.at >= since) {
            if start.parent == NONE {
                start.before = None;
                break;
            }
            found = start.parent;
        }
        found
    }

    /// Marks the starts on the way back from an index, up to one that is marked already.
    fn mark(&self, index: u8, marks: &mut Marks) {
        let mut next = usize::from(index);
        while next < self.starts.len() && !marks.has(next) {
            marks.add(next);
            next = usize::from(self.starts[next].parent);
        }
    }

    /// The starts that the `leaves` descend from, these included.
    pub fn used(&self, leaves: impl Iterator<Item = u8>) -> Marks {
        let mut used = Marks::default();
        leaves.for_each(|leaf| self.mark(leaf, &mut used));
        used
    }

    /// Whether the `leaves` descend from more starts than `most`.
    pub fn exceed(&self, leaves: impl Iterator<Item = u8>, most: usize) -> bool {
        self.starts.len() > most && self.used(leaves).len() > most
    }

    /// Keeps the starts that the `leaves` descend from, at most `most`, dropping the oldest first; returns the new
    /// indices.
    pub fn keep(&mut self, leaves: impl Iterator<Item = u8> + Clone, most: usize) -> Numbers {
        let mut used = self.used(leaves.clone());
        for i in 0..self.starts.len() {
            if used.len() <= most {
                break;
            }
            if leaves.clone().all(|leaf| usize::from(leaf) != i) {
                used.remove(i);
            }
        }
        let mut numbers = Numbers([NONE; MOST_STARTS]);
        let (mut i, mut count) = (0, 0);
        self.starts.retain_mut(|start| {
            let kept = used.has(i);
            // Parents come before their children.
            start.parent = numbers.of(start.parent);
            if kept {
                numbers.0[i] = count;
                count += 1;
            }
            i += 1;
            kept
        });
        numbers
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for before in self.starts.iter_mut().filter_map(|start| start.before.as_mut()) {
            before.rescale(factor);
        }
    }

    /// The first time of a start.
    pub fn earliest(&self) -> Option<i64> {
        self.starts.iter().map(|start| start.at).min()
    }

    pub fn check(&self, clock: &Clock) -> Check {
        structure(self.starts.len() < MOST_STARTS, "it has too many starts of segments")?;
        for (i, start) in self.starts.iter().enumerate() {
            let possible = |a: Alerted| a.row >= start.row && a.at >= start.at && clock.has(a.row, a.at);
            structure(
                start.alerted.is_none_or(possible),
                "the alert of a change is before its start or after the last row",
            )?;
            structure(
                start.parent == NONE || usize::from(start.parent) < i && start.before.is_some(),
                "a start of a segment does not follow the one before it",
            )?;
        }
        let rows = self.starts.iter().map(|start| (start.row, start.at));
        structure(clock.in_order(rows), "its starts of segments are not in the order of rows and times")?;
        for start in &self.starts {
            start.before.as_ref().map_or(Ok(()), Reading::check)?;
            number(start.probability.sound(), "the probability of a change is out of range")?;
        }
        Ok(())
    }
}
