//! The contents of a node, and their stored form.

use super::chosen::Chosen;
use super::pack::{pack, pack_integer, skip, unpack, unpack_integer};
use crate::tally::Tally;

/// The number of rows, and the positions of the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows, whether they have values or not.
    pub rows: i64,
    /// The position of the first row, if there are any.
    pub first: i64,
    /// The position of the last row, if there are any.
    pub last: i64,
}

impl Extent {
    /// No rows.
    pub const EMPTY: Extent = Extent { rows: 0, first: i64::MAX, last: i64::MIN };

    /// Adds a row.
    #[inline]
    pub fn observe(&mut self, position: i64) {
        self.rows += 1;
        self.first = self.first.min(position);
        self.last = self.last.max(position);
    }

    /// Adds other rows.
    #[inline]
    pub fn merge(&mut self, other: &Extent) {
        self.rows += other.rows;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Rows, summarised: their extent, and a tally for each value.
#[derive(Debug)]
pub struct Contents {
    /// The number of rows and their ends.
    pub extent: Extent,
    /// The tallies, one for each value that the tree summarises. Those of values that were not chosen are empty.
    pub tallies: Vec<Tally>,
}

/// The first byte of stored contents. In the first format, which had only tallies, it was at most 2.
const SECOND_FORMAT: u8 = 0x42;

impl Contents {
    /// No rows, of a tree of this many values.
    pub fn empty(values: usize) -> Contents {
        Contents { extent: Extent::EMPTY, tallies: vec![Tally::EMPTY; values] }
    }

    /// Adds other rows.
    pub fn merge(&mut self, other: &Contents) {
        self.merge_chosen(other, Chosen::ALL);
    }

    /// Adds other rows, as far as these values go.
    pub fn merge_chosen(&mut self, other: &Contents, chosen: Chosen) {
        self.extent.merge(&other.extent);
        for (place, (sum, part)) in self.tallies.iter_mut().zip(&other.tallies).enumerate() {
            if chosen.has(place) {
                sum.merge(part);
            }
        }
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(SECOND_FORMAT);
        pack_contents(&self.extent, &self.tallies, 0, &mut bytes);
        bytes
    }

    /// The contents of a stored form; `None` if it is damaged, or of the first format.
    pub fn from_bytes(values: usize, bytes: &[u8]) -> Option<Contents> {
        let (format, mut rest) = bytes.split_first()?;
        let mut contents = Contents::empty(values);
        contents.extent = unpack_contents(&mut contents.tallies, Chosen::ALL, 0, &mut rest)?;
        (*format == SECOND_FORMAT && rest.is_empty()).then_some(contents)
    }

    /// Whether a stored form is of the first format, which does not say how many rows there are.
    pub fn is_of_first_format(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|format| *format < SECOND_FORMAT)
    }
}

impl Clone for Contents {
    fn clone(&self) -> Contents {
        Contents { extent: self.extent, tallies: self.tallies.clone() }
    }

    fn clone_from(&mut self, other: &Contents) {
        self.extent = other.extent;
        // In the memory that there is.
        self.tallies.clone_from(&other.tallies);
    }
}

/// Appends contents; `near` is a position near the first row, such as the last one before it.
pub(super) fn pack_contents(extent: &Extent, tallies: &[Tally], near: i64, bytes: &mut Vec<u8>) {
    // Mostly there are no NULLs.
    let without_value = extent.rows.wrapping_sub(tallies.first().map_or(0, Tally::num_vals));
    pack_integer(zigzag(without_value), bytes);
    pack_integer(zigzag(extent.first.wrapping_sub(near)), bytes);
    pack_integer(extent.last.wrapping_sub(extent.first) as u64, bytes);
    tallies.iter().for_each(|tally| pack(tally, bytes));
}

/// Takes contents from the front of `bytes`: tallies of the chosen values into `tallies`, whose others stay, and returns
/// the extent.
pub(super) fn unpack_contents(
    tallies: &mut [Tally],
    chosen: Chosen,
    near: i64,
    bytes: &mut &[u8],
) -> Option<Extent> {
    let without_value = unzigzag(unpack_integer(bytes)?);
    let first = near.wrapping_add(unzigzag(unpack_integer(bytes)?));
    let last = first.wrapping_add(unpack_integer(bytes)? as i64);
    let mut num_vals = 0;
    for (place, tally) in tallies.iter_mut().enumerate() {
        let count = if chosen.has(place) {
            *tally = unpack(bytes)?;
            tally.num_vals()
        } else {
            skip(bytes)?
        };
        if place == 0 {
            num_vals = count;
        }
    }
    let rows = without_value.wrapping_add(num_vals);
    (rows > 0 && first <= last).then_some(Extent { rows, first, last })
}

/// Passes over contents of `values` tallies; returns the position of the last row.
pub(super) fn skip_contents(values: usize, near: i64, bytes: &mut &[u8]) -> Option<i64> {
    unpack_integer(bytes)?;
    let first = near.wrapping_add(unzigzag(unpack_integer(bytes)?));
    let last = first.wrapping_add(unpack_integer(bytes)? as i64);
    for _ in 0..values {
        skip(bytes)?;
    }
    (first <= last).then_some(last)
}

/// A number whose size is that of `x`, whatever its sign is.
fn zigzag(x: i64) -> u64 {
    (x << 1 ^ x >> 63) as u64
}

fn unzigzag(x: u64) -> i64 {
    (x >> 1) as i64 ^ -((x & 1) as i64)
}
