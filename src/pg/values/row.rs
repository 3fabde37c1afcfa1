//! Rows, and the descriptions of their columns.

use super::value::{LentValue, StoredValue, Value};
use crate::pg::server::lookup::caught;
#[cfg(feature = "pg18")]
use pgrx::pg_sys::CompactAttribute as DescribedColumn;
#[cfg(not(feature = "pg18"))]
use pgrx::pg_sys::FormData_pg_attribute as DescribedColumn;
use pgrx::pg_sys::{self, Oid, TupleDesc, TupleDescData};
use std::marker::PhantomData;

/// The description of the columns of rows, which lives for `'d`.
#[derive(Clone, Copy, PartialEq)]
#[repr(transparent)]
pub struct RowType<'d> {
    descriptor: *mut TupleDescData,
    owner: PhantomData<&'d ()>,
}

// PostgreSQL defines this function with these arguments, and returns 0 for a number that no column has.
unsafe extern "C-unwind" {
    safe fn SPI_gettypeid(row_type: RowType, number: i32) -> Oid;
}

impl<'d> RowType<'d> {
    /// # Safety
    /// The description belongs to a table or a result, and lives for `'d`.
    #[inline]
    pub unsafe fn new(descriptor: TupleDesc) -> RowType<'d> {
        RowType { descriptor, owner: PhantomData }
    }

    /// The description for functions of PostgreSQL.
    pub fn pointer(self) -> TupleDesc {
        self.descriptor
    }

    #[inline]
    fn columns(self) -> &'d [DescribedColumn] {
        // SAFETY: whoever made this promises a description, which has as many columns as it says, and never changes.
        unsafe {
            let count = (*self.descriptor).natts as usize;
            #[cfg(not(feature = "pg18"))]
            return (*self.descriptor).attrs.as_slice(count);
            #[cfg(feature = "pg18")]
            (*self.descriptor).compact_attrs.as_slice(count)
        }
    }

    /// The number of columns.
    #[inline]
    pub fn count(self) -> usize {
        self.columns().len()
    }

    /// The type of a column, counted from 0; None if there is no such column.
    pub fn type_of(self, place: usize) -> Option<Oid> {
        (place < self.count()).then(|| caught(|| SPI_gettypeid(self, place as i32 + 1)))
    }

    /// The types of all columns.
    pub fn types(self) -> impl Iterator<Item = Oid> + 'd {
        (0..self.count()).map(move |place| self.type_of(place).unwrap_or_default())
    }

    /// The length of the values of a column, counted from 0, and whether they are passed by value; None if there is no
    /// such column.
    #[inline]
    pub fn passing(self, place: usize) -> Option<(i16, bool)> {
        self.columns().get(place).map(|column| (column.attlen, column.attbyval))
    }

    /// The places of the columns in which valid constraints allow no NULL, counted from 0.
    pub fn never_null(self) -> impl Iterator<Item = usize> + 'd {
        #[cfg(not(feature = "pg18"))]
        let is_never_null = |column: &DescribedColumn| column.attnotnull;
        // A constraint that is not validated applies to new rows only.
        #[cfg(feature = "pg18")]
        let is_never_null =
            |column: &DescribedColumn| column.attnullability as u8 == pg_sys::ATTNULLABLE_VALID;
        let places = self.columns().iter().enumerate();
        places.filter(move |(_, column)| is_never_null(column)).map(|(place, _)| place)
    }
}

/// A row whose columns can be read, counted from 0.
///
/// # Safety
/// The values of the columns are of the types that the description says, and live as long as the row.
pub unsafe trait HasColumns {
    /// The description of the columns; None if it is not known.
    fn row_type(&self) -> Option<RowType<'_>>;

    /// The value of a column; None if it is NULL, or if there is none.
    fn datum(&self, place: usize) -> Option<pg_sys::Datum>;

    /// The value of a column, as it is stored; None if it is NULL.
    #[inline]
    fn stored_at(&self, place: usize) -> Option<StoredValue<'_>> {
        let (datum, (length, by_value)) = (self.datum(place)?, self.row_type()?.passing(place)?);
        // SAFETY: the column has values of this length, which live as long as the row, as whoever implements this promises.
        Some(unsafe { StoredValue::new(datum, length, by_value) })
    }

    /// The value of a column, with its type; None if it is NULL.
    fn value_at(&self, place: usize) -> Option<LentValue<'_>> {
        let (datum, type_oid) = (self.datum(place)?, self.row_type()?.type_of(place)?);
        // SAFETY: the column has values of this type, which live as long as the row, as whoever implements this promises.
        Some(unsafe { LentValue::new(Value::new(type_oid, datum)) })
    }
}
