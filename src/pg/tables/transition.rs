//! The rows of a transition table.

use super::slot::Slot;
use super::tuplestore::{
    tuplestore_alloc_read_pointer, tuplestore_gettupleslot, tuplestore_rescan,
    tuplestore_select_read_pointer, MakeSingleTupleTableSlot, Store, TTSOpsMinimalTuple,
};
use crate::pg::server::lookup::caught;
use crate::pg::values::row::RowType;
use pgrx::pg_sys::{self, Relation, Tuplestorestate};

/// A transition table of a running event.
#[derive(Clone, Copy)]
pub struct TransitionTable<'e> {
    row_type: RowType<'e>,
    rows: Store,
}

/// A reader of a transition table, with its own read pointer.
pub struct TransitionReader<'e> {
    table: TransitionTable<'e>,
    pointer: i32,
    slot: Slot<'static>,
}

impl<'e> TransitionTable<'e> {
    /// A table; None if there is none.
    ///
    /// # Safety
    /// The rows are null or a transition table of the relation, and live for `'e`.
    pub unsafe fn new(relation: Relation, rows: *mut Tuplestorestate) -> Option<TransitionTable<'e>> {
        // SAFETY: the caller's rows and relation.
        unsafe {
            Some(TransitionTable { rows: Store::new(rows)?, row_type: RowType::new((*relation).rd_att) })
        }
    }

    /// Begins to read the table.
    pub fn reader(self) -> TransitionReader<'e> {
        let flags = pg_sys::EXEC_FLAG_REWIND as i32;
        let (pointer, slot) = caught(|| {
            let slot = MakeSingleTupleTableSlot(self.row_type, &TTSOpsMinimalTuple);
            (tuplestore_alloc_read_pointer(self.rows, flags), slot)
        });
        let reader = TransitionReader { table: self, pointer, slot };
        reader.select();
        caught(|| tuplestore_rescan(self.rows));
        reader
    }
}

impl TransitionReader<'_> {
    /// Has the store read where this reader is, since others may have selected theirs.
    fn select(&self) {
        // SAFETY: the pointer was allocated for the store.
        caught(|| unsafe { tuplestore_select_read_pointer(self.table.rows, self.pointer) });
    }

    /// Returns the next row, in a slot that holds it until the next call.
    pub fn next(&mut self) -> Option<Slot<'_>> {
        self.select();
        caught(|| tuplestore_gettupleslot(self.table.rows, true, false, self.slot)).then_some(self.slot)
    }
}

impl Drop for TransitionReader<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: `reader` made the slot; after an error PostgreSQL frees it.
            unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot.pointer()) }
        }
    }
}
