//! The contents of a node's ten children, stored in one row.

use super::chosen::Chosen;
use super::contents::{pack_contents, skip_contents, unpack_contents, Contents, Extent};
use super::geometry::FANOUT;
use crate::tally::Tally;

const CHILDREN: usize = FANOUT as usize;

/// The format of stored blocks, in the bits that no child has. The first format had zeros there, and only tallies.
const FORMAT: u16 = 2 << CHILDREN;
const FORMAT_BITS: u16 = u16::MAX << CHILDREN;

/// The contents of a node's ten children.
#[derive(Clone, Debug)]
pub struct Block {
    values: usize,
    extents: [Extent; CHILDREN],
    /// Child by child, one for each value that the tree summarises.
    tallies: Vec<Tally>,
}

impl Block {
    /// Children without rows, of a tree of this many value columns.
    pub fn empty(values: usize) -> Block {
        Block { values, extents: [Extent::EMPTY; CHILDREN], tallies: vec![Tally::EMPTY; CHILDREN * values] }
    }

    /// The tallies of a child, `node` being its number in its level.
    pub fn child(&self, node: i64) -> &[Tally] {
        let first = place(node) * self.values;
        &self.tallies[first..first + self.values]
    }

    /// The extent of a child.
    pub fn extent(&self, node: i64) -> &Extent {
        &self.extents[place(node)]
    }

    /// Adds rows to a child.
    pub fn add(&mut self, node: i64, more: &Contents) {
        self.extents[place(node)].merge(&more.extent);
        let first = place(node) * self.values;
        let tallies = &mut self.tallies[first..first + self.values];
        tallies.iter_mut().zip(&more.tallies).for_each(|(sum, part)| sum.merge(part));
    }

    /// Replaces the contents of a child.
    pub fn set(&mut self, node: i64, contents: &Contents) {
        let first = place(node) * self.values;
        self.extents[place(node)] = contents.extent;
        self.tallies[first..first + self.values].copy_from_slice(&contents.tallies);
    }

    /// Adds up all children: the contents of the node itself.
    pub fn total(&self) -> Contents {
        let mut total = Contents::empty(self.values);
        for (extent, child) in self.extents.iter().zip(self.tallies.chunks_exact(self.values)) {
            total.extent.merge(extent);
            total.tallies.iter_mut().zip(child).for_each(|(sum, part)| sum.merge(part));
        }
        total
    }

    /// Whether no child has a row.
    pub fn is_empty(&self) -> bool {
        self.extents.iter().all(|extent| extent.rows == 0)
    }

    /// The stored form: which children there are and the format, then their contents.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 2];
        let (mut present, mut near) = (FORMAT, 0);
        for (i, (extent, child)) in
            self.extents.iter().zip(self.tallies.chunks_exact(self.values)).enumerate()
        {
            if extent.rows > 0 {
                present |= 1 << i;
                pack_contents(extent, child, near, &mut bytes);
                near = extent.last;
            }
        }
        bytes[..2].copy_from_slice(&present.to_le_bytes());
        bytes
    }

    /// Calls `each` with those children of a stored block that have rows and numbers from `first` to `last`, of 0 to 9, in order: the
    /// number and the contents, which are in `scratch` meanwhile: empty at first, of a tree with as many values. Tallies of
    /// values that are not chosen stay empty. Less work than to make the whole block. `None` if it is damaged, or of the
    /// first format.
    pub fn visit(
        bytes: &[u8],
        first: usize,
        last: usize,
        chosen: Chosen,
        scratch: &mut Contents,
        mut each: impl FnMut(usize, &Contents),
    ) -> Option<()> {
        let (present, mut rest) = bytes.split_at_checked(2)?;
        let present = u16::from_le_bytes(present.try_into().ok()?);
        if present & FORMAT_BITS != FORMAT {
            return None;
        }
        let mut near = 0;
        for child in (0..=last.min(CHILDREN - 1)).filter(|child| present >> child & 1 == 1) {
            if child < first {
                near = skip_contents(scratch.tallies.len(), near, &mut rest)?;
            } else {
                scratch.extent = unpack_contents(&mut scratch.tallies, chosen, near, &mut rest)?;
                near = scratch.extent.last;
                each(child, scratch);
            }
        }
        Some(())
    }

    /// The block of a stored form; `None` if it is damaged, or of the first format.
    pub fn from_bytes(values: usize, bytes: &[u8]) -> Option<Block> {
        let (present, mut rest) = bytes.split_at_checked(2)?;
        let present = u16::from_le_bytes(present.try_into().ok()?);
        let mut block = Block::empty(values);
        let mut near = 0;
        for i in 0..CHILDREN {
            if present >> i & 1 == 1 {
                let tallies = &mut block.tallies[i * values..(i + 1) * values];
                block.extents[i] = unpack_contents(tallies, Chosen::ALL, near, &mut rest)?;
                near = block.extents[i].last;
            }
        }
        (rest.is_empty() && present & FORMAT_BITS == FORMAT).then_some(block)
    }
}

fn place(node: i64) -> usize {
    node.rem_euclid(FANOUT) as usize
}
