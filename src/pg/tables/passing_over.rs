//! Passing over entries of an index without a look at the table, as for rows that are gone and cannot be removed yet.

use super::open_relation::OpenRelation;
use super::table::{Conditions, Row, ScanKey, Snapshot, Table};
use crate::pg::memory::heap;
use crate::pg::server::error::defect;
use pgrx::pg_sys::{self, Datum, Oid};
use std::ptr::null_mut;

/// The most columns of an index.
const MOST_COLUMNS: usize = 8;

/// The entries of an index that are passed over.
#[derive(Clone, Copy)]
pub struct PassedOver {
    /// The last column of the index, a bigint, is less than this in them.
    pub below: i64,
    /// The most of them that are alike in all other columns.
    pub most: usize,
}

/// The columns of an entry of an index, all of them integers.
#[derive(Clone, Copy)]
pub struct IndexEntry {
    columns: [Datum; MOST_COLUMNS],
    count: usize,
}

impl IndexEntry {
    /// A column by its number in the index, from 1.
    pub fn integer(&self, column: usize) -> i64 {
        self.columns[column - 1].value() as i64
    }

    /// Whether all columns but the last are those of another entry.
    fn is_beside(&self, other: &IndexEntry) -> bool {
        (1..self.count).all(|column| self.integer(column) == other.integer(column))
    }
}

impl Table {
    /// Calls `each` for the rows that the active snapshot sees, in the order of the index, until it returns false. Passes over
    /// entries; where there are too many that are alike, the scan ends, and one of them is returned.
    pub fn scan_passing_over(
        &self,
        index: Oid,
        keys: &[ScanKey],
        passed: PassedOver,
        mut each: impl FnMut(&Row) -> bool,
    ) -> Option<IndexEntry> {
        let index = OpenRelation::index(index, pg_sys::AccessShareLock);
        let (conditions, row_type) = (Conditions::of(keys), self.relation.row_type());
        let mut keys = conditions.keys();
        let mut alike: Option<(IndexEntry, usize)> = None;
        let mut ended_at = None;
        // SAFETY: the index is checked to belong to this table, and to have no more columns than there is room for; the snapshot lives
        // as long as the scan; an entry and its row are read before the next is fetched.
        unsafe {
            let count = (*index.rd_att).natts as usize;
            if (*index.rd_index).indrelid != self.relation.rd_id || count > MOST_COLUMNS {
                defect("an index of another table");
            }
            let scan = pg_sys::systable_beginscan_ordered(
                self.relation.pointer(),
                index.pointer(),
                Snapshot::Active.pointer(),
                conditions.count as i32,
                keys.as_mut_ptr(),
            );
            let entries = (*scan).iscan;
            // The scan must begin anew to tell the columns of entries; its conditions stay.
            (*entries).xs_want_itup = true;
            pg_sys::index_rescan(entries, null_mut(), conditions.count as i32, null_mut(), 0);
            loop {
                heap::check();
                pgrx::check_for_interrupts!();
                if pg_sys::index_getnext_tid(entries, pg_sys::ScanDirection::ForwardScanDirection).is_null() {
                    break;
                }
                let (mut columns, mut nulls) = ([Datum::from(0); MOST_COLUMNS], [true; MOST_COLUMNS]);
                let (tuple, row_of_index) = ((*entries).xs_itup, (*entries).xs_itupdesc);
                pg_sys::index_deform_tuple(tuple, row_of_index, columns.as_mut_ptr(), nulls.as_mut_ptr());
                let entry = IndexEntry { columns, count };
                if entry.integer(count) < passed.below {
                    let before = alike.filter(|(before, _)| entry.is_beside(before));
                    let many = before.map_or(1, |(_, many)| many + 1);
                    if many > passed.most {
                        ended_at = Some(entry);
                        break;
                    }
                    alike = Some((entry, many));
                    continue;
                }
                if pg_sys::index_fetch_heap(entries, (*scan).slot) {
                    let tuple = pg_sys::ExecFetchSlotHeapTuple((*scan).slot, false, null_mut());
                    if !each(&Row::new(tuple, row_type)) {
                        break;
                    }
                }
            }
            pg_sys::systable_endscan_ordered(scan);
        }
        ended_at
    }
}
