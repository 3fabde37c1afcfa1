//! Rows in the slots in which PostgreSQL hands them on.

use super::column::passing;
use super::error::defect;
use super::value::StoredValue;
use pgrx::pg_sys::{self, Datum, TupleDesc, TupleTableSlot};
use std::marker::PhantomData;

/// A slot that holds a row for `'r`.
#[derive(Clone, Copy)]
pub struct Slot<'r> {
    slot: *mut TupleTableSlot,
    row: PhantomData<&'r ()>,
}

/// The first columns of a row.
#[derive(Clone, Copy)]
pub struct RowColumns<'r> {
    values: &'r [Datum],
    nulls: &'r [bool],
    descriptor: TupleDesc,
}

impl<'r> Slot<'r> {
    /// # Safety
    /// The slot holds a row, and neither it nor the row changes for `'r`.
    pub unsafe fn new(slot: *mut TupleTableSlot) -> Slot<'r> {
        Slot { slot, row: PhantomData }
    }

    /// Takes the first columns out of the row.
    #[inline]
    pub fn columns(self, count: usize) -> RowColumns<'r> {
        // SAFETY: whoever made this promises a row, which is deformed as far as it has columns; PostgreSQL keeps the
        // arrays as long as the slot.
        unsafe {
            let descriptor = (*self.slot).tts_tupleDescriptor;
            if count > (*descriptor).natts as usize {
                defect("a row with fewer columns than its table");
            }
            if ((*self.slot).tts_nvalid as usize) < count {
                pg_sys::slot_getsomeattrs_int(self.slot, count as i32);
            }
            RowColumns {
                values: std::slice::from_raw_parts((*self.slot).tts_values, count),
                nulls: std::slice::from_raw_parts((*self.slot).tts_isnull, count),
                descriptor,
            }
        }
    }
}

impl<'r> RowColumns<'r> {
    /// The value of a column, counted from 0; None if it is NULL.
    #[inline]
    pub fn get(self, place: usize) -> Option<Datum> {
        (!self.nulls[place]).then(|| self.values[place])
    }

    /// The value of a column, counted from 0, as it is stored; None if it is NULL.
    #[inline]
    pub fn stored(self, place: usize) -> Option<StoredValue<'r>> {
        let datum = self.get(place)?;
        // SAFETY: the row is of this type, whose columns say how long their values are; these live as long as the row.
        unsafe {
            let (length, by_value) = passing(self.descriptor, place)?;
            Some(StoredValue::new(datum, length, by_value))
        }
    }
}
