//! Numbers of more than 53 bits, as sums of two doubles.

use crate::pg::server::error::raise;
use pgrx::{AnyNumeric, PgSqlErrorCode};
use tally_stats::split_decimal;

/// Splits a numeric into `hi + lo`, which holds about 100 bits.
pub fn split_numeric(x: AnyNumeric) -> (f64, f64) {
    let text = x.to_string();
    split_decimal(&text).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric value is out of range for type tally",
            format!("The value begins with {:.20} and has {} characters.", text, text.len()),
            "A tally holds what double precision holds, up to about 1.8e308.",
        )
    })
}
