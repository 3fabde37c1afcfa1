//! Tuplestores: rows in memory, and on disk beyond `work_mem`. Declared for callers in this folder, who either catch errors or are plain
//! frames, as [`crate::pg::server::plain`] defines them.

use super::slot::Slot;
use crate::pg::values::row::RowType;
use pgrx::pg_sys::{self, TupleTableSlotOps, Tuplestorestate};
use std::ptr::NonNull;
use std::sync::atomic::AtomicI32;

/// A tuplestore, which is there as long as this is used. A pointer that is not null, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Store(NonNull<Tuplestorestate>);

// PostgreSQL defines these functions and variables with these types. A row of any kind may be added; one that is read is put
// into a slot of the kind that tuplestores fill.
unsafe extern "C-unwind" {
    pub safe static work_mem: AtomicI32;
    pub safe static TTSOpsMinimalTuple: TupleTableSlotOps;
    pub safe fn MakeSingleTupleTableSlot(
        row_type: RowType,
        kind: &'static TupleTableSlotOps,
    ) -> Slot<'static>;
    pub safe fn tuplestore_alloc_read_pointer(store: Store, flags: i32) -> i32;
    pub safe fn tuplestore_begin_heap(
        random_access: bool,
        across_transactions: bool,
        kilobytes: i32,
    ) -> Store;
    pub safe fn tuplestore_clear(store: Store);
    pub safe fn tuplestore_gettupleslot(store: Store, forward: bool, copy: bool, slot: Slot) -> bool;
    pub safe fn tuplestore_in_memory(store: Store) -> bool;
    pub safe fn tuplestore_puttupleslot(store: Store, row: Slot);
    pub safe fn tuplestore_rescan(store: Store);
    pub safe fn tuplestore_set_eflags(store: Store, flags: i32);
    pub safe fn tuplestore_trim(store: Store);
    /// Has the store read where this read pointer is.
    ///
    /// # Safety
    /// The pointer is 0, or was allocated for this store.
    pub unsafe fn tuplestore_select_read_pointer(store: Store, pointer: i32);
    /// Frees the store.
    ///
    /// # Safety
    /// Neither the store nor a row in it is used any more.
    pub unsafe fn tuplestore_end(store: Store);
}

impl Store {
    /// A store of PostgreSQL; None for a null pointer.
    ///
    /// # Safety
    /// The pointer is null, or leads to a tuplestore, which is there as long as this is used.
    pub unsafe fn new(store: *mut Tuplestorestate) -> Option<Store> {
        NonNull::new(store).map(Store)
    }

    /// The store for functions of PostgreSQL.
    pub fn pointer(self) -> *mut Tuplestorestate {
        self.0.as_ptr()
    }
}

/// The size of a row of a store in the slot that it was read into, in bytes.
///
/// # Safety
/// The slot is one that tuplestores fill, and holds a row.
pub unsafe fn size_of_row(slot: Slot) -> usize {
    // SAFETY: such a slot begins with this structure.
    unsafe { (*(*slot.pointer().cast::<pg_sys::MinimalTupleTableSlot>()).mintuple).t_len as usize }
}
