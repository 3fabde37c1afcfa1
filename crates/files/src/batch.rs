//! A batch of a file: what goes to PostgreSQL in one transaction.

use std::ops::Range;

use tally_postgres::Failure;
use tally_rows::decode::{Reject, Rows};
use tally_rows::refusal::Stage;

use super::dead_letter::FileDeadLetter;

/// Rows and dead letters of a stretch of a file.
#[derive(Default)]
pub struct FileBatch {
    /// Start of the stretch.
    pub from: i64,
    /// Start of the next stretch: position and line.
    pub next: (i64, i64),
    /// The rows, as binary COPY.
    pub rows: Rows,
    /// The origin of each row.
    pub origins: Vec<Origin>,
    /// The text of the stretch, for the dead letters of rows that the server refuses; empty if there is none.
    pub text: Vec<u8>,
    /// The records that could not become rows.
    pub dead_letters: Vec<FileDeadLetter>,
}

/// The origin of a row.
pub struct Origin {
    /// Line of the record, or number, in the file; from 1.
    pub line: i64,
    /// Bytes of the record in the text of the batch.
    pub range: Range<usize>,
}

impl FileBatch {
    /// Adds a row that was read from this line.
    pub fn keep(&mut self, line: i64, row: &[u8]) {
        self.rows.copy.extend_from_slice(row);
        self.rows.end_row(self.origins.len() as u32); // a batch has fewer bytes
        self.origins.push(Origin { line, range: 0..0 });
    }

    /// Adds a record that could not become a row.
    pub fn refuse(&mut self, line: i64, raw: Option<Vec<u8>>, reject: Reject) {
        self.dead_letters.push(FileDeadLetter { line, raw, stage: Stage::Decode, reject });
    }

    /// Reads the next batch to store. A single bad record says nothing about the file: it is stored with what follows, as long
    /// as its dead letters keep fewer bytes than `most`.
    pub fn next_of(
        mut read: impl FnMut() -> Result<Option<Self>, Failure>,
        most: usize,
    ) -> Result<Option<Self>, Failure> {
        let Some(mut batch) = read()? else { return Ok(None) };
        let mut is_single = batch.is_single_letter();
        while is_single && batch.kept_bytes() < most {
            let Some(following) = read()? else { break };
            is_single = following.is_single_letter();
            batch = batch.followed_by(following);
        }
        Ok(Some(batch))
    }

    /// Whether the batch is a single dead letter.
    fn is_single_letter(&self) -> bool {
        self.origins.is_empty() && self.dead_letters.len() == 1
    }

    /// Number of bytes of records that its dead letters keep.
    fn kept_bytes(&self) -> usize {
        self.dead_letters.iter().filter_map(|letter| letter.raw.as_ref()).map(Vec::len).sum()
    }

    /// Joins the dead letters of a batch without rows with the batch that follows it.
    fn followed_by(mut self, mut following: Self) -> Self {
        self.dead_letters.append(&mut following.dead_letters);
        Self { from: self.from, dead_letters: self.dead_letters, ..following }
    }

    /// The dead letter of a row that the server refused.
    pub fn refused(&self, row: usize, reject: Reject) -> FileDeadLetter {
        let Origin { line, range } = &self.origins[row];
        FileDeadLetter {
            line: *line,
            raw: (!range.is_empty()).then(|| self.text[range.clone()].to_vec()),
            stage: Stage::Write,
            reject,
        }
    }
}

/// Reads a part of a file, batch by batch.
pub trait BatchReader {
    /// Returns the next batch, or none at the end of the part.
    fn next(&mut self) -> Result<Option<FileBatch>, Failure>;
}
