//! Archived leaves, ten of them in a row. Every later version has to read their form, that of [`Block`].

use crate::pg::memory::heap;
use crate::pg::memory::scratch::Scratch;
use crate::pg::server::error::raise;
use crate::pg::tables::table::{ScanKey, Snapshot, Table, Writer};
use crate::powertree::store::log::LoggedSeries;
use crate::powertree::store::tables::{damaged, ArchiveTables, Tables};
use pgrx::pg_sys::ItemPointerData;
use pgrx::PgSqlErrorCode;
use std::collections::BTreeMap;
use tally_stats::tree::{Block, Contents, FANOUT};

const SERIES: i16 = 1;
const NODE: i16 = 2;
const TREE: i16 = 3;
const KEY: i16 = 4;
const BLOCK: i16 = 5;

/// The archived leaves of a tree.
#[derive(Clone, Copy)]
pub struct Archive {
    tables: ArchiveTables,
    tree: i32,
    values: usize,
}

/// A stored node.
struct ArchivedNode<'r> {
    series: LoggedSeries<'r>,
    node: i64,
    block: Block,
    row: ItemPointerData,
}

impl ArchivedNode<'_> {
    /// The leaves with rows, and their contents.
    fn leaves(&self) -> impl Iterator<Item = (i64, Contents)> + '_ {
        let begin = self.node.saturating_mul(FANOUT);
        let all = begin..=begin.saturating_add(FANOUT - 1);
        all.filter(|&leaf| self.block.extent(leaf).rows > 0).map(|leaf| {
            let (extent, tallies) = (*self.block.extent(leaf), self.block.child(leaf).to_vec());
            (leaf, Contents { extent, tallies })
        })
    }
}

/// Leaves of one series.
#[derive(Default)]
pub struct SeriesLeaves {
    /// The hash of the key.
    pub hash: i64,
    pub key: Vec<u8>,
    nodes: BTreeMap<i64, Block>,
}

impl SeriesLeaves {
    pub fn of(hash: i64, key: Vec<u8>) -> SeriesLeaves {
        SeriesLeaves { hash, key, nodes: BTreeMap::new() }
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds rows to a leaf.
    pub fn add(&mut self, leaf: i64, contents: &Contents) {
        heap::check();
        let values = contents.tallies.len();
        let block = self.nodes.entry(leaf.div_euclid(FANOUT)).or_insert_with(|| Block::empty(values));
        block.add(leaf, contents);
    }

    fn series(&self) -> LoggedSeries<'_> {
        LoggedSeries { hash: self.hash, key: &self.key }
    }
}

impl Archive {
    /// The archive of a tree with this many values; None where the extension has no tables for it.
    pub fn of(tables: &Tables, tree: i32, values: usize) -> Option<Archive> {
        tables.archive.map(|tables| Archive { tables, tree, values })
    }

    /// Calls `each` with the key of a series, and with number and contents of each leaf of `first ..= last` that has
    /// archived rows which the active snapshot sees: of one series, by leaf, or of all, series by series.
    pub fn read(
        self,
        series: Option<LoggedSeries>,
        first: i64,
        last: i64,
        mut each: impl FnMut(&[u8], i64, Contents),
    ) {
        self.scan(Snapshot::Active, series.map(|series| series.hash), first, last, |stored| {
            // Another series may have the same hash.
            if series.is_none_or(|series| series.key == stored.series.key) {
                let leaves = stored.leaves().filter(|(leaf, _)| (first..=last).contains(leaf));
                leaves.for_each(|(leaf, contents)| each(stored.series.key, leaf, contents));
            }
        });
    }

    /// Calls `each` with the nodes that have leaves of `first ..= last`, by series and leaf.
    fn scan(
        self,
        snapshot: Snapshot,
        series: Option<i64>,
        first: i64,
        last: i64,
        mut each: impl FnMut(ArchivedNode),
    ) {
        let tree = ScanKey::Integer(TREE, self.tree);
        let nodes = ScanKey::Between(NODE, first.div_euclid(FANOUT), last.div_euclid(FANOUT));
        let of_series = series.map(|series| [tree, ScanKey::Equal(SERIES, series), nodes]);
        let of_all = [tree, nodes];
        let keys = of_series.as_ref().map_or(&of_all[..], |keys| &keys[..]);
        Table::read(self.tables.leaf).scan(self.tables.leaf_series, snapshot, keys, |row| {
            let (key, bytes) = (row.bytes(KEY).unwrap_or_default(), row.bytes(BLOCK).unwrap_or_default());
            each(ArchivedNode {
                series: LoggedSeries { hash: row.integer(SERIES), key },
                node: row.integer(NODE),
                block: Block::from_bytes(self.values, bytes).unwrap_or_else(|| damaged("archived leaves")),
                row: row.id(),
            });
            true
        });
    }

    /// Adds rows to the leaves of a series.
    pub fn add(self, leaves: &SeriesLeaves) {
        let table = Table::write(self.tables.leaf);
        let writer = table.writer();
        for (&node, more) in &leaves.nodes {
            let (mut sum, mut before) = (more.clone(), None);
            let first = node.saturating_mul(FANOUT);
            self.scan(Snapshot::Own, Some(leaves.hash), first, first, |stored| {
                if stored.series.key != leaves.key {
                    same_hash();
                }
                before = Some(stored.row);
                stored.leaves().for_each(|(leaf, contents)| sum.add(leaf, &contents));
            });
            self.write(&writer, before, leaves.series(), node, &sum);
        }
    }

    fn write(
        self,
        writer: &Writer,
        before: Option<ItemPointerData>,
        series: LoggedSeries,
        node: i64,
        block: &Block,
    ) {
        let columns = [
            Some(series.hash.into()),
            Some(node.into()),
            Some(self.tree.into()),
            Some(series.key.into()),
            Some(block.to_bytes().as_slice().into()),
        ];
        match before {
            Some(row) if block.is_empty() => writer.delete(row),
            Some(row) => writer.update(row, &columns),
            None => writer.insert(&columns),
        }
    }

    /// Forgets the leaves `first ..= last` of all series. Returns how many had rows.
    pub fn forget(self, first: i64, last: i64) -> i64 {
        let (table, memory) = (Table::write(self.tables.leaf), Scratch::new("archived leaves"));
        let (writer, nothing) = (table.writer(), Contents::empty(self.values));
        let mut count = 0;
        self.scan(Snapshot::Latest, None, first, last, |stored| {
            let mut rest = stored.block.clone();
            for (leaf, _) in stored.leaves().filter(|(leaf, _)| (first..=last).contains(leaf)) {
                rest.set(leaf, &nothing);
                count += 1;
            }
            memory.with(|| self.write(&writer, Some(stored.row), stored.series, stored.node, &rest));
        });
        count
    }

    /// Counts the rows of the leaves `first ..= last` of all series, past what the running command has changed.
    pub fn num_rows(self, first: i64, last: i64) -> i64 {
        let mut count = 0;
        self.scan(Snapshot::Own, None, first, last, |stored| {
            let leaves = stored.leaves().filter(|(leaf, _)| (first..=last).contains(leaf));
            count += leaves.map(|(_, contents)| contents.extent.rows).sum::<i64>();
        });
        count
    }

    /// Makes leaves this many times wider.
    pub fn widen(self, times: i64) {
        let (table, memory) = (Table::write(self.tables.leaf), Scratch::new("archived leaves"));
        let writer = table.writer();
        // All nodes of a series are taken away before the new ones are written, of which some have the same numbers.
        let mut wider = SeriesLeaves::default();
        let next = |wider: &mut SeriesLeaves, series: LoggedSeries| {
            let before = std::mem::replace(wider, SeriesLeaves::of(series.hash, series.key.to_vec()));
            memory.with(|| self.add(&before));
        };
        self.scan(Snapshot::Latest, None, i64::MIN, i64::MAX, |stored| {
            if stored.series.key != wider.key || stored.series.hash != wider.hash {
                next(&mut wider, stored.series);
            }
            stored.leaves().for_each(|(leaf, contents)| wider.add(leaf.div_euclid(times), &contents));
            writer.delete(stored.row);
        });
        self.add(&wider);
    }
}

fn same_hash() -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        "two archived series of a power tree have the same hash",
        "",
        "Rename one of the series.",
    )
}
