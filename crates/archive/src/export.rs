//! Rows of a table, as binary COPY sends them.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tally_postgres::pgtype::copy::HEADER;
use tally_postgres::Failure;
use tokio_postgres::{CopyOutStream, Error};

use crate::server::of_server;

/// Returns the statement that sends the rows of a query.
pub fn statement(query: &str) -> String {
    format!("COPY ({query}) TO STDOUT (FORMAT binary)")
}

/// Calls a function with each row that a statement sends, in binary COPY's form.
pub async fn for_each_row(
    begun: Result<CopyOutStream, Error>,
    mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut rows = RowStream::new(begun)?;
    while let Some(row) = rows.next().await? {
        each(row)?;
    }
    Ok(())
}

/// The rows that a statement sends.
pub struct RowStream {
    stream: Pin<Box<CopyOutStream>>,
    splitter: RowSplitter,
}

impl RowStream {
    /// Reads what a COPY that was begun sends.
    pub fn new(begun: Result<CopyOutStream, Error>) -> Result<Self, Failure> {
        let stream = Box::pin(begun.map_err(|e| of_server(&e))?);
        Ok(Self { stream, splitter: RowSplitter::default() })
    }

    /// Returns the next row, in binary COPY's form.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        loop {
            if let Some(length) = self.splitter.next_row().map_err(Failure::new)? {
                return Ok(Some(self.splitter.take(length)));
            }
            match self.stream.try_next().await.map_err(|e| of_server(&e))? {
                Some(piece) => self.splitter.add(piece),
                None if self.splitter.has_ended => return Ok(None),
                None => {
                    return Err(Failure::transient("COPY ended in the middle").mend("run the command again"))
                }
            }
        }
    }
}

/// Finds the rows in the pieces of a COPY.
#[derive(Default)]
struct RowSplitter {
    bytes: Bytes,
    /// Start of what was not returned yet.
    at: usize,
    has_begun: bool,
    has_ended: bool,
}

impl RowSplitter {
    /// Returns the length of the next row; none if it is not complete, or if there is no other.
    fn next_row(&mut self) -> Result<Option<usize>, &'static str> {
        if !self.has_begun {
            if self.bytes.len() < HEADER.len() {
                return Ok(None);
            }
            if !self.bytes.starts_with(HEADER) {
                return Err("unknown form of COPY");
            }
            self.has_begun = true;
            self.at = HEADER.len();
        }
        let rest = &self.bytes[self.at..];
        let Some((count, mut fields)) = rest.split_first_chunk() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count < 0 {
            self.has_ended = true;
            return Ok(None);
        }
        for _ in 0..count {
            let Some((length, after)) = fields.split_first_chunk() else { return Ok(None) };
            // NULL has the length -1 and no bytes.
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            let Some(after) = after.get(length..) else { return Ok(None) };
            fields = after;
        }
        Ok(Some(rest.len() - fields.len()))
    }

    /// Adds what comes next.
    fn add(&mut self, piece: Bytes) {
        let rest = &self.bytes[self.at..];
        // PostgreSQL sends whole rows.
        self.bytes = if rest.is_empty() { piece } else { [rest, &piece].concat().into() };
        self.at = 0;
    }

    /// Returns the next row, of which the length is known.
    fn take(&mut self, length: usize) -> &[u8] {
        self.at += length;
        &self.bytes[self.at - length..self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tally_postgres::pgtype::copy::{append_field, begin_row, TRAILER};

    #[test]
    fn rows_are_found_wherever_the_pieces_end() {
        let mut rows = Vec::new();
        for text in [Some("one"), None, Some("")] {
            let mut row = Vec::new();
            begin_row(2, &mut row);
            append_field(text.map(str::as_bytes), &mut row);
            append_field(Some(b"x"), &mut row);
            rows.push(row);
        }
        let copy = [HEADER, &rows.concat(), TRAILER].concat();
        for size in 1..copy.len() {
            let (mut splitter, mut found) = (RowSplitter::default(), Vec::new());
            for piece in copy.chunks(size) {
                splitter.add(Bytes::copy_from_slice(piece));
                while let Some(length) = splitter.next_row().unwrap() {
                    found.push(splitter.take(length).to_vec());
                }
            }
            assert!(splitter.has_ended);
            assert_eq!(found, rows);
        }
    }
}
