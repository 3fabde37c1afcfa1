//! What `tally(x)` and `tally(t)` do for each row, and for each pair of partial results.
//!
//! The same functions are `t + x` and `t + t`: inside an aggregate they change the state in place, elsewhere a copy.

use crate::datum::number::split_numeric;
use crate::datum::tally::{SqlTally, State};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use tally_stats::split_integer;

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
