//! Rows in the slots in which PostgreSQL hands them on.

use crate::pg::server::error::defect;
use crate::pg::server::lookup::caught;
use crate::pg::values::row::{HasColumns, RowType};
use pgrx::pg_sys::{Datum, TupleTableSlot};
use std::marker::PhantomData;

/// A slot that holds a row for `'r`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Slot<'r> {
    slot: *mut TupleTableSlot,
    row: PhantomData<&'r ()>,
}

// PostgreSQL defines this function with these arguments, and raises an error if the row has fewer columns.
unsafe extern "C-unwind" {
    pub(in crate::pg) safe fn slot_getsomeattrs_int(slot: Slot, count: i32);
}

/// The first columns of a row.
#[derive(Clone, Copy)]
pub struct RowColumns<'r> {
    values: &'r [Datum],
    nulls: &'r [bool],
    row_type: RowType<'r>,
}

impl<'r> Slot<'r> {
    /// # Safety
    /// The slot holds a row, and neither it nor the row changes for `'r`.
    pub unsafe fn new(slot: *mut TupleTableSlot) -> Slot<'r> {
        Slot { slot, row: PhantomData }
    }

    /// The slot for functions of PostgreSQL.
    pub fn pointer(self) -> *mut TupleTableSlot {
        self.slot
    }

    /// Takes the first columns out of the row.
    #[inline]
    pub fn columns(self, count: usize) -> RowColumns<'r> {
        // SAFETY: whoever made this promises a row, which is deformed as far as it has columns; PostgreSQL keeps the
        // arrays as long as the slot.
        unsafe {
            let row_type = RowType::new((*self.slot).tts_tupleDescriptor);
            if count > row_type.count() {
                defect("a row with fewer columns than are read");
            }
            if ((*self.slot).tts_nvalid as usize) < count {
                caught(|| slot_getsomeattrs_int(self, count as i32));
            }
            RowColumns {
                values: std::slice::from_raw_parts((*self.slot).tts_values, count),
                nulls: std::slice::from_raw_parts((*self.slot).tts_isnull, count),
                row_type,
            }
        }
    }
}

impl RowColumns<'_> {
    /// The value of a column, counted from 0; None if it is NULL.
    #[inline]
    pub fn get(self, place: usize) -> Option<Datum> {
        (!self.nulls[place]).then(|| self.values[place])
    }
}

// SAFETY: the slot has the values of a row of its type, and holds it as long as this lives.
unsafe impl HasColumns for RowColumns<'_> {
    #[inline]
    fn row_type(&self) -> Option<RowType<'_>> {
        Some(self.row_type)
    }

    #[inline]
    fn datum(&self, place: usize) -> Option<Datum> {
        self.get(place)
    }
}
