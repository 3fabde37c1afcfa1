//! The log: changes of leaves since the last compaction.

use super::state::TreeState;
use super::tables::{damaged, Tables};
use crate::pg::server::lookup::transaction_number;
use crate::pg::server::transaction::is_serializable;
use crate::pg::tables::passing_over::{IndexEntry, PassedOver};
use crate::pg::tables::table::{Row, ScanKey, Snapshot, Table};
use crate::pg::values::value::Value;
use pgrx::pg_sys::ItemPointerData;
use tally_stats::tree::Contents;

const SERIES: i16 = 1;
const LEAF: i16 = 2;
const TREE: i16 = 3;
const KEY: i16 = 4;
const DELTA: i16 = 5;
/// The transaction that wrote the entry. Version 0.1.0 has no such column.
const TRANSACTION: i16 = 6;

/// The most blocks that are read all: 32 MB, which takes some milliseconds.
const MOST_BLOCKS: u32 = 4096;
/// Blocks of the table that are read in the time in which the entries of a block of the index are looked up.
const BLOCKS_PER_INDEX_BLOCK: u32 = 8;
/// Entries of a leaf that are passed over one by one, before those that may be seen are looked up: that takes as long.
const MOST_PASSED: usize = 32;
/// The places of columns in the index.
const SERIES_OF_INDEX: usize = 2;
const LEAF_OF_INDEX: usize = 3;

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

/// The log as a transaction writes it.
pub struct LogWriter {
    table: Table,
    tree: i32,
    /// The transaction; None where the table has no column for it.
    transaction: Option<i64>,
}

impl LogWriter {
    pub fn new(tree: i32) -> LogWriter {
        let table = Table::write(Tables::get().log);
        let has_column = table.columns() >= TRANSACTION as usize;
        LogWriter { table, tree, transaction: has_column.then(|| transaction_number() as i64) }
    }

    /// Returns an entry as a row.
    pub fn row(&self, series: i64, key: &[u8], leaf: i64, change: &Change) -> Vec<Option<Value>> {
        let delta = match change {
            Change::Add(contents) => Some(Value::from(contents.to_bytes().as_slice())),
            Change::Dirty => None,
        };
        let [series, leaf, tree, key] = [series.into(), leaf.into(), self.tree.into(), key.into()].map(Some);
        match self.transaction {
            Some(transaction) => vec![series, leaf, tree, key, delta, Some(transaction.into())],
            None => vec![series, leaf, tree, key, delta],
        }
    }

    /// Appends rows.
    pub fn append<'r>(&self, rows: impl Iterator<Item = Vec<Option<Value>>> + 'r) {
        self.table.writer().insert_all(rows);
    }
}

/// A series whose entries are read.
#[derive(Clone, Copy)]
pub struct LoggedSeries<'k> {
    /// The hash of the key.
    pub hash: i64,
    pub key: &'k [u8],
}

/// The log of a tree, as the active snapshot sees it.
///
/// While a transaction stays open that began long ago, vacuum leaves entries that compactions have deleted. Those of a leaf are next
/// to each other in the index, by transaction, and the state of the tree tells up to which transaction they are gone.
#[derive(Clone, Copy)]
pub struct Log {
    tables: Tables,
    tree: i32,
    /// The transaction up to which entries are gone.
    folded: u64,
}

impl Log {
    /// The log of a tree whose state is seen to be folded so far.
    pub fn of(tables: &Tables, tree: i32, folded: u64) -> Log {
        Log { tables: *tables, tree, folded }
    }

    /// The log of a tree, with the state that the active snapshot sees.
    pub fn seen(tables: &Tables, tree: i32) -> Log {
        Log::of(tables, tree, TreeState::folded(tables, tree))
    }

    /// Calls `each` with the entries of the leaves `first ..= last` of a series, by leaf, until it returns false.
    pub fn of_series(
        &self,
        series: LoggedSeries,
        first: i64,
        last: i64,
        mut each: impl FnMut(Entry) -> bool,
    ) {
        self.of_hash(&self.table(), series.hash, first, last, &mut |row| {
            // Another series may have the same hash.
            row.bytes(KEY) != Some(series.key) || each(Entry::of(row))
        });
    }

    /// Calls `each` with the entries of the leaves `first ..= last` of all series, by series and leaf, until it returns
    /// false.
    pub fn of_leaves(&self, first: i64, last: i64, mut each: impl FnMut(Entry) -> bool) {
        self.of_all(first, last, &mut |row| each(Entry::of(row)));
    }

    /// Calls `each` with every entry, in any order, until it returns false.
    ///
    /// Passing over entries that are gone takes a tenth of the time in the table of what it takes in the index.
    pub fn of_tree(&self, mut each: impl FnMut(Entry) -> bool) {
        let table = self.table();
        let (blocks, index_blocks) = table.blocks(self.tables.log_leaf);
        // Reading a whole table would make a serializable transaction conflict with the writers of all trees.
        if blocks > MOST_BLOCKS || blocks / BLOCKS_PER_INDEX_BLOCK > index_blocks || is_serializable() {
            return self.of_leaves(i64::MIN, i64::MAX, each);
        }
        table.scan_whole(&[ScanKey::Integer(TREE, self.tree)], |row| each(Entry::of(row)));
    }

    /// Calls `each` with every entry, and the place of its row, by series and leaf.
    pub fn all(&self, mut each: impl FnMut(ItemPointerData, Entry)) {
        self.of_all(i64::MIN, i64::MAX, &mut |row| {
            each(row.id(), Entry::of(row));
            true
        });
    }

    /// Whether there are at least `many` entries.
    pub fn has(&self, many: u64) -> bool {
        let mut count = 0;
        self.of_tree(|_| {
            count += 1;
            count < many
        });
        count >= many
    }

    fn table(&self) -> Table {
        Table::read(self.tables.log)
    }

    /// The rows of a series, by leaf.
    fn of_hash(&self, table: &Table, series: i64, first: i64, last: i64, each: &mut dyn FnMut(&Row) -> bool) {
        let (tree, of_series) = (ScanKey::Integer(TREE, self.tree), ScanKey::Equal(SERIES, series));
        let (mut next, mut goes_on) = (Some(first), true);
        while let Some(from) = next.filter(|&from| goes_on && from <= last) {
            let keys = [tree, of_series, ScanKey::Between(LEAF, from, last)];
            let full = self.scan(table, &keys, |row| each(row)).map(|entry| entry.integer(LEAF_OF_INDEX));
            if let Some(leaf) = full {
                let rest = ScanKey::Between(TRANSACTION, self.folded as i64, i64::MAX);
                let keys = [tree, of_series, ScanKey::Equal(LEAF, leaf), rest];
                table.scan(self.tables.log_leaf, Snapshot::Active, &keys, |row| {
                    goes_on = each(row);
                    goes_on
                });
            }
            next = full.and_then(|leaf| leaf.checked_add(1));
        }
    }

    /// The rows of all series, by series and leaf.
    fn of_all(&self, first: i64, last: i64, each: &mut dyn FnMut(&Row) -> bool) {
        let (table, tree) = (self.table(), ScanKey::Integer(TREE, self.tree));
        let (mut next, mut goes_on) = (Some(i64::MIN), true);
        while let Some(from) = next.filter(|_| goes_on) {
            let keys = [tree, ScanKey::Between(SERIES, from, i64::MAX), ScanKey::Between(LEAF, first, last)];
            let full = self.scan(&table, &keys, |row| each(row));
            let full = full.map(|entry| (entry.integer(SERIES_OF_INDEX), entry.integer(LEAF_OF_INDEX)));
            if let Some((series, leaf)) = full {
                self.of_hash(&table, series, leaf, last, &mut |row| {
                    goes_on = each(row);
                    goes_on
                });
            }
            next = full.and_then(|(series, _)| series.checked_add(1));
        }
    }

    /// Reads by the index. Ends where it has passed over too many entries of a leaf, and returns one of them.
    fn scan(&self, table: &Table, keys: &[ScanKey], each: impl FnMut(&Row) -> bool) -> Option<IndexEntry> {
        let index = self.tables.log_leaf;
        if self.folded == 0 {
            // The index of version 0.1.0 does not tell transactions.
            table.scan(index, Snapshot::Active, keys, each);
            return None;
        }
        let passed = PassedOver { below: self.folded as i64, most: MOST_PASSED };
        table.scan_passing_over(index, keys, passed, each)
    }
}
