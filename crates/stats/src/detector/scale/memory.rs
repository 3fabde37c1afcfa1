//! The memory that forecasts a series best: how much a row says of the next.
//!
//! Where the level drifts within a segment, the best forecast is not the mean of the segment but that of its last rows.

use crate::detector::check::{number, up_to, within, Check, MOST_SQUARES, MOST_VALUE};
use crate::detector::numbers::{between, Count};
use serde::{Deserialize, Serialize};

/// Shares of a row in the mean that forecasts the next: all of it for a random walk, less where noise lies on one.
const GAINS: [f64; 3] = [1.0, 0.7, 0.4];
/// Rows that the errors of the forecasts remember.
const ROWS: f64 = 10_000.0;

/// A mean of the last rows, and how well it forecasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RunningMean {
    mean: f64,
    /// Mean squared error; errors are cut off, so that jumps do not decide.
    error: f32,
}

/// Running means with memories of different lengths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memories {
    rows: Count,
    means: [RunningMean; GAINS.len()],
}

/// The best memory: the share of a row in the mean, and the variance of what is forecast.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub gain: f64,
    pub variance: f64,
}

impl Memories {
    /// Takes in a value; errors are cut off at `reach`.
    pub fn observe(&mut self, x: f64, reach: f64) {
        let rows = self.rows.get();
        for (forecast, gain) in self.means.iter_mut().zip(GAINS) {
            if rows == 0.0 {
                forecast.mean = x;
                continue;
            }
            let off = x - forecast.mean;
            let cut = between(off, -reach, reach);
            let error = f64::from(forecast.error);
            forecast.error = (error + (cut * cut - error) / rows) as f32;
            forecast.mean += gain * off;
        }
        self.rows = Count::new((rows + 1.0).min(ROWS));
    }

    /// The memory with the least error.
    pub fn best(&self) -> Memory {
        let all = self.means.iter().zip(GAINS);
        let memories = all.map(|(forecast, gain)| Memory { gain, variance: forecast.error.into() });
        let best = memories.min_by(|a, b| a.variance.total_cmp(&b.variance));
        best.unwrap_or(Memory { gain: GAINS[0], variance: 0.0 })
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        for forecast in &mut self.means {
            forecast.mean *= factor;
            forecast.error = (f64::from(forecast.error) * factor * factor) as f32;
        }
    }

    pub fn check(&self) -> Check {
        let possible = |f: &RunningMean| within(f.mean, MOST_VALUE) && up_to(f.error.into(), MOST_SQUARES);
        number(self.means.iter().all(possible), "a forecast of its next value is out of range")
    }
}
