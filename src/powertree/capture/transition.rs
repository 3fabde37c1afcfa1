//! The rows of a transition table.

use pgrx::pg_sys::{self, Relation, TupleTableSlot, Tuplestorestate};

/// A reader of a transition table, with its own read pointer.
pub struct Transition {
    rows: *mut Tuplestorestate,
    pointer: i32,
    slot: *mut TupleTableSlot,
}

impl Transition {
    /// Begins to read a transition table, which has no rows if `rows` is null.
    ///
    /// # Safety
    /// `rows` is null or a transition table of the relation that outlives this reader.
    pub unsafe fn new(relation: Relation, rows: *mut Tuplestorestate) -> Transition {
        // SAFETY: the rows of the caller's table fit the slot, which is for rows as tuplestores keep them.
        unsafe {
            if rows.is_null() {
                return Transition { rows, pointer: 0, slot: std::ptr::null_mut() };
            }
            let pointer = pg_sys::tuplestore_alloc_read_pointer(rows, pg_sys::EXEC_FLAG_REWIND as i32);
            pg_sys::tuplestore_select_read_pointer(rows, pointer);
            pg_sys::tuplestore_rescan(rows);
            let slot = pg_sys::MakeSingleTupleTableSlot((*relation).rd_att, &pg_sys::TTSOpsMinimalTuple);
            Transition { rows, pointer, slot }
        }
    }

    /// Returns the next row, in a slot that holds it until the next call.
    pub fn next(&mut self) -> Option<*mut TupleTableSlot> {
        if self.rows.is_null() {
            return None;
        }
        // SAFETY: the table and the slot still exist; the pointer is selected first, since other readers may have
        // selected theirs.
        unsafe {
            pg_sys::tuplestore_select_read_pointer(self.rows, self.pointer);
            pg_sys::tuplestore_gettupleslot(self.rows, true, false, self.slot).then_some(self.slot)
        }
    }
}

impl Drop for Transition {
    fn drop(&mut self) {
        if !self.slot.is_null() && !std::thread::panicking() {
            // SAFETY: the slot was made in `new`; after an error PostgreSQL frees it.
            unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) }
        }
    }
}
