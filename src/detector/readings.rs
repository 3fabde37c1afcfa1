//! `observe`, and one function for each number that a detector reports.

use super::aggregate::microseconds;
use super::datum::{observe, options, started, stored, time, SETTINGS};
use crate::pg::calls::call::Call;
use crate::pg::calls::composite::CompositeRow;
use crate::pg::server::error::raise;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use tally_stats::detector::Detector;

#[pg_extern(sql = false)]
fn observe_row(state: Option<&[u8]>, x: Option<f64>) -> Vec<u8> {
    let mut detector = started(state, false);
    observe(&mut detector, x, None);
    detector.to_bytes()
}

#[pg_extern(sql = false)]
fn observe_at(state: Option<&[u8]>, x: Option<f64>, at: Option<i64>) -> Vec<u8> {
    let mut detector = started(state, true);
    observe(&mut detector, x, Some(time(at)));
    detector.to_bytes()
}

#[pg_extern(sql = false)]
fn detector_for(sensitivity: Option<f64>, period: Option<Interval>) -> Vec<u8> {
    Detector::new(true, options(true, sensitivity, period.as_ref().map(microseconds))).to_bytes()
}

#[pg_extern(sql = false)]
fn detector_level(state: &[u8]) -> Option<f64> {
    stored(state).state(SETTINGS).map(|(level, _, _)| level)
}

#[pg_extern(sql = false)]
fn detector_slope(state: &[u8]) -> Option<f64> {
    stored(state).state(SETTINGS).map(|(_, slope, _)| slope)
}

#[pg_extern(sql = false)]
fn detector_noise(state: &[u8]) -> Option<f64> {
    stored(state).state(SETTINGS).map(|(_, _, noise)| noise)
}

#[pg_extern(sql = false)]
fn detector_run_length(state: &[u8]) -> i64 {
    stored(state).run_length(SETTINGS) as i64
}

#[pg_extern(sql = false)]
fn detector_rows(state: &[u8]) -> i64 {
    stored(state).rows() as i64
}

#[pg_extern(sql = false)]
fn detector_surprise(state: &[u8]) -> Option<f64> {
    stored(state).surprise()
}

#[pg_extern(sql = false)]
fn detector_change_probability(state: &[u8]) -> Option<f64> {
    stored(state).change_probability(SETTINGS)
}

#[pg_extern(sql = false)]
fn detector_to_json(state: &[u8]) -> String {
    let detector = stored(state);
    let (level, slope, noise) = detector
        .state(SETTINGS)
        .map_or((None, None, None), |(level, slope, noise)| (Some(level), Some(slope), Some(noise)));
    let said = serde_json::json!({
        "num_rows": detector.rows(),
        "level": level,
        "slope": slope,
        "noise": noise,
        "run_length": detector.run_length(SETTINGS),
        "surprise": detector.surprise(),
        "change_probability": detector.change_probability(SETTINGS),
    });
    said.to_string()
}

#[pg_extern(sql = false)]
fn detector_summary(state: &[u8]) -> String {
    stored(state).summary(SETTINGS)
}

#[pg_extern(sql = false)]
fn detector_forecast(state: &[u8], steps: f64, call: Call) -> Option<CompositeRow> {
    if !(steps.is_finite() && steps >= 0.0) {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("cannot forecast {steps} steps ahead"),
            "",
            "A step is the usual time between two rows; 1 is the next row.",
        );
    }
    let forecast = stored(state).forecast(steps, SETTINGS)?;
    Some(CompositeRow::new(call, [forecast.mean, forecast.low, forecast.high]))
}
