//! Transition functions of `tally(x)` and `tally(t)`, for each row and for each pair of partial results.
//!
//! The same functions implement `t + x` and `t + t`: inside an aggregate they change the state in place, elsewhere they
//! change a copy.

use crate::datum::number::{split_numeric, split_stored};
use crate::datum::tally::{SqlTally, TallyState};
use crate::pg::calls::call::Call;
use pgrx::prelude::*;
use tally_stats::{split_integer, Tally};

/// Applies a change to a state, in place or to a copy, as the running call demands.
#[inline(always)]
fn changed(mut state: TallyState, call: Call, change: impl FnOnce(&mut Tally)) -> TallyState {
    change(state.writable(call));
    state
}

#[pg_extern(sql = false)]
fn tally_observe_float8(state: TallyState, x: f64, call: Call) -> TallyState {
    changed(state, call, |tally| tally.observe(x))
}

#[pg_extern(sql = false)]
fn tally_observe_int8(state: TallyState, x: i64, call: Call) -> TallyState {
    let (hi, lo) = split_integer(x);
    changed(state, call, |tally| tally.observe_wide(hi, lo))
}

/// Takes the bytes of the numeric as they are stored: most have few digits, and are split without PostgreSQL's help.
#[pg_extern(sql = false)]
fn tally_observe_numeric(state: TallyState, x: &[u8], call: Call) -> TallyState {
    let (hi, lo) = split_stored(x).unwrap_or_else(|| call.argument(1).map_or((0.0, 0.0), split_numeric));
    changed(state, call, |tally| tally.observe_wide(hi, lo))
}

#[pg_extern(sql = false)]
fn tally_merge(state: TallyState, other: &SqlTally, call: Call) -> TallyState {
    changed(state, call, |tally| tally.merge(other))
}

/// Returns the result of the aggregate in canonical bytes: the bytes of a state depend on the order of the rows.
#[pg_extern(sql = false)]
fn tally_result(state: &SqlTally) -> SqlTally {
    SqlTally(state.0)
}
