//! Spans: ranges of leaves, of all series, that are read from the base table until the next compaction.

use super::tables::Tables;
use super::writing;
use crate::pg::memory::heap;
use crate::pg::server::process::transaction_if_any;
use crate::pg::tables::catalog::transaction_number;
use crate::pg::tables::table::{ScanKey, Snapshot, Table};
use crate::pg::values::value::Value;
use pgrx::pg_sys;

const TREE: i16 = 1;
const FIRST: i16 = 2;
const LAST: i16 = 3;
const BARRIER: i16 = 4;

/// The bounds of an empty span, which is only a barrier.
pub const NONE: (i64, i64) = (i64::MAX, i64::MIN);

/// The leaves `first ..= last`; empty if the last comes before the first.
pub struct Span {
    pub first: i64,
    pub last: i64,
    /// The transaction that changed rows for older snapshots too, as TRUNCATE does.
    pub barrier: Option<u64>,
    pub row: pg_sys::ItemPointerData,
}

impl Span {
    /// Whether the running transaction marked all leaves to be read from the base table.
    pub fn is_ours_and_all(&self) -> bool {
        (self.first, self.last, self.barrier) == (i64::MIN, i64::MAX, Some(transaction_if_any()))
    }
}

/// The snapshots that a change of rows affects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Later snapshots only, as for INSERT, UPDATE and DELETE.
    Later,
    /// Earlier snapshots too, as for TRUNCATE and changes of partitions.
    Earlier,
}

/// Appends a span.
pub fn append(tree: i32, first: i64, last: i64, reach: Reach, reason: &str) {
    let barrier = (reach == Reach::Earlier).then(transaction_number);
    let columns: [Option<Value>; 5] = [
        Some(tree.into()),
        Some(first.into()),
        Some(last.into()),
        barrier.map(|xid| (xid as i64).into()),
        Some(reason.into()),
    ];
    Table::write(Tables::get().span).writer().insert(&columns);
    if reach == Reach::Earlier {
        writing::reached_back(tree);
    }
}

/// Appends the span of all leaves.
pub fn append_all(tree: i32, reach: Reach, reason: &str) {
    append(tree, i64::MIN, i64::MAX, reach, reason);
}

/// The spans of a tree that a snapshot sees.
pub fn all(tables: &Tables, tree: i32, snapshot: Snapshot) -> Vec<Span> {
    let mut spans = Vec::new();
    Table::read(tables.span).scan(tables.span_tree, snapshot, &[ScanKey::Integer(TREE, tree)], |row| {
        heap::room(&mut spans, 1);
        spans.push(Span {
            first: row.integer(FIRST),
            last: row.integer(LAST),
            barrier: row.integer_or_null(BARRIER).map(|xid| xid as u64),
            row: row.id(),
        });
        true
    });
    spans
}
