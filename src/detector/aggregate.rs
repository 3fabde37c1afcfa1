//! `detect`, and its window functions `surprise` and `change_probability`: one state, three results.

use super::datum::{observe, options, started, time, SETTINGS};
use crate::pg::calls::call::Call;
use crate::pg::calls::moving::Moving;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use tally_stats::detector::{Detector, Options};

type DetectorState = Moving<Detector>;

/// Returns the microseconds of an interval; a month has 30 days.
pub fn microseconds(interval: &Interval) -> i64 {
    let days = i128::from(interval.months()) * 30 + i128::from(interval.days());
    (days * 86_400_000_000 + i128::from(interval.micros())).clamp(i128::from(i64::MIN), i128::from(i64::MAX))
        as i64
}

fn start(
    state: Option<DetectorState>,
    call: Call,
    options: impl FnOnce() -> Options,
    timed: bool,
) -> DetectorState {
    state.unwrap_or_else(|| Moving::new(call, Detector::new(timed, options())))
}

#[pg_extern(sql = false)]
fn detect_row(state: Option<DetectorState>, x: Option<f64>, call: Call) -> DetectorState {
    let mut state = start(state, call, || Options::new(false), false);
    observe(&mut state, x, None);
    state
}

#[pg_extern(sql = false)]
fn detect_at(state: Option<DetectorState>, x: Option<f64>, at: Option<i64>, call: Call) -> DetectorState {
    let mut state = start(state, call, || Options::new(true), true);
    observe(&mut state, x, Some(time(at)));
    state
}

#[pg_extern(sql = false)]
fn detect_at_with(
    state: Option<DetectorState>,
    x: Option<f64>,
    at: Option<i64>,
    sensitivity: Option<f64>,
    period: Option<Interval>,
    call: Call,
) -> DetectorState {
    let chosen = || options(true, sensitivity, period.as_ref().map(microseconds));
    let mut state = start(state, call, chosen, true);
    observe(&mut state, x, Some(time(at)));
    state
}

/// Goes on from a stored detector, that of the first row.
#[pg_extern(sql = false)]
fn detect_on(
    state: Option<DetectorState>,
    detector: Option<&[u8]>,
    x: Option<f64>,
    at: Option<i64>,
    call: Call,
) -> DetectorState {
    let mut state = state.unwrap_or_else(|| Moving::new(call, started(detector, true)));
    observe(&mut state, x, Some(time(at)));
    state
}

#[pg_extern(sql = false)]
fn detect_result(state: Option<DetectorState>) -> Option<Vec<u8>> {
    state.map(|state| state.to_bytes())
}

#[pg_extern(sql = false)]
fn surprise_result(state: Option<DetectorState>) -> Option<f64> {
    state?.surprise()
}

#[pg_extern(sql = false)]
fn change_probability_result(state: Option<DetectorState>) -> Option<f64> {
    state?.change_probability(SETTINGS)
}
