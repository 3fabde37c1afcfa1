//! What goes to PostgreSQL in one transaction.

pub mod assembler;
pub mod avro;
pub mod dead_letter;
pub mod keys;
mod not_ready;
pub mod raw_messages;
mod topic;

use std::collections::BTreeMap;

use crate::decode::Rows;
use crate::definition::Definition;
use crate::registry::Schema;
use dead_letter::MessageDeadLetter;
use raw_messages::RawMessages;

/// Rows, dead letters, new definitions, and the offsets that they cover.
#[derive(Default)]
pub struct MessageBatch {
    /// By topic and partition: from where to where the positions move.
    pub spans: BTreeMap<(usize, i32), OffsetSpan>,
    /// By topic and partition: how many messages no route takes, where these are to be ignored.
    pub ignored: BTreeMap<(usize, i32), i64>,
    /// By table.
    pub rows: Vec<Rows>,
    /// The messages that became rows, by the numbers that their rows have.
    pub raw_messages: RawMessages,
    /// The messages that could not become rows.
    pub dead_letters: Vec<MessageDeadLetter>,
    /// What becomes of tables first.
    pub changes: Vec<TableChange>,
    /// Schemas that were just fetched, to be kept.
    pub schemas: Vec<Schema>,
    /// How many messages it took.
    pub messages: usize,
    /// How many bytes they had.
    pub bytes: usize,
}

/// A table that is created, or altered, for the rows of the batch.
pub struct TableChange {
    /// Which of the tables.
    pub table: usize,
    /// What it looks like then.
    pub definition: Definition,
    /// The statement that makes it so, if it is not so already.
    pub statement: Option<String>,
}

/// A range of offsets, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetSpan {
    /// The stored position that the batch continues from.
    pub from: i64,
    /// The position after it.
    pub to: i64,
}

impl MessageBatch {
    /// An empty batch for this many tables.
    pub fn new(tables: usize) -> Self {
        Self { rows: (0..tables).map(|_| Rows::default()).collect(), ..Self::default() }
    }

    /// An empty batch with room for what is in this one: the next one will mostly be as large.
    pub fn next(&self) -> Self {
        Self {
            rows: self.rows.iter().map(Rows::like).collect(),
            raw_messages: RawMessages::like(&self.raw_messages),
            ..Self::default()
        }
    }
}
