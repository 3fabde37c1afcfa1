//! The rows of one table in the form of binary COPY.

/// Rows, with the message that each came from.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows without header and trailer.
    pub copy: Vec<u8>,
    /// The end of each row.
    ends: Vec<usize>,
    /// For each row, the number of its message in the batch.
    messages: Vec<u32>,
}

impl Rows {
    /// Makes an empty set of rows, with the capacity of another.
    pub fn like(other: &Self) -> Self {
        Self {
            copy: Vec::with_capacity(other.copy.len()),
            ends: Vec::with_capacity(other.ends.len()),
            messages: Vec::with_capacity(other.messages.len()),
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Ends the row whose bytes were appended to `copy`.
    pub fn end_row(&mut self, message: u32) {
        self.ends.push(self.copy.len());
        self.messages.push(message);
    }

    /// The message that a row came from.
    pub fn message(&self, row: usize) -> u32 {
        self.messages[row]
    }

    /// The bytes of the rows from `from` to before `to`.
    pub fn slice(&self, from: usize, to: usize) -> &[u8] {
        &self.copy[self.row_start(from)..self.row_start(to)]
    }

    /// Drops all rows but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.copy.truncate(self.row_start(len));
        self.ends.truncate(len);
        self.messages.truncate(len);
    }

    fn row_start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}
