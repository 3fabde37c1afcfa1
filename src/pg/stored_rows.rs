//! Copies of the row of a node's scan, in a tuplestore: in memory, and on disk beyond `work_mem`.

use super::error::defect;
use super::memory;
use super::region::Region;
use super::scan_row::ScanRow;
use pgrx::pg_sys::{self, TupleDesc, TupleTableSlot, Tuplestorestate};

/// The rows, and a slot for the one that is read.
///
/// Nothing is dropped with it: whoever does not need the rows any more ends it, and an error ends all.
pub struct StoredRows {
    store: *mut Tuplestorestate,
    descriptor: TupleDesc,
    slot: *mut TupleTableSlot,
    pub count: usize,
}

impl StoredRows {
    /// No rows yet, of columns as in this row; what is kept is in the region.
    pub fn new(row: ScanRow, region: Region) -> StoredRows {
        let descriptor = row.descriptor();
        // SAFETY: the region is there as long as it is used; the row's descriptor lives as long as the query.
        region.within(|| unsafe {
            let store = pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem);
            pg_sys::tuplestore_set_eflags(store, pg_sys::EXEC_FLAG_REWIND as i32);
            let slot = pg_sys::MakeSingleTupleTableSlot(descriptor, &raw const pg_sys::TTSOpsMinimalTuple);
            StoredRows { store, descriptor, slot, count: 0 }
        })
    }

    /// Adds a copy of the row.
    pub fn add(&mut self, row: ScanRow) {
        self.check(row);
        memory::check();
        let (values, nulls) = row.columns();
        // SAFETY: the row has as many columns as its descriptor says.
        unsafe { pg_sys::tuplestore_putvalues(self.store, self.descriptor, values, nulls) }
        self.count += 1;
    }

    /// Puts the next row into this one; what it points to lives until the one after is read.
    pub fn show(&self, row: ScanRow) {
        self.check(row);
        // SAFETY: the slot has the same columns as the row.
        unsafe {
            if !pg_sys::tuplestore_gettupleslot(self.store, true, false, self.slot) {
                defect("a row more than were stored");
            }
            let count = (*self.descriptor).natts;
            pg_sys::slot_getsomeattrs_int(self.slot, count);
            let (values, nulls) = row.columns();
            std::ptr::copy_nonoverlapping((*self.slot).tts_values, values, count as usize);
            std::ptr::copy_nonoverlapping((*self.slot).tts_isnull, nulls, count as usize);
        }
    }

    fn check(&self, row: ScanRow) {
        if row.descriptor() != self.descriptor {
            defect("a row of another node");
        }
    }

    /// Goes back to the first row.
    pub fn rewind(&self) {
        // SAFETY: the store is there until it is ended.
        unsafe { pg_sys::tuplestore_rescan(self.store) }
    }

    /// Frees what is in memory and on disk.
    pub fn end(self) {
        // SAFETY: nobody uses the rows any more.
        unsafe { pg_sys::tuplestore_end(self.store) }
    }
}
