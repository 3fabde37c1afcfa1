//! Results of PostgreSQL's own aggregates over floating-point numbers, from a tally of them; correctly rounded.

use super::statistic::Statistic;
use crate::pg::server::error::raise;
use pgrx::PgSqlErrorCode;
use tally_stats::Tally;

/// A sum, mean, variance or standard deviation. Raises PostgreSQL's error where its aggregate does, even where only the
/// squares overflow.
pub fn built_in(tally: &Tally, statistic: Statistic) -> Option<f64> {
    if statistic == Statistic::Sum {
        return sum(tally);
    }
    if tally.overflows() {
        overflow();
    }
    match statistic {
        Statistic::Avg => tally.avg(),
        Statistic::VarSamp => tally.var_samp(),
        Statistic::VarPop => tally.var_pop(),
        Statistic::StddevSamp => tally.stddev_samp(),
        _ => tally.stddev_pop(),
    }
}

fn sum(tally: &Tally) -> Option<f64> {
    if tally.sum_overflows() {
        overflow();
    }
    tally.sum().map(|sum| if is_negative_zero(tally) { -0.0 } else { sum })
}

/// The sum of reals, which is a real.
pub fn sum_of_reals(tally: &Tally) -> Option<f32> {
    let sum = tally.sum_as_real();
    if sum.is_some_and(f32::is_infinite) && tally.is_finite() {
        overflow();
    }
    sum.map(|sum| if is_negative_zero(tally) { -0.0 } else { sum })
}

/// Whether all values are negative zeros, whose sum is one.
fn is_negative_zero(tally: &Tally) -> bool {
    tally.min() == Some(0.0) && tally.max().is_some_and(|max| max == 0.0 && max.is_sign_negative())
}

fn overflow() -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        "value out of range: overflow",
        "",
        "The accessors of a tally of the same values do not raise this error.",
    )
}
