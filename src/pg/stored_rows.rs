//! Rows of groups that are complete, in a tuplestore: in memory, and on disk beyond `work_mem`.

use super::row::PlaceRow;
use crate::pg::memory;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, MemoryContext, TupleTableSlot, Tuplestorestate};

/// The rows, and a slot for the one that is read.
///
/// Nothing is dropped with it: whoever does not need the rows any more ends it, and an error ends all.
pub struct StoredRows {
    store: *mut Tuplestorestate,
    slot: *mut TupleTableSlot,
    pub count: usize,
}

impl StoredRows {
    /// No rows yet, of columns as in this row.
    ///
    /// # Safety
    /// The memory context lives until the rows are ended.
    pub unsafe fn new(row: PlaceRow, context: MemoryContext) -> StoredRows {
        // SAFETY: the caller's context; the row's descriptor lives as long as the query.
        unsafe {
            PgMemoryContexts::For(context).switch_to(|_| {
                let store = pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem);
                pg_sys::tuplestore_set_eflags(store, pg_sys::EXEC_FLAG_REWIND as i32);
                let minimal = &raw const pg_sys::TTSOpsMinimalTuple;
                let slot = pg_sys::MakeSingleTupleTableSlot(row.descriptor(), minimal);
                StoredRows { store, slot, count: 0 }
            })
        }
    }

    /// Adds a copy of the row.
    pub fn add(&mut self, row: PlaceRow) {
        memory::check();
        let (values, nulls) = row.columns();
        // SAFETY: the row has as many columns as its descriptor says.
        unsafe { pg_sys::tuplestore_putvalues(self.store, row.descriptor(), values, nulls) }
        self.count += 1;
    }

    /// Puts the next row into this one; what it points to lives until the one after is read.
    pub fn show(&self, row: PlaceRow) {
        // SAFETY: the slot has the same columns as the row.
        unsafe {
            pg_sys::tuplestore_gettupleslot(self.store, true, false, self.slot);
            let count = (*row.descriptor()).natts;
            pg_sys::slot_getsomeattrs_int(self.slot, count);
            let (values, nulls) = row.columns();
            std::ptr::copy_nonoverlapping((*self.slot).tts_values, values, count as usize);
            std::ptr::copy_nonoverlapping((*self.slot).tts_isnull, nulls, count as usize);
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
