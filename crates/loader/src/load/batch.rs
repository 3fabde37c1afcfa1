//! What goes to PostgreSQL in one transaction.

use std::collections::BTreeMap;

use super::dead_letter::DeadLetter;
use super::originals::Originals;
use crate::definition::Definition;
use crate::registry::Schema;

/// Rows, dead letters, new definitions, and the offsets that they cover.
#[derive(Default)]
pub struct Batch {
    /// By topic and partition: from where to where the positions move.
    pub spans: BTreeMap<(usize, i32), Span>,
    /// By topic.
    pub rows: Vec<Rows>,
    /// The messages that could not become rows.
    pub dead_letters: Vec<DeadLetter>,
    /// What becomes of tables first.
    pub changes: Vec<Change>,
    /// Schemas that were just fetched, to be kept.
    pub schemas: Vec<Schema>,
    /// How many messages it took.
    pub messages: usize,
    /// How many bytes they had.
    pub bytes: usize,
}

/// A table that is created, or altered, for the rows of the batch.
pub struct Change {
    /// Of which topic.
    pub topic: usize,
    /// What it looks like then.
    pub definition: Definition,
    /// The statement that makes it so.
    pub statement: String,
}

/// A range of offsets, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The stored position that the batch continues from.
    pub from: i64,
    /// The position after it.
    pub to: i64,
}

/// The rows of one topic as binary COPY, with what they were made of.
#[derive(Default)]
pub struct Rows {
    /// The rows without header and trailer.
    pub copy: Vec<u8>,
    /// Where each row ends.
    pub ends: Vec<usize>,
    /// The message of each row.
    pub originals: Originals,
}

impl Batch {
    /// An empty batch for so many topics.
    pub fn new(topics: usize) -> Self {
        Self { rows: (0..topics).map(|_| Rows::default()).collect(), ..Self::default() }
    }
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of the rows from `from` to before `to`.
    pub fn slice(&self, from: usize, to: usize) -> &[u8] {
        let end_of = |row: usize| row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.copy[end_of(from)..end_of(to)]
    }
}
