//! Rows of a dimension, found by what they are equal to.

use crate::pg::execution::scan_row::ScanRow;
use crate::pg::memory::heap;
use crate::rewrite::rollups::answer::joined::{hash_of_dimension, hash_of_table, HashedPair, Joined};
use std::collections::HashMap;

/// Rows by the hash of what they are equal to. Others may have the same hash.
#[derive(Default)]
pub struct Buckets(HashMap<u64, Vec<u32>>);

impl Buckets {
    /// Puts all rows of a dimension into their buckets.
    pub fn of(pairs: &[HashedPair], joined: &Joined, dimension: usize, row: ScanRow) -> Buckets {
        let mut buckets = Buckets::default();
        for number in 0..joined.num_rows(dimension) {
            heap::check();
            joined.set_one(row, dimension, number);
            let hash = hash_of_dimension(pairs);
            heap::room(&mut buckets.0, 1);
            let bucket = buckets.0.entry(hash).or_default();
            heap::room(bucket, 1);
            bucket.push(number as u32);
        }
        buckets
    }

    /// The rows that may be equal to the row of the table.
    pub fn find(&self, pairs: &[HashedPair]) -> &[u32] {
        let hash = hash_of_table(pairs);
        self.0.get(&hash).map_or(&[], Vec::as_slice)
    }

    /// Bytes in use.
    pub fn memory(&self) -> usize {
        const EACH: usize = 64;
        self.0.len() * EACH
    }
}
