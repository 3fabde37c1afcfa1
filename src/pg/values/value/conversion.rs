//! Values of types that are known at compile time.

use super::stored::copied;
use super::Value;
use pgrx::datum::IntoDatum;
use pgrx::pg_sys::{self, Datum, Oid};

/// A table, as a value of type regclass.
pub struct Regclass(pub Oid);

/// Microseconds since 2000, as a value of type timestamptz.
pub struct Moment(pub i64);

/// Microseconds since 2000, as a value of type timestamp.
pub struct LocalMoment(pub i64);

/// Days since 2000, as a value of type date.
pub struct Day(pub i32);

macro_rules! values {
    ($($native:ty => $type_oid:ident, $given:ident => $datum:expr;)*) => { $(
        impl From<$native> for Value {
            fn from($given: $native) -> Value {
                Value::of(pg_sys::$type_oid, $datum)
            }
        }
    )* };
}

values! {
    bool => BOOLOID, x => x.into();
    i16 => INT2OID, x => x.into();
    i32 => INT4OID, x => x.into();
    i64 => INT8OID, x => x.into();
    f32 => FLOAT4OID, x => u64::from(x.to_bits()).into();
    f64 => FLOAT8OID, x => x.to_bits().into();
    Moment => TIMESTAMPTZOID, x => x.0.into();
    LocalMoment => TIMESTAMPOID, x => x.0.into();
    Day => DATEOID, x => x.0.into();
    Regclass => REGCLASSOID, x => x.0.into();
    &[u8] => BYTEAOID, x => made(x);
    &str => TEXTOID, x => made(x);
    pg_sys::Interval => INTERVALOID, x => copied(x);
    Vec<i16> => INT2ARRAYOID, x => made(x);
    Vec<Oid> => OIDARRAYOID, x => made(x);
    Vec<String> => TEXTARRAYOID, x => made(x);
}

/// The datum of a value that is never NULL.
fn made(value: impl IntoDatum) -> Datum {
    value.into_datum().unwrap_or_else(Datum::null)
}
