//! Rows that a scan finds.

use super::MOST_COLUMNS;
use crate::pg::tables::column::VARLENA;
use crate::pg::values::row::{HasColumns, RowType};
use crate::pg::values::value::{bytes_of, Native};
use pgrx::pg_sys::{self, Datum, Oid};

/// A row of a scan; valid until the scan moves on.
pub struct Row<'r> {
    id: pg_sys::ItemPointerData,
    row_type: RowType<'r>,
    values: [Datum; MOST_COLUMNS],
    nulls: [bool; MOST_COLUMNS],
}

impl<'r> Row<'r> {
    /// Takes a tuple apart.
    ///
    /// # Safety
    /// The tuple belongs to a table that `open` has opened, the descriptor to the same table; both outlive the row.
    #[inline]
    pub unsafe fn new(tuple: pg_sys::HeapTuple, row_type: RowType<'r>) -> Row<'r> {
        let (mut values, mut nulls) = ([Datum::from(0); MOST_COLUMNS], [true; MOST_COLUMNS]);
        // SAFETY: the caller's tuple matches the descriptor; `open` has checked that there is room for its columns.
        let id = unsafe {
            pg_sys::heap_deform_tuple(tuple, row_type.pointer(), values.as_mut_ptr(), nulls.as_mut_ptr());
            (*tuple).t_self
        };
        Row { id, row_type, values, nulls }
    }

    /// Returns the place of the row in the table.
    pub fn id(&self) -> pg_sys::ItemPointerData {
        self.id
    }

    /// A column by its number, from 1; None if it is NULL.
    fn get(&self, column: i16) -> Option<Datum> {
        self.datum(usize::try_from(column).ok()?.checked_sub(1)?)
    }

    /// An integer column of any width, or a timestamptz; 0 if it is NULL.
    pub fn integer(&self, column: i16) -> i64 {
        self.integer_or_null(column).unwrap_or(0)
    }

    /// An integer column of any width, or a timestamptz; None if it is NULL.
    pub fn integer_or_null(&self, column: i16) -> Option<i64> {
        self.get(column).map(|datum| datum.value() as i64)
    }

    /// A bytea column; None if it is NULL.
    pub fn bytes(&self, column: i16) -> Option<&[u8]> {
        let is_varlena = self.row_type.passing(column as usize - 1)? == (VARLENA, false);
        // SAFETY: the type is checked to be a varlena; the bytes lie in the tuple, since nothing is compressed or out
        // of line in these tables, or are a copy.
        self.get(column).filter(|_| is_varlena).map(|datum| unsafe { bytes_of(datum) })
    }

    /// A text column; None if it is NULL.
    pub fn text(&self, column: i16) -> Option<String> {
        self.native(column)
    }

    /// A column of type text[]; None if it is NULL.
    pub fn texts(&self, column: i16) -> Option<Vec<String>> {
        self.native(column)
    }

    /// A column of type smallint[]; None if it is NULL.
    pub fn smallints(&self, column: i16) -> Option<Vec<i16>> {
        self.native(column)
    }

    /// A column of type oid[]; None if it is NULL.
    pub fn oids(&self, column: i16) -> Option<Vec<Oid>> {
        self.native(column)
    }

    /// A column in its native form; None if it is NULL, or of another type.
    fn native<T: Native>(&self, column: i16) -> Option<T> {
        self.value_at(column as usize - 1)?.native()
    }
}

// SAFETY: the values are those of a row of the table, in which they lie.
unsafe impl HasColumns for Row<'_> {
    fn row_type(&self) -> Option<RowType<'_>> {
        Some(self.row_type)
    }

    fn datum(&self, place: usize) -> Option<Datum> {
        (!*self.nulls.get(place)?).then(|| self.values[place])
    }
}
