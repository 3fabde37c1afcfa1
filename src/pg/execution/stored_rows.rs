//! Copies of the row of a node's scan, in a tuplestore: in memory, and on disk beyond `work_mem`.

use super::scan_row::ScanRow;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::tables::slot::Slot;
use crate::pg::tables::tuplestore::{
    tuplestore_begin_heap, tuplestore_end, tuplestore_gettupleslot, tuplestore_puttupleslot,
    tuplestore_rescan, tuplestore_set_eflags, work_mem, MakeSingleTupleTableSlot, Store, TTSOpsMinimalTuple,
};
use crate::pg::values::row::RowType;
use pgrx::pg_sys;
use std::sync::atomic::Ordering::Relaxed;

/// The rows, and a slot for the one that is read.
///
/// Nothing is dropped with it: whoever does not need the rows any more ends it, and an error ends all.
pub struct StoredRows {
    store: Store,
    slot: Slot<'static>,
    row_type: RowType<'static>,
    pub count: usize,
}

impl StoredRows {
    /// No rows yet, of columns as in this row; what is kept is in the region.
    pub fn new(row: ScanRow, region: Region) -> StoredRows {
        let row_type = row.row_type();
        region.within(|| {
            caught(|| {
                let store = tuplestore_begin_heap(false, false, work_mem.load(Relaxed));
                tuplestore_set_eflags(store, pg_sys::EXEC_FLAG_REWIND as i32);
                let slot = MakeSingleTupleTableSlot(row_type, &TTSOpsMinimalTuple);
                StoredRows { store, slot, row_type, count: 0 }
            })
        })
    }

    /// Adds a copy of the row.
    pub fn add(&mut self, row: ScanRow) {
        self.check(row);
        heap::check();
        caught(|| tuplestore_puttupleslot(self.store, row.slot()));
        self.count += 1;
    }

    /// Puts the next row into this one; what it points to lives until the one after is read.
    pub fn show(&self, row: ScanRow) {
        self.check(row);
        if !caught(|| tuplestore_gettupleslot(self.store, true, false, self.slot)) {
            defect("a row more than were stored");
        }
        row.show(self.slot.columns(row.count()));
    }

    fn check(&self, row: ScanRow) {
        if row.row_type() != self.row_type {
            defect("a row of another node");
        }
    }

    /// Goes back to the first row.
    pub fn rewind(&self) {
        caught(|| tuplestore_rescan(self.store));
    }

    /// Frees what is in memory and on disk.
    pub fn end(self) {
        // SAFETY: nobody uses the rows any more.
        caught(|| unsafe { tuplestore_end(self.store) });
    }
}
