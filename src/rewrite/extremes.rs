//! `moving_min(x) OVER (…)` and `moving_max(x) OVER (…)`, of types that a tally does not hold exactly.

use crate::moving::{grown, Moving};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::prelude::*;
use std::cmp::Ordering;
use tally_stats::Extreme;

/// The functions of both aggregates over one type. NULLs are no candidates.
macro_rules! extremes {
    ($type:ty: $least:ident, $greatest:ident, $pop:ident, $get:ident) => {
        #[pg_extern(sql = false)]
        fn $least(
            state: Option<Moving<Extreme<$type>>>,
            x: Option<$type>,
            fcinfo: FunctionCallInfo,
        ) -> Moving<Extreme<$type>> {
            push(state, x, fcinfo, Ord::cmp)
        }

        #[pg_extern(sql = false)]
        fn $greatest(
            state: Option<Moving<Extreme<$type>>>,
            x: Option<$type>,
            fcinfo: FunctionCallInfo,
        ) -> Moving<Extreme<$type>> {
            push(state, x, fcinfo, |a, b| b.cmp(a))
        }

        #[pg_extern(sql = false)]
        fn $pop(
            mut state: Option<Moving<Extreme<$type>>>,
            x: Option<$type>,
        ) -> Option<Moving<Extreme<$type>>> {
            if let (Some(state), Some(_)) = (&mut state, x) {
                state.pop();
            }
            state
        }

        #[pg_extern(sql = false)]
        fn $get(state: Option<Moving<Extreme<$type>>>) -> Option<$type> {
            state?.get().cloned()
        }
    };
}

extremes!(i64: least_int8, greatest_int8, pop_int8, extreme_int8);
extremes!(AnyNumeric: least_numeric, greatest_numeric, pop_numeric, extreme_numeric);

#[inline(always)]
fn push<T>(
    state: Option<Moving<Extreme<T>>>,
    x: Option<T>,
    fcinfo: FunctionCallInfo,
    order: impl Fn(&T, &T) -> Ordering,
) -> Moving<Extreme<T>> {
    let mut state = state.unwrap_or_else(|| Moving::new(fcinfo, Extreme::default()));
    if let Some(x) = x {
        grown(state.push(x, order));
    }
    state
}
