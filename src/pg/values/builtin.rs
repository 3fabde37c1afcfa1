//! Functions that every server has, called with values of the types that they take.

use super::value::{LentValue, Value};
use crate::pg::server::error::defect;
use pgrx::pg_sys::{
    self, Oid, BOOLOID, BPCHAROID, BYTEAOID, DATEOID, INT4OID, INT8OID, INTERVALOID, TEXTOID, TIMESTAMPOID,
    TIMESTAMPTZOID,
};

/// A function of PostgreSQL's own catalogue, which is strict, has no collation, and returns no NULL.
pub struct Builtin<const N: usize> {
    function: u32,
    takes: [Oid; N],
    returns: Oid,
}

macro_rules! builtins {
    ($($name:ident = $function:expr, [$($takes:ident),*] => $returns:ident;)*) => { $(
        pub const $name: Builtin<{ [$($takes),*].len() }> =
            Builtin { function: $function, takes: [$($takes),*], returns: $returns };
    )* };
}

// As `pg_proc.dat` has them.
builtins! {
    DATE_AND_INTERVAL = pg_sys::F_DATE_PL_INTERVAL, [DATEOID, INTERVALOID] => TIMESTAMPOID;
    DATE_OF_TIMESTAMP = pg_sys::F_DATE_TIMESTAMP, [TIMESTAMPOID] => DATEOID;
    HASH_OF_BYTES = pg_sys::F_HASHVARLENAEXTENDED, [BYTEAOID, INT8OID] => INT8OID;
    PADDED = 668, [BPCHAROID, INT4OID, BOOLOID] => BPCHAROID;
    TIMESTAMP_AND_INTERVAL = pg_sys::F_TIMESTAMP_PL_INTERVAL, [TIMESTAMPOID, INTERVALOID] => TIMESTAMPOID;
    TIMESTAMP_OF_DATE = pg_sys::F_TIMESTAMP_DATE, [DATEOID] => TIMESTAMPOID;
    TIMESTAMPTZ_AND_INTERVAL = pg_sys::F_TIMESTAMPTZ_PL_INTERVAL, [TIMESTAMPTZOID, INTERVALOID] => TIMESTAMPTZOID;
    TRUNCATED_TIMESTAMP = pg_sys::F_DATE_TRUNC_TEXT_TIMESTAMP, [TEXTOID, TIMESTAMPOID] => TIMESTAMPOID;
    TIMESTAMPTZ_AND_FORMAT = pg_sys::F_TO_CHAR_TIMESTAMPTZ_TEXT, [TIMESTAMPTZOID, TEXTOID] => TEXTOID;
    TRUNCATED_TIMESTAMPTZ = pg_sys::F_DATE_TRUNC_TEXT_TIMESTAMPTZ, [TEXTOID, TIMESTAMPTZOID] => TIMESTAMPTZOID;
}

impl<const N: usize> Builtin<N> {
    /// The result for these arguments, in the current memory context; PostgreSQL may raise an error.
    pub fn call(&self, arguments: [LentValue; N]) -> Value {
        if arguments.map(LentValue::type_oid) != self.takes {
            defect("an argument of another type than its function's");
        }
        let (function, none) = (Oid::from(self.function), Oid::INVALID);
        // SAFETY: the function takes as many arguments, of these types, and returns a value of this one.
        unsafe {
            Value::new(
                self.returns,
                match arguments.map(LentValue::datum)[..] {
                    [one] => pg_sys::OidFunctionCall1Coll(function, none, one),
                    [one, two] => pg_sys::OidFunctionCall2Coll(function, none, one, two),
                    [one, two, three] => pg_sys::OidFunctionCall3Coll(function, none, one, two, three),
                    _ => defect("a function of more arguments than are passed"),
                },
            )
        }
    }
}
