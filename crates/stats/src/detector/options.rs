//! Options that a user may choose for a detector.

use super::check::{structure, Check};
use super::settings::Settings;
use serde::{Deserialize, Serialize};

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;
/// The largest probability of a change at a row.
const MOST_HAZARD: f64 = 0.5;

/// Options that a user may choose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Factor of the expected rate of changes; 1 is the default.
    pub sensitivity: f64,
    /// Length of the seasonal period in microseconds, or rows where rows have no time; 0 for none.
    pub period: i64,
}

impl Options {
    /// The defaults: a daily season for rows that have times.
    pub fn new(timed: bool) -> Options {
        Options { sensitivity: 1.0, period: if timed { DAY } else { 0 } }
    }

    /// Prior probability that a row begins a segment.
    pub(super) fn hazard(&self, s: &Settings) -> f64 {
        (s.hazard * self.sensitivity).min(MOST_HAZARD)
    }

    /// Phase of a time within the seasonal period, from 0 to 1; none without a period.
    pub(super) fn phase(&self, at: i64) -> Option<f64> {
        (self.period > 0).then(|| at.rem_euclid(self.period) as f64 / self.period as f64)
    }

    /// The share of the seasonal period that a step of this length takes.
    pub(super) fn share(&self, step: f64) -> f64 {
        step / self.period as f64
    }

    pub(super) fn check(&self) -> Check {
        structure(
            self.sensitivity > 0.0 && self.sensitivity.is_finite(),
            "its sensitivity is not a positive number",
        )?;
        structure(self.period >= 0, "its seasonal period is negative")
    }
}
