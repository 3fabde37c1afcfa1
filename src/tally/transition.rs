//! Transition functions of `tally(x)` and `tally(t)`, for each row and for each pair of partial results.
//!
//! The same functions implement `t + x` and `t + t`: inside an aggregate they change the state in place, elsewhere they
//! change a copy.

use crate::datum::number::split_numeric;
use crate::datum::tally::{SqlTally, TallyState};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use tally_stats::{split_integer, Tally};

/// Applies a change to a state, in place or to a copy, as the running call demands.
#[inline(always)]
fn changed(mut state: TallyState, fcinfo: FunctionCallInfo, change: impl FnOnce(&mut Tally)) -> TallyState {
    // SAFETY: this is only called by the functions of this file, which pass on the running call.
    change(unsafe { state.writable(fcinfo) });
    state
}

#[pg_extern(sql = false)]
fn tally_observe_float8(state: TallyState, x: f64, fcinfo: FunctionCallInfo) -> TallyState {
    changed(state, fcinfo, |tally| tally.observe(x))
}

#[pg_extern(sql = false)]
fn tally_observe_int8(state: TallyState, x: i64, fcinfo: FunctionCallInfo) -> TallyState {
    let (hi, lo) = split_integer(x);
    changed(state, fcinfo, |tally| tally.observe_wide(hi, lo))
}

#[pg_extern(sql = false)]
fn tally_observe_numeric(state: TallyState, x: AnyNumeric, fcinfo: FunctionCallInfo) -> TallyState {
    let (hi, lo) = split_numeric(x);
    changed(state, fcinfo, |tally| tally.observe_wide(hi, lo))
}

#[pg_extern(sql = false)]
fn tally_merge(state: TallyState, other: &SqlTally, fcinfo: FunctionCallInfo) -> TallyState {
    changed(state, fcinfo, |tally| tally.merge(other))
}

/// Returns the result of the aggregate in canonical bytes: the bytes of a state depend on the order of the rows.
#[pg_extern(sql = false)]
fn tally_result(state: &SqlTally) -> SqlTally {
    SqlTally(state.0)
}
