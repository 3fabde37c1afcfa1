//! Runs of archived leaves.

use crate::pg::memory::heap;
use crate::pg::tables::table::{Row, ScanKey, Snapshot, Table};
use crate::pg::values::value::Value;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::{ItemPointerData, Oid};

const TREE: i16 = 1;
const FIRST: i16 = 2;
const LAST: i16 = 3;
const NUM_ROWS: i16 = 4;
const TYPES: i16 = 5;

/// Neighbouring leaves `first ..= last`, of all series, whose rows were archived. Runs of a tree do not overlap.
#[derive(Clone)]
pub struct ArchivedRun {
    pub first: i64,
    pub last: i64,
    pub num_rows: i64,
    /// Types of the columns, as in the state of the tree, when the rows were archived.
    pub types: Vec<Oid>,
    row: ItemPointerData,
}

impl ArchivedRun {
    pub fn new(first: i64, last: i64, num_rows: i64, types: Vec<Oid>) -> ArchivedRun {
        ArchivedRun { first, last, num_rows, types, row: ItemPointerData::default() }
    }

    /// Whether the run has any of the leaves `first ..= last`.
    pub fn touches(&self, first: i64, last: i64) -> bool {
        self.first <= last && first <= self.last
    }

    /// Whether both are the same row of the table.
    pub fn is(&self, other: &ArchivedRun) -> bool {
        let place = |run: &ArchivedRun| (run.row.ip_blkid.bi_hi, run.row.ip_blkid.bi_lo, run.row.ip_posid);
        place(self) == place(other)
    }

    fn of(row: &Row) -> ArchivedRun {
        ArchivedRun {
            first: row.integer(FIRST),
            last: row.integer(LAST),
            num_rows: row.integer(NUM_ROWS),
            types: row.oids(TYPES).unwrap_or_default(),
            row: row.id(),
        }
    }

    fn columns(&self, tree: i32) -> [Option<Value>; 5] {
        let [first, last, num_rows] = [self.first, self.last, self.num_rows].map(|x| Some(x.into()));
        [Some(tree.into()), first, last, num_rows, Some(self.types.clone().into())]
    }
}

/// The runs of a tree that a snapshot sees.
pub fn runs(tables: &Tables, tree: i32, snapshot: Snapshot) -> Vec<ArchivedRun> {
    let [runs] = runs_of_each(tables, tree, [snapshot]);
    runs
}

/// The runs of a tree that each snapshot sees. Every read of a table asks: it is opened once for all of them.
pub fn runs_of_each<const N: usize>(
    tables: &Tables,
    tree: i32,
    snapshots: [Snapshot; N],
) -> [Vec<ArchivedRun>; N] {
    let table = tables.archive.map(|archive| (Table::read(archive.run), archive.run_tree));
    let table = table.filter(|(table, _)| !table.is_empty());
    snapshots.map(|snapshot| {
        let mut runs = Vec::new();
        if let Some((table, index)) = &table {
            table.scan(*index, snapshot, &[ScanKey::Integer(TREE, tree)], |row| {
                heap::room(&mut runs, 1);
                runs.push(ArchivedRun::of(row));
                true
            });
        }
        runs
    })
}

/// Adds a run; those that it overlaps become one with it.
pub fn add_run(tables: &Tables, tree: i32, run: ArchivedRun) {
    let mut sum = run;
    for before in runs(tables, tree, Snapshot::Own) {
        if before.touches(sum.first, sum.last) {
            take_run(tables, &before);
            sum.first = sum.first.min(before.first);
            sum.last = sum.last.max(before.last);
            sum.num_rows += before.num_rows;
        }
    }
    if let Some(archive) = tables.archive {
        Table::write(archive.run).writer().insert(&sum.columns(tree));
    }
}

/// Takes a run away.
pub fn take_run(tables: &Tables, run: &ArchivedRun) {
    if let Some(archive) = tables.archive {
        Table::write(archive.run).writer().delete(run.row);
    }
}
