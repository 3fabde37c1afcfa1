//! Rows of a table, as binary COPY sends them.

use futures_util::{pin_mut, TryStreamExt};
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
    let fail = |e: Error| of_server(&e);
    let stream = begun.map_err(fail)?;
    pin_mut!(stream);
    let mut splitter = RowSplitter::default();
    while let Some(bytes) = stream.try_next().await.map_err(fail)? {
        splitter.bytes.extend_from_slice(&bytes);
        while let Some(length) = splitter.next_row().map_err(Failure::new)? {
            let from = splitter.at;
            splitter.at += length;
            each(&splitter.bytes[from..splitter.at])?;
        }
        splitter.forget();
    }
    match splitter.has_ended {
        true => Ok(()),
        false => Err(Failure::transient("COPY ended in the middle").mend("run the command again")),
    }
}

/// Finds the rows in the pieces of a COPY.
#[derive(Default)]
struct RowSplitter {
    bytes: Vec<u8>,
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

    /// Forgets the rows that were returned.
    fn forget(&mut self) {
        self.bytes.drain(..self.at);
        self.at = 0;
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
                splitter.bytes.extend_from_slice(piece);
                while let Some(length) = splitter.next_row().unwrap() {
                    found.push(splitter.bytes[splitter.at..splitter.at + length].to_vec());
                    splitter.at += length;
                }
                splitter.forget();
            }
            assert!(splitter.has_ended);
            assert_eq!(found, rows);
        }
    }
}
