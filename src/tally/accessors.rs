//! One function for each number that a tally reports.

use crate::datum::tally::SqlTally;
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

#[pg_extern(sql = false)]
fn tally_zscore(t: &SqlTally, x: f64) -> Option<f64> {
    t.zscore(x)
}

accessors! {
    tally_sum => sum;
    tally_avg => avg;
    tally_m2 => m2;
    tally_var_samp => var_samp;
    tally_var_pop => var_pop;
    tally_stddev_samp => stddev_samp;
    tally_stddev_pop => stddev_pop;
    tally_sem => sem;
    tally_cv => cv;
    tally_min => min;
    tally_max => max;
}
