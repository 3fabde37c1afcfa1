//! The log: changes of leaves since the last compaction.

use super::tables::{damaged, Tables};
use crate::pg::server::transaction::is_serializable;
use crate::pg::tables::table::{Row, ScanKey, Snapshot, Table};
use crate::pg::values::value::Value;
use pgrx::pg_sys::ItemPointerData;
use tally_stats::tree::Contents;

const SERIES: i16 = 1;
const LEAF: i16 = 2;
const TREE: i16 = 3;
const KEY: i16 = 4;
const DELTA: i16 = 5;

/// The most blocks that are read all: 32 MB, which takes some milliseconds.
const MOST_BLOCKS: u32 = 4096;
/// Blocks of the table that are read in the time in which the entries of a block of the index are looked up.
const BLOCKS_PER_INDEX_BLOCK: u32 = 8;

/// A change of a leaf.
#[derive(Clone, Debug)]
pub enum Change {
    /// Rows were added, with these contents.
    Add(Contents),
    /// Rows were deleted or updated: the leaf must be read from the base table.
    Dirty,
}

impl Change {
    /// Adds another change of the same leaf. A dirty leaf stays dirty.
    pub fn and(&mut self, other: Change) {
        match (&mut *self, other) {
            (Change::Add(sum), Change::Add(part)) => sum.merge(&part),
            _ => *self = Change::Dirty,
        }
    }
}

/// An entry of the log as it is stored.
#[derive(Clone, Copy)]
pub struct Entry<'r> {
    /// The hash of the key of its series.
    pub series: i64,
    pub leaf: i64,
    pub key: &'r [u8],
    pub delta: Option<&'r [u8]>,
}

impl<'r> Entry<'r> {
    fn of(row: &'r Row) -> Entry<'r> {
        let key = row.bytes(KEY).unwrap_or_default();
        Entry { series: row.integer(SERIES), leaf: row.integer(LEAF), key, delta: row.bytes(DELTA) }
    }

    /// The change of its leaf, in a tree with this many values.
    pub fn change(&self, values: usize) -> Change {
        match self.delta {
            Some(bytes) if !Contents::is_of_first_format(bytes) => {
                Change::Add(Contents::from_bytes(values, bytes).unwrap_or_else(|| damaged("log entries")))
            }
            // The first format does not hold the number of rows: the base table is asked.
            _ => Change::Dirty,
        }
    }
}

/// Returns an entry as a row of its table.
pub fn row(tree: i32, series: i64, key: &[u8], leaf: i64, change: &Change) -> Vec<Option<Value>> {
    let delta = match change {
        Change::Add(contents) => Some(Value::from(contents.to_bytes().as_slice())),
        Change::Dirty => None,
    };
    vec![Some(series.into()), Some(leaf.into()), Some(tree.into()), Some(key.into()), delta]
}

/// The series of a tree whose entries are read.
#[derive(Clone, Copy)]
pub struct LoggedSeries<'k> {
    pub tree: i32,
    /// The hash of the key.
    pub hash: i64,
    pub key: &'k [u8],
}

/// Calls `each` with the entries of the leaves `first ..= last` of a series that the active snapshot sees, by leaf,
/// until it returns false.
pub fn of_series(
    tables: &Tables,
    series: LoggedSeries,
    first: i64,
    last: i64,
    mut each: impl FnMut(Entry) -> bool,
) {
    let keys = [
        ScanKey::Integer(TREE, series.tree),
        ScanKey::Equal(SERIES, series.hash),
        ScanKey::Between(LEAF, first, last),
    ];
    Table::read(tables.log).scan(tables.log_leaf, Snapshot::Active, &keys, |row| {
        // Another series may have the same hash.
        row.bytes(KEY) != Some(series.key) || each(Entry::of(row))
    });
}

/// Calls `each` with the entries of the leaves `first ..= last` of all series of a tree that the active snapshot sees, by
/// series and leaf, until it returns false.
pub fn of_leaves(tables: &Tables, tree: i32, first: i64, last: i64, mut each: impl FnMut(Entry) -> bool) {
    let keys = [ScanKey::Integer(TREE, tree), ScanKey::Between(LEAF, first, last)];
    Table::read(tables.log).scan(tables.log_leaf, Snapshot::Active, &keys, |row| each(Entry::of(row)));
}

/// Calls `each` with every entry of a tree that the active snapshot sees, in any order, until it returns false.
///
/// While a transaction stays open that began long ago, vacuum leaves entries that compactions have deleted. Passing over them
/// takes a tenth of the time in the table of what it takes in the index.
pub fn of_tree(tables: &Tables, tree: i32, mut each: impl FnMut(Entry) -> bool) {
    let table = Table::read(tables.log);
    let (blocks, index_blocks) = table.blocks(tables.log_leaf);
    // Reading a whole table would make a serializable transaction conflict with the writers of all trees.
    if blocks > MOST_BLOCKS || blocks / BLOCKS_PER_INDEX_BLOCK > index_blocks || is_serializable() {
        return of_leaves(tables, tree, i64::MIN, i64::MAX, each);
    }
    table.scan_whole(&[ScanKey::Integer(TREE, tree)], |row| each(Entry::of(row)));
}

/// Calls `each` with every entry of a tree that the active snapshot sees, and the place of its row, by series and leaf.
pub fn all(tables: &Tables, tree: i32, mut each: impl FnMut(ItemPointerData, Entry)) {
    Table::read(tables.log).scan(tables.log_leaf, Snapshot::Active, &[ScanKey::Integer(TREE, tree)], |row| {
        each(row.id(), Entry::of(row));
        true
    });
}

/// Whether the active snapshot sees at least `many` entries of a tree.
pub fn has(tables: &Tables, tree: i32, many: u64) -> bool {
    let mut count = 0;
    of_leaves(tables, tree, i64::MIN, i64::MAX, |_| {
        count += 1;
        count < many
    });
    count >= many
}
