//! Copies of values of the ordering column, which outlive their rows.

use crate::pg::execution::copies::{Copied, Copies};
use crate::pg::values::value::StoredValue;
use pgrx::pg_sys::Datum;

/// A copy of a value.
pub enum OrderingKey {
    ByValue(Datum),
    ByReference(Copied),
}

impl OrderingKey {
    /// Copies a value of the column.
    #[inline]
    pub fn copy(value: &StoredValue, copies: Copies) -> OrderingKey {
        match value.word() {
            Some(word) => OrderingKey::ByValue(Datum::from(word)),
            None => OrderingKey::ByReference(copies.copy(*value)),
        }
    }

    #[inline]
    pub fn datum(&self) -> Datum {
        match self {
            OrderingKey::ByValue(datum) => *datum,
            OrderingKey::ByReference(copied) => copied.datum(),
        }
    }
}
