//! The stored nodes, each with its ten children in one row.

use super::state::Totals;
use super::tables::{damaged, Tables};
use crate::pg::table::{Row, ScanKey, Snapshot, Table, Writer};
use pgrx::pg_sys;
use tally_stats::tree::Block;

const SERIES: i16 = 1;
const NODE: i16 = 2;
const TREE: i16 = 3;
const LEVEL: i16 = 4;
const BLOCK: i16 = 5;

/// The nodes of one series.
#[derive(Clone, Copy)]
pub struct Nodes<'t> {
    pub tables: &'t Tables,
    pub table: &'t Table,
    pub tree: i32,
    pub values: usize,
    pub series: i64,
}

/// A node as it was read.
pub struct Stored {
    pub node: i64,
    pub block: Block,
    pub row: pg_sys::ItemPointerData,
    /// The bytes that the node takes on disk.
    pub size: i64,
}

/// Returns about how many nodes a tree of this size has on a level.
pub fn about_how_many(totals: Totals, values: usize, level: u32) -> i64 {
    let full = OVERHEAD + 10 * FULL_CHILD * values as i64;
    (totals.bytes / full).div_euclid(10_i64.saturating_pow(level - 1)).max(totals.num_series)
}

/// Bytes of the tally of many values.
const FULL_CHILD: i64 = 55;

/// Bytes that a node takes on disk apart from its block: the header and the other columns of the row, its line pointer, and its entry
/// in the index.
const OVERHEAD: i64 = 24 + 22 + 4 + 32;

impl Nodes<'_> {
    /// Calls `each` with the nodes `first ..= last` of a level that have blocks, in order.
    pub fn read(self, snapshot: Snapshot, level: u32, first: i64, last: i64, mut each: impl FnMut(Stored)) {
        let keys = [
            ScanKey::Integer(TREE, self.tree),
            ScanKey::Small(LEVEL, level as i16),
            ScanKey::Equal(SERIES, self.series),
            ScanKey::Between(NODE, first, last),
        ];
        self.table.scan(self.tables.node_level, snapshot, &keys, |row| {
            each(stored(row, self.values));
            true
        });
    }

    /// Writes a node. Returns the bytes that it takes on disk.
    pub fn write(
        self,
        writer: &Writer,
        level: u32,
        node: i64,
        before: Option<pg_sys::ItemPointerData>,
        block: &Block,
    ) -> i64 {
        let bytes = block.to_bytes();
        let columns = [
            Some(self.series.into()),
            Some(node.into()),
            Some(self.tree.into()),
            Some((level as i16).into()),
            Some(bytes.as_slice().into()),
        ];
        match before {
            Some(row) if block.is_empty() => writer.delete(row),
            Some(row) => writer.update(row, &columns),
            None if block.is_empty() => {}
            None => writer.insert(&columns),
        }
        if block.is_empty() {
            0
        } else {
            size(&bytes)
        }
    }
}

/// The nodes of all series of a level.
#[derive(Clone, Copy)]
pub struct Level<'t> {
    pub tables: &'t Tables,
    pub table: &'t Table,
    pub tree: i32,
    pub values: usize,
    pub level: u32,
}

impl Level<'_> {
    /// Calls `each` with the series and the node of the nodes `first ..= last` that have blocks, series by series in the order of their
    /// hashes.
    pub fn read(self, first: i64, last: i64, mut each: impl FnMut(i64, Stored)) {
        let keys = [
            ScanKey::Integer(TREE, self.tree),
            ScanKey::Small(LEVEL, self.level as i16),
            ScanKey::Between(NODE, first, last),
        ];
        self.table.scan(self.tables.node_level, Snapshot::Active, &keys, |row| {
            each(row.integer(SERIES), stored(row, self.values));
            true
        });
    }
}

fn stored(row: &Row, values: usize) -> Stored {
    let bytes = row.bytes(BLOCK).unwrap_or_default();
    let block = Block::from_bytes(values, bytes).unwrap_or_else(|| damaged("nodes"));
    Stored { node: row.integer(NODE), block, row: row.id(), size: size(bytes) }
}

fn size(block: &[u8]) -> i64 {
    block.len() as i64 + OVERHEAD
}
