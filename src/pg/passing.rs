//! The way in which values of a type are passed: by value or by reference, and of which length.

use super::lookup::caught;
use pgrx::pg_sys::{self, Oid};

// PostgreSQL defines this function with these arguments, in which any number may stand for a type.
unsafe extern "C-unwind" {
    safe fn get_typlenbyval(type_oid: Oid, length: &mut i16, by_value: &mut bool);
}

/// The `typlen` of types whose values carry their length in a header.
pub const VARLENA: i16 = -1;

/// Returns the length of a type's values, and whether they are passed by value.
pub fn passing_of(type_oid: Oid) -> (i16, bool) {
    caught(|| {
        let (mut length, mut by_value) = (0, false);
        get_typlenbyval(type_oid, &mut length, &mut by_value);
        (length, by_value)
    })
}

/// The type of a column, counted from 0; None if there is no such column.
///
/// # Safety
/// The descriptor belongs to a table or a result, and outlives the call.
pub unsafe fn type_at(descriptor: pg_sys::TupleDesc, place: usize) -> Option<Oid> {
    // SAFETY: the caller's descriptor has as many columns as it says.
    unsafe {
        let is_there = place < (*descriptor).natts as usize;
        is_there.then(|| pg_sys::SPI_gettypeid(descriptor, place as i32 + 1))
    }
}

/// The length of the values of a column, counted from 0, and whether they are passed by value; None if there is no such
/// column.
///
/// # Safety
/// The descriptor belongs to a table or a result, and outlives the call.
#[inline]
pub unsafe fn passing(descriptor: pg_sys::TupleDesc, place: usize) -> Option<(i16, bool)> {
    // SAFETY: the caller's descriptor has as many columns as it says.
    unsafe {
        let count = (*descriptor).natts as usize;
        #[cfg(not(feature = "pg18"))]
        let columns = (*descriptor).attrs.as_slice(count);
        #[cfg(feature = "pg18")]
        let columns = (*descriptor).compact_attrs.as_slice(count);
        columns.get(place).map(|column| (column.attlen, column.attbyval))
    }
}
