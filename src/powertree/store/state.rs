//! States of trees: their columns, their last compaction, and whether they are stale.

use super::tables::Tables;
use crate::pg::server::error::raise;
use crate::pg::tables::table::{Row, ScanKey, Snapshot, Table};
use crate::pg::values::value::{Moment, Value};
use pgrx::pg_sys;
use pgrx::PgSqlErrorCode;

/// The state of a tree: a row that only compactions, rebuilds and DDL write.
#[derive(Clone, Debug)]
pub struct TreeState {
    pub tree: i32,
    /// The numbers of the columns: `at`, values, then series.
    pub columns: Vec<i16>,
    /// Types of the columns.
    pub types: Vec<pg_sys::Oid>,
    /// The last transaction that changed rows for older snapshots too.
    pub horizon: u64,
    pub compactions: i64,
    /// The time of the last compaction, in microseconds since 2000.
    pub compacted_at: Option<i64>,
    /// The reason why the tree is no longer kept in step.
    pub stale: Option<String>,
    /// The size of the tree, maintained by compactions.
    pub totals: Totals,
    /// The format of its nodes.
    pub format: i16,
    /// The transaction up to which the log is in the nodes: entries of earlier ones are gone.
    pub folded: u64,
}

/// The current format of nodes. The second format has the number of rows and their first and last position; the first
/// had only tallies.
pub const FORMAT: i16 = 2;
const FIRST_FORMAT: i16 = 1;

/// The size of a tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// The number of values of the first value column in the nodes.
    pub num_vals: i64,
    /// The number of series that have had values.
    pub num_series: i64,
    /// The bytes that the nodes take on disk, their index included.
    pub bytes: i64,
}

/// The number of columns of the table since the second format of nodes, and since the log tells transactions.
const COLUMNS: usize = 12;

/// Raises an error if the table has no column for the format: nodes of the second format would be taken for those of
/// the first.
pub fn require_format(tables: &Tables) {
    if Table::read(tables.state).columns() < COLUMNS {
        raise(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "the tables of extension pg_tally are those of another version",
            "Nodes have another format now.",
            "Update the extension: ALTER EXTENSION pg_tally UPDATE.",
        );
    }
}

impl TreeState {
    /// Reads the latest state, whatever the active snapshot sees; None after a restore.
    pub fn read(tables: &Tables, tree: i32) -> Option<TreeState> {
        TreeState::find(tables, tree, Snapshot::Latest).map(|(state, _)| state)
    }

    /// Reads the state that the active snapshot sees, which belongs to the nodes that it sees.
    pub fn visible(tables: &Tables, tree: i32) -> Option<TreeState> {
        TreeState::find(tables, tree, Snapshot::Active).map(|(state, _)| state)
    }

    /// The transaction up to which the log is in the nodes that the active snapshot sees.
    pub fn folded(tables: &Tables, tree: i32) -> u64 {
        let mut folded = 0;
        let keys = [ScanKey::Integer(1, tree)];
        Table::read(tables.state).scan(tables.state_tree, Snapshot::Active, &keys, |row| {
            folded = row.integer(12) as u64;
            false
        });
        folded
    }

    fn find(tables: &Tables, tree: i32, snapshot: Snapshot) -> Option<(TreeState, pg_sys::ItemPointerData)> {
        let mut found = None;
        let keys = [ScanKey::Integer(1, tree)];
        Table::read(tables.state).scan(tables.state_tree, snapshot, &keys, |row| {
            found = Some((TreeState::of(row), row.id()));
            false
        });
        found
    }

    fn of(row: &Row) -> TreeState {
        TreeState {
            tree: row.integer(1) as i32,
            columns: row.smallints(2).unwrap_or_default(),
            types: row.oids(3).unwrap_or_default(),
            horizon: row.integer(4) as u64,
            compactions: row.integer(5),
            compacted_at: row.integer_or_null(6),
            stale: row.text(7),
            totals: Totals { num_vals: row.integer(8), num_series: row.integer(9), bytes: row.integer(10) },
            // The table of version 0.1.0 has no such column.
            format: row.integer_or_null(11).map_or(FIRST_FORMAT, |format| format as i16),
            folded: row.integer(12) as u64,
        }
    }

    /// Writes the state, replacing an earlier one.
    pub fn write(&self, tables: &Tables) {
        let columns = [
            Some(self.tree.into()),
            Some(self.columns.clone().into()),
            Some(self.types.clone().into()),
            Some((self.horizon as i64).into()),
            Some(self.compactions.into()),
            self.compacted_at.map(|at| Moment(at).into()),
            self.stale.as_deref().map(Value::from),
            Some(self.totals.num_vals.into()),
            Some(self.totals.num_series.into()),
            Some(self.totals.bytes.into()),
            Some(self.format.into()),
            Some((self.folded as i64).into()),
        ];
        let table = Table::write(tables.state);
        // The table of version 0.1.0 has fewer columns, until ALTER EXTENSION UPDATE.
        let columns = &columns[..table.columns().min(columns.len())];
        match TreeState::find(tables, self.tree, Snapshot::Latest) {
            Some((_, row)) => table.writer().update(row, columns),
            None => table.writer().insert(columns),
        }
    }
}
