//! `change_points`: the changes of a detector, or of the whole history of a series, as rows, each with a sentence.

use super::aggregate::microseconds;
use super::datum::{advance, options, stored, time, SETTINGS};
use crate::pg::calls::call::Call;
use crate::pg::calls::composite::{CompositeArray, CompositeRow};
use crate::pg::calls::moving::Moving;
use crate::pg::memory::heap::fallibly;
use crate::pg::values::builtin::TIMESTAMPTZ_AND_FORMAT;
use crate::pg::values::value::{Moment, Value};
use pgrx::datum::Interval;
use pgrx::pg_sys::{Datum, Oid, FLOAT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID};
use pgrx::prelude::*;
use pgrx::IntoDatum;
use tally_stats::detector::{Change, History, Options};

/// A second, a minute, a day and a week, in microseconds.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1440 * MINUTE;
const WEEK: i64 = 7 * DAY;

/// Formats a time in the session's time zone; nothing for an infinite one, of which PostgreSQL makes NULL.
fn written(at: i64, format: &str) -> String {
    if [i64::MIN, i64::MAX].contains(&at) {
        return String::new();
    }
    let (at, format) = (Value::from(Moment(at)), Value::from(format));
    TIMESTAMPTZ_AND_FORMAT.call([at.lent(), format.lent()]).text().unwrap_or_default()
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
        return change.explain(&format!("at row {}", change.row + 1), seen.as_deref(), None);
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
    let phase = match change.season {
        Some(DAY) => Some(written(change.at, "\"at \"HH24:MI")),
        Some(WEEK) => Some(written(change.at, "\"on \"FMDay\"s at \"HH24:MI")),
        _ => None,
    };
    change.explain(&format!("on {}", full(change.at, " TZ")), seen.as_deref(), phase.as_deref())
}

/// The types of the columns of a change.
const TYPES: [Oid; 15] = [
    INT8OID,
    TIMESTAMPTZOID,
    INT8OID,
    TIMESTAMPTZOID,
    TEXTOID,
    FLOAT8OID,
    FLOAT8OID,
    FLOAT8OID,
    FLOAT8OID,
    FLOAT8OID,
    FLOAT8OID,
    FLOAT8OID,
    INT8OID,
    INT8OID,
    TEXTOID,
];

/// The columns of a change.
fn columns(change: &Change, timed: bool) -> [Option<Datum>; TYPES.len()] {
    let row = |row: u64| row as i64 + 1;
    let (seen_row, seen_at) = change.alerted.unzip();
    [
        row(change.row).into_datum(),
        timed.then_some(change.at).into_datum(),
        seen_row.map(row).into_datum(),
        seen_at.filter(|_| timed).into_datum(),
        change.kind.name().into_datum(),
        change.probability.into_datum(),
        change.before.into_datum(),
        change.after.into_datum(),
        change.difference().into_datum(),
        change.interval.0.into_datum(),
        change.interval.1.into_datum(),
        change.effect_sd.into_datum(),
        change.rows_before.map(|rows| rows as i64).into_datum(),
        (change.rows_after as i64).into_datum(),
        explained(change).into_datum(),
    ]
}

#[pg_extern(sql = false)]
fn detector_change_points(state: &[u8], call: Call) -> SetOfIterator<'static, CompositeRow> {
    let detector = stored(state);
    let timed = detector.timed();
    let changes = detector.changes(SETTINGS);
    let rows: Vec<_> = changes.iter().map(|c| CompositeRow::of(call, columns(c, timed))).collect();
    SetOfIterator::new(rows)
}

type HistoryState = Moving<History>;

fn follow(state: &mut HistoryState, x: Option<f64>, at: Option<i64>) {
    fallibly(|| state.reserve());
    advance(|s| state.observe(x, at, s));
}

#[pg_extern(sql = false)]
fn history_row(state: Option<HistoryState>, x: Option<f64>, call: Call) -> HistoryState {
    let mut state = state.unwrap_or_else(|| Moving::new(call, History::new(false, Options::new(false))));
    follow(&mut state, x, None);
    state
}

#[pg_extern(sql = false)]
fn history_at(state: Option<HistoryState>, x: Option<f64>, at: Option<i64>, call: Call) -> HistoryState {
    let mut state = state.unwrap_or_else(|| Moving::new(call, History::new(true, Options::new(true))));
    follow(&mut state, x, Some(time(at)));
    state
}

#[pg_extern(sql = false)]
fn history_at_with(
    state: Option<HistoryState>,
    x: Option<f64>,
    at: Option<i64>,
    sensitivity: Option<f64>,
    period: Option<Interval>,
    call: Call,
) -> HistoryState {
    let mut state = state.unwrap_or_else(|| {
        let options = options(true, sensitivity, period.as_ref().map(microseconds));
        Moving::new(call, History::new(true, options))
    });
    follow(&mut state, x, Some(time(at)));
    state
}

#[pg_extern(sql = false)]
fn history_result(state: Option<HistoryState>, call: Call) -> Option<CompositeArray> {
    let mut state = state?;
    let timed = state.timed();
    let changes = fallibly(|| state.changes(SETTINGS));
    let rows = changes.iter().map(|change| {
        pgrx::check_for_interrupts!();
        columns(change, timed)
    });
    Some(CompositeArray::of(call, TYPES, rows))
}
