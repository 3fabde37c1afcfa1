//! The columns that are summarised.

use crate::datum::number::split_numeric;
use crate::pg::value::bytes_of;
use pgrx::datum::FromDatum;
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::AnyNumeric;
use tally_stats::{split_integer, Tally};

/// The type of a value column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Float4,
    Float8,
    Int2,
    Int4,
    Int8,
    Numeric,
}

impl Value {
    /// Finds the kind of a type; None if values of it cannot be summarised.
    pub fn of(type_oid: Oid) -> Option<Value> {
        match type_oid {
            pg_sys::FLOAT4OID => Some(Value::Float4),
            pg_sys::FLOAT8OID => Some(Value::Float8),
            pg_sys::INT2OID => Some(Value::Int2),
            pg_sys::INT4OID => Some(Value::Int4),
            pg_sys::INT8OID => Some(Value::Int8),
            pg_sys::NUMERICOID => Some(Value::Numeric),
            _ => None,
        }
    }

    /// Returns the type to which SQL must cast a column for `tally(x)`.
    pub fn cast(self) -> &'static str {
        match self {
            Value::Float4 | Value::Float8 => "pg_catalog.float8",
            Value::Int2 | Value::Int4 | Value::Int8 => "pg_catalog.int8",
            Value::Numeric => "pg_catalog.numeric",
        }
    }

    /// Adds a value that is not NULL, as `tally(x)` would.
    #[inline]
    pub fn observe(self, tally: &mut Tally, datum: Datum) {
        match self {
            Value::Float8 => tally.observe(f64::from_bits(datum.value() as u64)),
            Value::Float4 => tally.observe(f32::from_bits(datum.value() as u32).into()),
            Value::Int2 => tally.observe((datum.value() as i16).into()),
            Value::Int4 => tally.observe((datum.value() as i32).into()),
            Value::Int8 => {
                let (hi, lo) = split_integer(datum.value() as i64);
                tally.observe_wide(hi, lo);
            }
            Value::Numeric => {
                // SAFETY: the datum is a numeric.
                let x = unsafe { AnyNumeric::from_polymorphic_datum(datum, false, pg_sys::NUMERICOID) };
                let (hi, lo) = x.map_or((0.0, 0.0), split_numeric);
                tally.observe_wide(hi, lo);
            }
        }
    }

    /// Appends the bytes of a value, to compare it with another.
    pub fn image(self, datum: Datum, bytes: &mut Vec<u8>) {
        match self {
            // SAFETY: the datum is a numeric, which is a varlena.
            Value::Numeric => bytes.extend(unsafe { bytes_of(datum) }),
            _ => bytes.extend((datum.value() as u64).to_le_bytes()),
        }
    }
}
