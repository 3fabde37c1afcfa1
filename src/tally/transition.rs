//! What `tally(x)` and `tally(t)` do for each row, and for each pair of partial results.
//!
//! The same functions are `t + x` and `t + t`: inside an aggregate they change the state in place, elsewhere a copy.

use crate::datum::tally::{SqlTally, State};
use crate::pg::error::raise;
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use tally_stats::{split_decimal, split_integer};

#[pg_extern(sql = false)]
fn tally_observe_float8(mut state: State, x: f64, fcinfo: FunctionCallInfo) -> State {
    // SAFETY: PostgreSQL passes the call.
    unsafe { state.writable(fcinfo) }.observe(x);
    state
}

#[pg_extern(sql = false)]
fn tally_observe_int8(mut state: State, x: i64, fcinfo: FunctionCallInfo) -> State {
    let (hi, lo) = split_integer(x);
    // SAFETY: PostgreSQL passes the call.
    unsafe { state.writable(fcinfo) }.observe_wide(hi, lo);
    state
}

#[pg_extern(sql = false)]
fn tally_observe_numeric(mut state: State, x: AnyNumeric, fcinfo: FunctionCallInfo) -> State {
    let (hi, lo) = split_numeric(x);
    // SAFETY: PostgreSQL passes the call.
    unsafe { state.writable(fcinfo) }.observe_wide(hi, lo);
    state
}

#[pg_extern(sql = false)]
fn tally_merge(mut state: State, other: &SqlTally, fcinfo: FunctionCallInfo) -> State {
    // SAFETY: PostgreSQL passes the call.
    unsafe { state.writable(fcinfo) }.merge(other);
    state
}

/// The result of the aggregate, in canonical bytes: those of a state depend on the order of the rows.
#[pg_extern(sql = false)]
fn tally_result(state: &SqlTally) -> SqlTally {
    SqlTally(state.0)
}

/// A numeric as `hi + lo`, to some 100 bits.
pub fn split_numeric(x: AnyNumeric) -> (f64, f64) {
    let text = x.to_string();
    split_decimal(&text).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric value is out of range for type tally",
            format!("It begins with {:.20} and has {} characters.", text, text.len()),
            "A tally holds what double precision holds, up to about 1.8e308.",
        )
    })
}
