//! Failed compactions: their errors, and when the worker tries again.

use super::tables::Tables;
use crate::pg::server::process::now;
use crate::pg::tables::table::{ScanKey, Snapshot, Table};
use crate::pg::values::value::Moment;

const TREE: i16 = 1;
const FAILURES: i16 = 3;
const FAILED_AT: i16 = 4;

/// The first and the longest pause between two attempts, in seconds. Each pause is twice as long as the one before.
const PAUSES: (i64, i64) = (2, 300);

/// Records why a tree was not compacted.
pub fn note(tables: &Tables, tree: i32, error: &str) {
    let Some((failure, index)) = tables.failure else { return };
    let table = Table::write(failure);
    let (mut row, mut failures) = (None, 0);
    table.scan(index, Snapshot::Latest, &[ScanKey::Integer(TREE, tree)], |found| {
        (row, failures) = (Some(found.id()), found.integer(FAILURES));
        false
    });
    let columns = [
        Some(tree.into()),
        Some(error.into()),
        Some((failures.saturating_add(1).min(i32::MAX.into()) as i32).into()),
        Some(Moment(now()).into()),
    ];
    match row {
        Some(row) => table.writer().update(row, &columns),
        None => table.writer().insert(&columns),
    }
}

/// Deletes the record of a failure.
pub fn forget(tables: &Tables, tree: i32) {
    let Some((failure, index)) = tables.failure else { return };
    let table = Table::write(failure);
    let mut row = None;
    table.scan(index, Snapshot::Latest, &[ScanKey::Integer(TREE, tree)], |found| {
        row = Some(found.id());
        false
    });
    if let Some(row) = row {
        table.writer().delete(row);
    }
}

/// Returns the trees whose pause after a failure is not over.
pub fn resting(tables: &Tables) -> Vec<i32> {
    let Some((failure, index)) = tables.failure else { return Vec::new() };
    let now = now();
    let mut resting = Vec::new();
    Table::read(failure).scan(index, Snapshot::Latest, &[], |row| {
        let (first, longest) = PAUSES;
        let doublings = (row.integer(FAILURES) - 1).clamp(0, 16) as u32;
        let pause = (first << doublings).min(longest) * 1_000_000;
        if now < row.integer(FAILED_AT).saturating_add(pause) {
            resting.push(row.integer(TREE) as i32);
        }
        true
    });
    resting
}
