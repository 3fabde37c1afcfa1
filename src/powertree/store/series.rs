//! The series of trees, by the hash of their keys.

use super::tables::Tables;
use crate::pg::tables::table::{ScanKey, Snapshot, Table};

const HASH: i16 = 1;
const TREE: i16 = 2;
const KEY: i16 = 3;

/// The key of the series with this hash, if it has nodes.
pub fn key_of(tables: &Tables, tree: i32, series: i64, snapshot: Snapshot) -> Option<Vec<u8>> {
    let mut found = None;
    let keys = [ScanKey::Integer(TREE, tree), ScanKey::Equal(HASH, series)];
    Table::read(tables.series).scan(tables.series_hash, snapshot, &keys, |row| {
        found = row.bytes(KEY).map(<[u8]>::to_vec);
        false
    });
    found
}

/// Calls `each` with the hash and the key of every series of a tree that the active snapshot sees, in the order of
/// hashes.
pub fn all(tables: &Tables, tree: i32, mut each: impl FnMut(i64, &[u8])) {
    let keys = [ScanKey::Integer(TREE, tree)];
    Table::read(tables.series).scan(tables.series_hash, Snapshot::Active, &keys, |row| {
        each(row.integer(HASH), row.bytes(KEY).unwrap_or_default());
        true
    });
}
