//! The memory that forecasts a series best: how much a row says of the next.
//!
//! Where the level drifts within a segment, the best forecast is not the mean of the segment but that of its last rows, and
//! where it drifts one way, the last row and what it is usually followed by.

use super::drift::Drift;
use super::outlook::{Outlook, SquaredError};
use crate::detector::check::{number, within, Check, MOST_VALUE};
use crate::detector::numbers::{between, Count, Short};
use serde::{Deserialize, Serialize};

/// Share of a row in the forecast of the next on a random walk, and in the means that forecast where noise lies on one.
const WHOLE: f64 = 1.0;
const GAINS: [f64; 2] = [0.7, 0.4];
/// Rows that the errors of the forecasts remember.
const ROWS: f64 = 10_000.0;
/// Rows before a drift is believed, and the most that it leaves then of the variance of what is forecast: by chance it
/// leaves all of it.
const DRIFT_ROWS: f64 = 20.0;
const DRIFT_LEAVES: f64 = 0.9;
/// Least variance beside a drift, relative to its square.
const LEAST_LEFT: f64 = 1e-6;

/// Forecasts by means of the last values, with memories of different lengths, and by a drift.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memories {
    rows: Count,
    /// Season of the last value.
    season: Short,
    /// Error of the last value as the forecast of the next.
    last: SquaredError,
    means: [Outlook; GAINS.len()],
    drift: Drift,
}

/// The best memory: the share of a row in the mean, and the variance of what is forecast.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub gain: f64,
    pub variance: f64,
    /// The drift of the level, if it has one.
    pub drift: Option<DriftMemory>,
}

/// Steps that the mean of the drift is of at most, and those that its prior is worth.
#[derive(Clone, Copy, Debug)]
pub struct DriftMemory {
    pub steps: f64,
    pub prior: f64,
}

impl Memories {
    /// Takes in a value at a place in steps, of which so much is the season, and this far from the one before. Errors are
    /// cut off at `reach`.
    pub fn observe(&mut self, difference: f64, season: f64, place: f64, reach: f64) {
        let rows = self.rows.get();
        let before = std::mem::replace(&mut self.season, Short::new(season));
        let difference = difference - (season - before.get());
        self.rows = Count::new((rows + 1.0).min(ROWS));
        self.drift.observe(difference, place, rows, reach);
        if rows == 0.0 {
            return;
        }
        self.last.learn(between(difference, -reach, reach), rows);
        for (mean, gain) in self.means.iter_mut().zip(GAINS) {
            let off = difference - mean.by();
            mean.error.learn(between(off, -reach, reach), rows);
            mean.set((gain - WHOLE) * off);
        }
    }

    /// The memory with the least error, or the last value and its drift if that leaves still less.
    pub fn best(&self) -> Memory {
        let last = Memory { gain: WHOLE, variance: self.last.get(), drift: None };
        let means = self.means.iter().zip(GAINS);
        let best = means.fold(last, |best, (mean, gain)| match mean.error.get() {
            variance if variance < best.variance => Memory { gain, variance, drift: None },
            _ => best,
        });
        let drift = self.drift.best();
        if drift.variance >= DRIFT_LEAVES * best.variance || self.rows.get() < DRIFT_ROWS {
            return best;
        }
        let squared = last.variance - drift.variance;
        let variance = drift.variance.max(LEAST_LEFT * squared);
        let drift = DriftMemory { steps: drift.steps, prior: variance / squared };
        Memory { gain: WHOLE, variance, drift: Some(drift) }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.season = Short::new(self.season.get() * factor);
        self.last.rescale(factor);
        self.means.iter_mut().for_each(|mean| mean.rescale(factor));
        self.drift.rescale(factor);
    }

    pub fn check(&self) -> Check {
        let sound = within(self.season.get(), MOST_VALUE)
            && self.last.sound()
            && self.means.iter().all(Outlook::sound)
            && self.drift.sound();
        number(sound, "a forecast of its next value is out of range")
    }
}
