//! `tally(x) OVER (…)` and `tally(t) OVER (…)` where the frame's start moves: O(1) per row, no subtraction.

use crate::datum::number::split_numeric;
use crate::datum::sliding::{Merged, Wide};
use crate::datum::tally::{SqlTally, TallyState};
use crate::pg::calls::call::Call;
use crate::pg::calls::moving::Moving;
use crate::pg::memory::heap;
use pgrx::prelude::*;
use std::convert::identity;
use tally_stats::{split_integer, Sliding, Summary, Tally};

/// The sliding window over a frame, and the tally that is reported.
pub struct FrameTally<S: Summary> {
    values: Sliding<S>,
    result: Tally,
}

impl<S: Summary> FrameTally<S> {
    fn report(&mut self, result: Tally) -> TallyState {
        self.result = result.renormalized();
        // The executor copies the tally before the next row.
        TallyState::lent(&mut self.result)
    }
}

impl<S: Summary> Default for FrameTally<S> {
    fn default() -> Self {
        FrameTally { values: Sliding::default(), result: Tally::EMPTY }
    }
}

/// Defines the three functions of a moving aggregate. NULLs neither enter nor leave; a frame without rows has no state.
macro_rules! moving {
    ($push:ident, $pop:ident, $report:ident: $argument:ty => $summary:ty, $value:expr, $tally:expr) => {
        #[pg_extern(sql = false)]
        fn $push(
            state: Option<Moving<FrameTally<$summary>>>,
            x: Option<$argument>,
            call: Call,
        ) -> Moving<FrameTally<$summary>> {
            let mut state = state.unwrap_or_else(|| Moving::new(call, FrameTally::default()));
            if let Some(x) = x {
                let x = ($value)(x);
                heap::fallibly(|| state.values.push(x));
                heap::check();
            }
            state
        }

        #[pg_extern(sql = false)]
        fn $pop(
            mut state: Option<Moving<FrameTally<$summary>>>,
            x: Option<$argument>,
        ) -> Option<Moving<FrameTally<$summary>>> {
            if let (Some(state), Some(_)) = (&mut state, x) {
                state.values.pop();
            }
            state
        }

        #[pg_extern(sql = false)]
        fn $report(state: Option<Moving<FrameTally<$summary>>>) -> TallyState {
            state.map_or_else(TallyState::empty, |mut state| {
                let summary = state.values.summary();
                state.report(($tally)(summary))
            })
        }
    };
}

moving!(tally_push_float8, tally_pop_float8, tally_report_float8: f64 => Tally, identity, identity);
moving!(tally_push_int8, tally_pop_int8, tally_report_int8: i64 => Wide, split_integer, |t: Wide| t.0);
moving!(tally_push_numeric, tally_pop_numeric, tally_report_numeric: AnyNumeric => Wide, split_numeric, |t: Wide| t.0);
moving!(tally_push, tally_pop, tally_report: &SqlTally => Merged, |t: &SqlTally| t.0, |t: Merged| t.0);
