//! The columns that are summarised.

use crate::datum::number::split_numeric;
use crate::pg::values::value::StoredValue;
use pgrx::datum::FromDatum;
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::AnyNumeric;
use tally_stats::{split_integer, Tally};

/// The type of a value column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Float4,
    Float8,
    Int2,
    Int4,
    Int8,
    Numeric,
}

impl ValueType {
    /// Finds the kind of a type; None if its values cannot be summarised.
    pub fn of(type_oid: Oid) -> Option<ValueType> {
        match type_oid {
            pg_sys::FLOAT4OID => Some(ValueType::Float4),
            pg_sys::FLOAT8OID => Some(ValueType::Float8),
            pg_sys::INT2OID => Some(ValueType::Int2),
            pg_sys::INT4OID => Some(ValueType::Int4),
            pg_sys::INT8OID => Some(ValueType::Int8),
            pg_sys::NUMERICOID => Some(ValueType::Numeric),
            _ => None,
        }
    }

    /// Returns the type to which SQL must cast a column for `tally(x)`.
    pub fn cast(self) -> &'static str {
        match self {
            ValueType::Float4 | ValueType::Float8 => "pg_catalog.float8",
            ValueType::Int2 | ValueType::Int4 | ValueType::Int8 => "pg_catalog.int8",
            ValueType::Numeric => "pg_catalog.numeric",
        }
    }

    /// Returns the type that [`cast`](ValueType::cast) names.
    pub fn summarised(self) -> Oid {
        match self {
            ValueType::Float4 | ValueType::Float8 => pg_sys::FLOAT8OID,
            ValueType::Int2 | ValueType::Int4 | ValueType::Int8 => pg_sys::INT8OID,
            ValueType::Numeric => pg_sys::NUMERICOID,
        }
    }

    /// Adds a value that is not NULL, as `tally(x)` would.
    #[inline]
    pub fn observe(self, tally: &mut Tally, datum: Datum) {
        match self {
            ValueType::Float8 => tally.observe(f64::from_bits(datum.value() as u64)),
            ValueType::Float4 => tally.observe(f32::from_bits(datum.value() as u32).into()),
            ValueType::Int2 => tally.observe((datum.value() as i16).into()),
            ValueType::Int4 => tally.observe((datum.value() as i32).into()),
            ValueType::Int8 => {
                let (hi, lo) = split_integer(datum.value() as i64);
                tally.observe_wide(hi, lo);
            }
            ValueType::Numeric => {
                // SAFETY: the datum is a numeric.
                let x = unsafe { AnyNumeric::from_polymorphic_datum(datum, false, pg_sys::NUMERICOID) };
                let (hi, lo) = x.map_or((0.0, 0.0), split_numeric);
                tally.observe_wide(hi, lo);
            }
        }
    }

    /// Appends the bytes of a value, for comparison with another.
    pub fn image(value: StoredValue, bytes: &mut Vec<u8>) {
        match value.word() {
            Some(word) => bytes.extend((word as u64).to_le_bytes()),
            None => value.read(|value| bytes.extend(value)),
        }
    }
}
