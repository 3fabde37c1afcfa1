//! Student's confidence interval and Welch's test for stored tallies.

use crate::datum::tally::SqlTally;
use crate::pg::calls::call::Call;
use crate::pg::calls::composite::CompositeRow;
use crate::pg::server::error::raise;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn tally_mean_interval(t: &SqlTally, level: f64, call: Call) -> Option<CompositeRow> {
    let interval = t.mean_interval(checked(level))?;
    Some(CompositeRow::new(call, [interval.low, interval.high]))
}

#[pg_extern(sql = false)]
fn tally_welch_t_test(before: &SqlTally, after: &SqlTally, level: f64, call: Call) -> Option<CompositeRow> {
    let test = before.welch_t_test(after, checked(level))?;
    Some(CompositeRow::new(call, [test.difference, test.low, test.high, test.t, test.df, test.p_value]))
}

fn checked(level: f64) -> f64 {
    if level > 0.0 && level < 1.0 {
        return level;
    }
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("confidence level must be between 0 and 1: {level}"),
        "",
        "Write 95 % as 0.95.",
    )
}
