//! `change_points`: the changes of a detector as rows, each with a sentence.

use super::datum::{stored, SETTINGS};
use pgrx::prelude::*;
use pgrx::{direct_function_call, pg_sys, IntoDatum};
use tally_stats::detector::Change;

/// A second, a minute and a day, in microseconds.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1440 * MINUTE;

/// Formats a time in the session's time zone.
fn written(at: i64, format: &str) -> String {
    // SAFETY: the function takes a timestamptz, which is an i64, and a text, and gets these.
    unsafe { direct_function_call(pg_sys::timestamptz_to_char, &[at.into_datum(), format.into_datum()]) }
        .unwrap_or_default()
}

/// The format of the time of day that these times need, none if days are enough.
fn clock(times: &[i64], daily: bool) -> Option<&'static str> {
    let whole = |unit: i64| times.iter().all(|at| at % unit == 0);
    if daily && times.iter().all(|at| written(*at, "HH24MISSUS").bytes().all(|digit| digit == b'0')) {
        return None;
    }
    Some(match () {
        () if whole(MINUTE) => "HH24:MI",
        () if whole(SECOND) => "HH24:MI:SS",
        () => "HH24:MI:SS.US",
    })
}

fn explained(change: &Change) -> String {
    let Some(step) = change.step else {
        let seen = change.alerted.filter(|(row, _)| *row != change.row);
        let seen = seen.map(|(row, _)| format!("at row {}", row + 1));
        return change.explain(&format!("at row {}", change.row + 1), seen.as_deref());
    };
    let seen = change.alerted.map(|(_, at)| at).filter(|at| *at != change.at);
    let times = [change.at, seen.unwrap_or(change.at)];
    let clock = clock(&times, step >= (DAY / SECOND) as f64);
    let date = |at: i64| if written(at, "BC") == "BC" { "FMDD Mon FMYYYY BC" } else { "FMDD Mon FMYYYY" };
    let full = |at: i64, zone: &str| match clock {
        Some(clock) => written(at, &format!("{} {clock}{zone}", date(at))),
        None => written(at, date(at)),
    };
    let seen = seen.map(|at| match clock {
        Some(clock) if written(at, "J TZ") == written(change.at, "J TZ") => written(at, clock),
        _ => full(at, " TZ"),
    });
    change.explain(&format!("on {}", full(change.at, " TZ")), seen.as_deref())
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
                explained(&change),
            )
        })
        .collect();
    TableIterator::new(rows)
}
