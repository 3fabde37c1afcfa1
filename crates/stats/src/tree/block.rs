//! The tallies of ten children, stored in one row.

use super::geometry::FANOUT;
use super::pack::{pack, unpack};
use crate::tally::Tally;

const CHILDREN: usize = FANOUT as usize;

/// The tallies of a node's ten children, one for each value that the tree summarises.
#[derive(Clone, Debug)]
pub struct Block {
    values: usize,
    /// Child by child.
    tallies: Vec<Tally>,
}

impl Block {
    /// Children without values, of a tree of this many value columns.
    pub fn empty(values: usize) -> Block {
        Block { values, tallies: vec![Tally::EMPTY; CHILDREN * values] }
    }

    /// The tallies of a child, `node` being its number in its level.
    pub fn child(&self, node: i64) -> &[Tally] {
        let first = node.rem_euclid(FANOUT) as usize * self.values;
        &self.tallies[first..first + self.values]
    }

    /// The tallies of a child, to be changed.
    pub fn child_mut(&mut self, node: i64) -> &mut [Tally] {
        let first = node.rem_euclid(FANOUT) as usize * self.values;
        &mut self.tallies[first..first + self.values]
    }

    /// Adds up all children: the tallies of the node itself.
    pub fn total(&self) -> Vec<Tally> {
        let mut total = vec![Tally::EMPTY; self.values];
        for child in self.tallies.chunks_exact(self.values) {
            total.iter_mut().zip(child).for_each(|(sum, part)| sum.merge(part));
        }
        total
    }

    /// Whether no child has a value.
    pub fn is_empty(&self) -> bool {
        self.tallies.iter().all(|tally| tally.num_vals() == 0)
    }

    /// The stored form: which children there are, then their packed tallies.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 2];
        let mut present = 0_u16;
        for (i, child) in self.tallies.chunks_exact(self.values).enumerate() {
            if child.iter().any(|tally| tally.num_vals() > 0) {
                present |= 1 << i;
                child.iter().for_each(|tally| pack(tally, &mut bytes));
            }
        }
        bytes[..2].copy_from_slice(&present.to_le_bytes());
        bytes
    }

    /// The block of a stored form; `None` if it is damaged.
    pub fn from_bytes(values: usize, bytes: &[u8]) -> Option<Block> {
        let (present, mut rest) = bytes.split_at_checked(2)?;
        let present = u16::from_le_bytes(present.try_into().ok()?);
        let mut block = Block::empty(values);
        for i in 0..CHILDREN {
            if present >> i & 1 == 1 {
                for tally in &mut block.tallies[i * values..(i + 1) * values] {
                    *tally = unpack(&mut rest)?;
                }
            }
        }
        (rest.is_empty() && present >> CHILDREN == 0).then_some(block)
    }
}
