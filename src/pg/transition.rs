//! The rows of a transition table.

use super::slot::Slot;
use pgrx::pg_sys::{self, Relation, TupleTableSlot, Tuplestorestate};
use std::marker::PhantomData;

/// A transition table of a running event.
#[derive(Clone, Copy)]
pub struct TransitionTable<'e> {
    relation: Relation,
    rows: *mut Tuplestorestate,
    event: PhantomData<&'e ()>,
}

/// A reader of a transition table, with its own read pointer.
pub struct TransitionReader<'e> {
    table: TransitionTable<'e>,
    pointer: i32,
    slot: *mut TupleTableSlot,
}

impl<'e> TransitionTable<'e> {
    /// A table; None if there is none.
    ///
    /// # Safety
    /// The rows are null or a transition table of the relation, and live for `'e`.
    pub unsafe fn new(relation: Relation, rows: *mut Tuplestorestate) -> Option<TransitionTable<'e>> {
        (!rows.is_null()).then_some(TransitionTable { relation, rows, event: PhantomData })
    }

    /// Begins to read the table.
    pub fn reader(self) -> TransitionReader<'e> {
        // SAFETY: whoever made the table vouches for it; its rows fit the slot, which is for rows as tuplestores keep
        // them.
        unsafe {
            let pointer = pg_sys::tuplestore_alloc_read_pointer(self.rows, pg_sys::EXEC_FLAG_REWIND as i32);
            pg_sys::tuplestore_select_read_pointer(self.rows, pointer);
            pg_sys::tuplestore_rescan(self.rows);
            let slot = pg_sys::MakeSingleTupleTableSlot((*self.relation).rd_att, &pg_sys::TTSOpsMinimalTuple);
            TransitionReader { table: self, pointer, slot }
        }
    }
}

impl TransitionReader<'_> {
    /// Returns the next row, in a slot that holds it until the next call.
    pub fn next(&mut self) -> Option<Slot<'_>> {
        // SAFETY: the table and the slot still exist; the pointer is selected first, since other readers may have
        // selected theirs.
        unsafe {
            pg_sys::tuplestore_select_read_pointer(self.table.rows, self.pointer);
            let found = pg_sys::tuplestore_gettupleslot(self.table.rows, true, false, self.slot);
            found.then(|| Slot::new(self.slot))
        }
    }
}

impl Drop for TransitionReader<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: `reader` made the slot; after an error PostgreSQL frees it.
            unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) }
        }
    }
}
