//! Rows of binary COPY in memory.

use bytes::Bytes;

/// Size of the blocks that rows are in; a larger row has a block of its own.
const BLOCK: usize = 1 << 20;
/// Number of bytes that a row takes in memory beside its own, until it is sorted.
const BESIDE: usize = 64;

/// Rows that are being collected.
#[derive(Debug, Default)]
pub struct RowsBuffer {
    rows: Rows,
    /// The block that is being filled.
    block: Vec<u8>,
    size: usize,
}

impl RowsBuffer {
    /// Adds a row.
    pub fn push(&mut self, row: &[u8]) {
        if self.block.len() + row.len() > BLOCK && !self.block.is_empty() {
            self.end_block();
        }
        if self.block.is_empty() {
            self.block.reserve_exact(self.size.clamp(row.len(), BLOCK.max(row.len())));
        }
        let from = self.block.len();
        self.block.extend_from_slice(row);
        self.rows.places.push(Place { block: self.rows.blocks.len(), from, to: self.block.len() });
        self.size += row.len();
    }

    fn end_block(&mut self) {
        self.rows.blocks.push(std::mem::take(&mut self.block).into());
    }

    /// Returns the number of bytes of the rows.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the number of bytes that the rows take in memory, until they are sorted.
    pub fn held(&self) -> usize {
        self.size + BESIDE * self.rows.len()
    }

    /// Returns the rows, and begins again.
    pub fn take(&mut self) -> Rows {
        self.end_block();
        std::mem::take(self).rows
    }
}

/// Rows that parts of can be kept without a copy.
#[derive(Debug, Default)]
pub struct Rows {
    blocks: Vec<Bytes>,
    places: Vec<Place>,
}

/// A row's block, and its place there.
#[derive(Debug)]
struct Place {
    block: usize,
    from: usize,
    to: usize,
}

impl Rows {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns a row, after the bytes that it is a part of.
    pub fn row(&self, at: usize) -> (&Bytes, &[u8]) {
        let Place { block, from, to } = self.places[at];
        (&self.blocks[block], &self.blocks[block][from..to])
    }

    /// Returns the rows, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &[u8])> {
        (0..self.len()).map(|at| self.row(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_in_their_blocks() {
        let rows: Vec<Vec<u8>> = (0..300u32)
            .map(|n| vec![n as u8; (n * n) as usize])
            .chain([vec![7; 3 * BLOCK], vec![], vec![1]])
            .collect();
        let mut buffer = RowsBuffer::default();
        for _ in 0..2 {
            rows.iter().for_each(|row| buffer.push(row));
            assert_eq!(buffer.size(), rows.concat().len());
            let taken = buffer.take();
            assert!(taken.iter().map(|(_, row)| row).eq(rows.iter().map(Vec::as_slice)));
            assert!(taken.iter().all(|(bytes, row)| bytes.slice_ref(row) == row));
            assert_eq!((buffer.size(), buffer.held(), buffer.take().len()), (0, 0, 0));
        }
    }
}
