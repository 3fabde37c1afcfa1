//! `change_points`: the changes of a detector as rows, each with a sentence.

use super::datum::{stored, SETTINGS};
use pgrx::prelude::*;
use pgrx::{direct_function_call, pg_sys, IntoDatum};
use tally_stats::detector::Change;

/// A minute and a day, in microseconds.
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1440 * MINUTE;

/// Formats a time in the session's time zone.
fn written(at: i64, format: &str) -> String {
    // SAFETY: the function takes a timestamptz, which is an i64, and a text, and gets these.
    unsafe { direct_function_call(pg_sys::timestamptz_to_char, &[at.into_datum(), format.into_datum()]) }
        .unwrap_or_default()
}

fn explained(change: &Change, timed: bool) -> String {
    if !timed {
        let seen = change.alerted.map(|(row, _)| format!("at row {}", row + 1));
        return change.explain(false, &format!("at row {}", change.row + 1), seen.as_deref());
    }
    let exact = change.at % MINUTE != 0 || change.alerted.is_some_and(|(_, at)| at % MINUTE != 0);
    let clock = if exact { "HH24:MI:SS" } else { "HH24:MI" };
    let full = format!("FMDD Mon YYYY {clock}");
    let seen = change.alerted.map(|(_, at)| {
        let same_day = at.abs_diff(change.at) < DAY as u64 && written(at, "J") == written(change.at, "J");
        written(at, if same_day { clock } else { &full })
    });
    change.explain(true, &format!("on {}", written(change.at, &full)), seen.as_deref())
}

#[allow(clippy::type_complexity)]
#[pg_extern(sql = false)]
fn detector_change_points(
    state: &[u8],
) -> TableIterator<
    'static,
    (
        name!(row, i64),
        name!(at, Option<i64>),
        name!(first_alerted_row, Option<i64>),
        name!(first_alerted_at, Option<i64>),
        name!(kind, String),
        name!(probability, f64),
        name!(before, f64),
        name!(after, f64),
        name!(difference, f64),
        name!(difference_low, f64),
        name!(difference_high, f64),
        name!(effect_sd, f64),
        name!(rows_before, Option<i64>),
        name!(rows_after, i64),
        name!(explanation, String),
    ),
> {
    let detector = stored(state);
    let timed = detector.timed();
    let rows: Vec<_> = detector
        .changes(SETTINGS)
        .into_iter()
        .map(|change| {
            (
                change.row as i64 + 1,
                timed.then_some(change.at),
                change.alerted.map(|(row, _)| row as i64 + 1),
                change.alerted.map(|(_, at)| at).filter(|_| timed),
                change.kind.name().to_string(),
                change.probability,
                change.before,
                change.after,
                change.difference(),
                change.interval.0,
                change.interval.1,
                change.effect_sd,
                change.rows_before.map(|rows| rows as i64),
                change.rows_after as i64,
                explained(&change, timed),
            )
        })
        .collect();
    TableIterator::new(rows)
}
