//! The stored nodes, each with its ten children in one row.

use super::state::Totals;
use super::tables::{damaged, Tables};
use crate::pg::memory::heap::room;
use crate::pg::tables::table::{Row, ScanKey, Snapshot, Table, Writer};
use crate::pg::values::value::Value;
use pgrx::pg_sys;
use tally_stats::tree::{Block, Chosen, Contents};

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

/// A stored node.
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

/// The size of the tally of many values, in bytes.
const FULL_CHILD: i64 = 55;

/// The size of new nodes that are written together, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// The bytes that a node takes on disk besides its block: the header and the other columns of the row, its line
/// pointer, and its entry in the index.
const OVERHEAD: i64 = 24 + 22 + 4 + 32;

impl Nodes<'_> {
    /// Calls `each` with the nodes `first ..= last` of a level that have blocks, in order.
    pub fn read(self, snapshot: Snapshot, level: u32, first: i64, last: i64, mut each: impl FnMut(Stored)) {
        self.scan(snapshot, level, first, last, |row| each(stored(row, self.values)));
    }

    /// Calls `each` with the nodes `first ..= last` of a level that have blocks, in order, as the active snapshot sees
    /// them.
    pub fn visit(self, level: u32, first: i64, last: i64, mut each: impl FnMut(Unread)) {
        self.scan(Snapshot::Active, level, first, last, |row| each(Unread(row)));
    }

    fn scan(self, snapshot: Snapshot, level: u32, first: i64, last: i64, mut each: impl FnMut(&Row)) {
        let keys = [
            ScanKey::Integer(TREE, self.tree),
            ScanKey::Small(LEVEL, level as i16),
            ScanKey::Equal(SERIES, self.series),
            ScanKey::Between(NODE, first, last),
        ];
        self.table.scan(self.tables.node_level, snapshot, &keys, |row| {
            each(row);
            true
        });
    }

    /// Writes a node, or adds it to the new ones. Returns the bytes that it takes on disk.
    pub fn write(
        self,
        writer: &Writer,
        new: &mut NewNodes,
        level: u32,
        node: i64,
        before: Option<pg_sys::ItemPointerData>,
        block: &Block,
    ) -> i64 {
        if block.is_empty() {
            before.into_iter().for_each(|row| writer.delete(row));
            return 0;
        }
        let changed = Node { level, series: self.series, node, block: block.to_bytes() };
        let size = size(&changed.block);
        match before {
            Some(row) => writer.update(row, &changed.columns(self.tree)),
            None => new.add(changed),
        }
        size
    }
}

/// A node to be written, in the order of the index.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    level: u32,
    series: i64,
    node: i64,
    block: Vec<u8>,
}

impl Node {
    fn columns(&self, tree: i32) -> Vec<Option<Value>> {
        vec![
            Some(self.series.into()),
            Some(self.node.into()),
            Some(tree.into()),
            Some((self.level as i16).into()),
            Some(self.block.as_slice().into()),
        ]
    }
}

/// New nodes of many series, written together in the order of the index: those of a level are then next to each other on disk, where
/// a pass over all series reads them.
#[derive(Default)]
pub struct NewNodes {
    nodes: Vec<Node>,
    bytes: usize,
}

impl NewNodes {
    fn add(&mut self, node: Node) {
        room(&mut self.nodes, 1);
        self.bytes += node.block.len() + size_of::<Node>();
        self.nodes.push(node);
    }

    /// Whether the last ones are of a series.
    pub fn end_with(&self, series: i64) -> bool {
        self.nodes.last().is_some_and(|node| node.series == series)
    }

    pub fn are_many(&self) -> bool {
        self.bytes > MOST_BYTES
    }

    pub fn write(mut self, writer: &Writer, tree: i32) {
        self.nodes.sort_unstable();
        writer.insert_all(self.nodes.iter().map(|node| node.columns(tree)));
    }
}

/// The nodes of all series of a level.
#[derive(Clone, Copy)]
pub struct Level<'t> {
    pub tables: &'t Tables,
    pub table: &'t Table,
    pub tree: i32,
    pub level: u32,
}

impl Level<'_> {
    /// Calls `each` with the nodes `first ..= last` that have blocks, series by series in the order of their hashes.
    pub fn read(self, first: i64, last: i64, mut each: impl FnMut(Unread)) {
        let keys = [
            ScanKey::Integer(TREE, self.tree),
            ScanKey::Small(LEVEL, self.level as i16),
            ScanKey::Between(NODE, first, last),
        ];
        self.table.scan(self.tables.node_level, Snapshot::Active, &keys, |row| {
            each(Unread(row));
            true
        });
    }

    /// Calls `each` with the number of a look-up and the nodes that it finds, for each series, first and last node.
    pub fn look_up(self, all: impl Iterator<Item = (i64, i64, i64)>, mut each: impl FnMut(usize, Unread)) {
        let keys = all.map(|(series, first, last)| {
            [
                ScanKey::Integer(TREE, self.tree),
                ScanKey::Small(LEVEL, self.level as i16),
                ScanKey::Equal(SERIES, series),
                ScanKey::Between(NODE, first, last),
            ]
        });
        self.table.scan_each(self.tables.node_level, Snapshot::Active, keys, |number, row| {
            each(number, Unread(row));
            true
        });
    }

    /// Calls `each` with at most this many nodes, from those of the first series with at least this hash on.
    pub fn read_some(self, from: i64, most: usize, mut each: impl FnMut(Unread)) {
        let keys = [
            ScanKey::Integer(TREE, self.tree),
            ScanKey::Small(LEVEL, self.level as i16),
            ScanKey::Between(SERIES, from, i64::MAX),
        ];
        let mut count = 0;
        self.table.scan(self.tables.node_level, Snapshot::Active, &keys, |row| {
            each(Unread(row));
            count += 1;
            count < most
        });
    }
}

/// A stored node whose block has not been read yet.
pub struct Unread<'r>(&'r Row<'r>);

impl Unread<'_> {
    pub fn series(&self) -> i64 {
        self.0.integer(SERIES)
    }

    pub fn node(&self) -> i64 {
        self.0.integer(NODE)
    }

    /// Calls `each` with the children from `first` to `last`, numbered from 0 to 9, that have rows; their contents are
    /// in `scratch` during the call, with the tallies of the chosen values.
    pub fn children(
        &self,
        first: usize,
        last: usize,
        chosen: Chosen,
        scratch: &mut Contents,
        each: impl FnMut(usize, &Contents),
    ) {
        let bytes = self.0.bytes(BLOCK).unwrap_or_default();
        Block::visit(bytes, first, last, chosen, scratch, each).unwrap_or_else(|| damaged("nodes"));
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
