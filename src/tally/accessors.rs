//! One function for each number that a tally reports.

use super::datum::SqlTally;
use crate::error::raise;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn tally_num_vals(t: &SqlTally) -> i64 {
    t.num_vals()
}

/// Accessors that are NULL where the built-in aggregate of that name is.
macro_rules! accessors {
    ($($function:ident => $accessor:ident;)*) => { $(
        #[pg_extern(sql = false)]
        fn $function(t: &SqlTally) -> Option<f64> {
            t.$accessor()
        }
    )* };
}

accessors! {
    tally_sum => sum;
    tally_avg => avg;
    tally_m2 => m2;
    tally_var_samp => var_samp;
    tally_var_pop => var_pop;
    tally_stddev_samp => stddev_samp;
    tally_stddev_pop => stddev_pop;
    tally_min => min;
    tally_max => max;
}

/// The same, but an error where the built-in aggregate raises one: for finite values whose sum, or sum of squared
/// deviations, is beyond double precision.
macro_rules! core_accessors {
    ($($function:ident => $accessor:ident;)*) => { $(
        #[pg_extern(sql = false)]
        fn $function(t: &SqlTally) -> Option<f64> {
            if t.overflows() {
                raise(
                    PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                    "value out of range: overflow",
                    "",
                    "The accessors of a tally of the same values do not raise this error.",
                );
            }
            t.$accessor()
        }
    )* };
}

core_accessors! {
    tally_core_sum => sum;
    tally_core_avg => avg;
    tally_core_var_samp => var_samp;
    tally_core_var_pop => var_pop;
    tally_core_stddev_samp => stddev_samp;
    tally_core_stddev_pop => stddev_pop;
}
