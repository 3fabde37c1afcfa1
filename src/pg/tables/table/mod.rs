//! Reading and writing the extension's own tables: index scans, inserts and updates, without SQL and without checks of
//! privileges.

mod conditions;
mod row;
mod writer;

pub(super) use conditions::Conditions;
pub use conditions::ScanKey;
pub use row::Row;
pub use writer::Writer;

use super::open_relation::OpenRelation;
use super::relation::blocks;
use crate::pg::memory::heap;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use pgrx::pg_sys::{self, Oid};
use std::ptr::null_mut;

// PostgreSQL defines this function so.
unsafe extern "C-unwind" {
    safe fn GetActiveSnapshot() -> pg_sys::Snapshot;
}

/// The most columns of a table of the extension.
const MOST_COLUMNS: usize = 16;

/// An open table of the extension.
pub struct Table {
    pub(super) relation: OpenRelation,
    columns: usize,
}

impl Table {
    /// Opens a table with the lock for reading or writing rows, which is kept until the end of the transaction.
    fn open(table: Oid, lock: u32) -> Table {
        let relation = OpenRelation::table(table, lock);
        let table = Table { columns: relation.row_type().count(), relation };
        if table.columns > MOST_COLUMNS {
            defect("a table with more columns than it was made with");
        }
        table
    }

    /// The number of its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Opens a table to read.
    pub fn read(table: Oid) -> Table {
        Table::open(table, pg_sys::AccessShareLock)
    }

    /// Opens a table to write.
    pub fn write(table: Oid) -> Table {
        Table::open(table, pg_sys::RowExclusiveLock)
    }

    /// Calls `each` for the rows that the snapshot sees, in the order of the index, until it returns false.
    pub fn scan(&self, index: Oid, snapshot: Snapshot, keys: &[ScanKey], mut each: impl FnMut(&Row) -> bool) {
        self.scan_each(index, snapshot, std::iter::once(keys), |_, row| each(row));
    }

    /// Does the same for several keys, which are of the same columns: `each` is told the number of the keys as well, and
    /// ends the rows of these alone. Less work than a scan for each.
    pub fn scan_each<K: AsRef<[ScanKey]>>(
        &self,
        index: Oid,
        snapshot: Snapshot,
        all: impl Iterator<Item = K>,
        mut each: impl FnMut(usize, &Row) -> bool,
    ) {
        let mut all = all.map(|keys| Conditions::of(keys.as_ref()));
        let Some(first) = all.next() else { return };
        let mut keys = first.keys();
        let count = first.count as i32;
        // SAFETY: the index is checked to belong to this table; the snapshot lives as long as the scan; a row is read
        // before the next is fetched. Other conditions differ from the first in arguments alone, which are integers.
        unsafe {
            let index = OpenRelation::index(index, pg_sys::AccessShareLock);
            if (*index.rd_index).indrelid != self.relation.rd_id {
                defect("an index of another table");
            }
            let (relation, snapshot) = (self.relation.pointer(), snapshot.pointer());
            let row_type = self.relation.row_type();
            let scan = pg_sys::systable_beginscan_ordered(
                relation,
                index.pointer(),
                snapshot,
                count,
                keys.as_mut_ptr(),
            );
            for (number, conditions) in std::iter::once(None).chain(all.map(Some)).enumerate() {
                if let Some(conditions) = conditions {
                    if !conditions.are_like(&first) {
                        defect("conditions of another kind");
                    }
                    // The scan knows its columns by their numbers in the index.
                    let known = std::slice::from_raw_parts((*(*scan).iscan).keyData, first.count);
                    for ((key, known), condition) in keys.iter_mut().zip(known).zip(&conditions.all) {
                        *key = *known;
                        key.sk_argument = condition.argument.into();
                    }
                    pg_sys::index_rescan((*scan).iscan, keys.as_mut_ptr(), count, null_mut(), 0);
                }
                loop {
                    heap::check();
                    pgrx::check_for_interrupts!();
                    let tuple =
                        pg_sys::systable_getnext_ordered(scan, pg_sys::ScanDirection::ForwardScanDirection);
                    if tuple.is_null() || !each(number, &Row::new(tuple, row_type)) {
                        break;
                    }
                }
            }
            pg_sys::systable_endscan_ordered(scan);
        }
    }

    /// Calls `each` for the rows that the active snapshot sees, in any order, until it returns false: reads all of the
    /// table, where a row that is gone costs less than by an index.
    pub fn scan_whole(&self, keys: &[ScanKey], mut each: impl FnMut(&Row) -> bool) {
        let conditions = Conditions::of(keys);
        let mut keys = conditions.keys();
        // SAFETY: the snapshot lives as long as the scan; a row is read before the next is fetched.
        unsafe {
            let (count, snapshot) = (conditions.count as i32, Snapshot::Active.pointer());
            let row_type = self.relation.row_type();
            let scan = pg_sys::systable_beginscan(
                self.relation.pointer(),
                Oid::INVALID,
                false,
                snapshot,
                count,
                keys.as_mut_ptr(),
            );
            loop {
                heap::check();
                pgrx::check_for_interrupts!();
                let tuple = pg_sys::systable_getnext(scan);
                if tuple.is_null() || !each(&Row::new(tuple, row_type)) {
                    break;
                }
            }
            pg_sys::systable_endscan(scan);
        }
    }

    /// Whether there has never been a row since the table was made or emptied.
    pub fn is_empty(&self) -> bool {
        blocks(&self.relation) == 0
    }

    /// The number of blocks of the table and of an index.
    pub fn blocks(&self, index: Oid) -> (u32, u32) {
        (blocks(&self.relation), blocks(&OpenRelation::index(index, pg_sys::AccessShareLock)))
    }
}

/// The rows that a scan sees.
#[derive(Clone, Copy)]
pub enum Snapshot {
    /// The rows that the running query sees.
    Active,
    /// Rows of committed transactions and of this one.
    Latest,
    /// Rows of committed transactions and of this one, including those of the running command.
    Own,
}

impl Snapshot {
    pub(super) fn pointer(self) -> pg_sys::Snapshot {
        match self {
            Snapshot::Active => caught(|| GetActiveSnapshot()),
            Snapshot::Latest => std::ptr::null_mut(),
            Snapshot::Own => &raw mut pg_sys::SnapshotSelfData,
        }
    }
}
