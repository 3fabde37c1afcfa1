//! Rows of binary COPY in memory.

use std::ops::Range;

use bytes::Bytes;

/// Rows that are being collected.
#[derive(Debug, Default)]
pub struct RowsBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RowsBuffer {
    /// Adds a row.
    pub fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    /// Returns the number of bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the number of rows.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Returns the rows, and begins again.
    pub fn take(&mut self) -> Rows {
        let Self { bytes, ends } = std::mem::take(self);
        Rows { bytes: bytes.into(), ends }
    }
}

/// Rows that parts of can be kept without a copy.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The bytes of all of them.
    pub bytes: Bytes,
    ends: Vec<usize>,
}

impl Rows {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns a row.
    pub fn row(&self, at: usize) -> &[u8] {
        &self.bytes[self.place_of(at)]
    }

    /// Returns the rows, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.row(at))
    }

    fn place_of(&self, at: usize) -> Range<usize> {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        from..self.ends[at]
    }
}
