//! Mean and spread of all values of a series.

use crate::detector::check::{number, up_to, within, Check, MOST_ROWS, MOST_SQUARES, MOST_VALUE};
use crate::detector::numbers::between;
use serde::{Deserialize, Serialize};

/// Standard deviations from the mean at which values are cut off: one spike does not set the scale.
const REACH: f64 = 10.0;

/// Least share of the spread that a season leaves.
const LEAST_CALM: f64 = 0.01;

/// Running mean and spread of all values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    rows: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    pub fn observe(&mut self, x: f64) {
        let reach = REACH * self.variance().sqrt();
        let d = if reach > 0.0 && self.rows > REACH {
            between(x - self.mean, -reach, reach)
        } else {
            x - self.mean
        };
        self.rows += 1.0;
        let step = d / self.rows;
        self.mean += step;
        self.squares += d * (d - step);
    }

    /// Number of values.
    pub fn rows(&self) -> f64 {
        self.rows
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Whether all values were 0, or there was none.
    pub fn is_zero(&self) -> bool {
        self.mean == 0.0 && self.squares == 0.0
    }

    pub fn variance(&self) -> f64 {
        self.squares / (self.rows - 1.0).max(1.0)
    }

    /// Takes the variance of a season out.
    pub fn calm(&mut self, season: f64) {
        self.squares = (self.squares - season * (self.rows - 1.0)).max(LEAST_CALM * self.squares);
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.mean *= factor;
        self.squares *= factor * factor;
    }

    pub fn check(&self) -> Check {
        let sound =
            up_to(self.rows, MOST_ROWS) && within(self.mean, MOST_VALUE) && up_to(self.squares, MOST_SQUARES);
        number(sound, "the mean or the spread of its values is out of range")
    }
}
