//! Batches: what goes to PostgreSQL in one transaction.

pub mod assembler;
pub mod avro;
pub mod dead_letter;
pub mod keys;
mod not_ready;
pub mod raw_messages;
mod topic;

use std::collections::BTreeMap;

use tally_rows::decode::Rows;
use tally_rows::definition::Definition;
use tally_rows::registry::Schema;

use dead_letter::MessageDeadLetter;
use raw_messages::RawMessages;

/// Rows, dead letters, new definitions, and the offsets that they cover.
#[derive(Default)]
pub struct MessageBatch {
    /// The moves of the positions, by topic and partition.
    pub spans: BTreeMap<(usize, i32), OffsetSpan>,
    /// Numbers of messages that no route takes, if these are to be ignored, by topic and partition.
    pub ignored: BTreeMap<(usize, i32), i64>,
    /// The rows, by table.
    pub rows: Vec<Rows>,
    /// The messages that became rows, by the message numbers of the rows.
    pub raw_messages: RawMessages,
    /// The messages that could not become rows.
    pub dead_letters: Vec<MessageDeadLetter>,
    /// Changes of tables, to be made first.
    pub changes: Vec<TableChange>,
    /// Newly fetched schemas, to be stored as well.
    pub schemas: Vec<Schema>,
    /// Number of messages.
    pub messages: usize,
    /// Size of the messages in bytes.
    pub bytes: usize,
}

/// A table that is created, or altered, for the rows of the batch.
pub struct TableChange {
    /// Index of the table.
    pub table: usize,
    /// The definition after the change.
    pub definition: Definition,
    /// The DDL, unless the table already is as defined.
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
