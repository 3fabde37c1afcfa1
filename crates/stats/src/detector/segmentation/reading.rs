//! Readings of a segment at one time: level, slope, noise, and their errors.

use super::census::CensusReading;
use crate::detector::check::{number, within, Check, MOST_VALUE};
use crate::detector::numbers::{single, Brief};
use crate::detector::scale::{NoiseEstimate, MOST_CORRELATED};
use serde::{Deserialize, Serialize};

/// Standard deviations within which nearly all values are, and beyond which hardly any is.
const WITHIN: f64 = 3.0;
const BEYOND: f64 = 5.0;
/// Variance of normal noise by the square of the mean size of its differences.
const OF_SIZES: f64 = std::f64::consts::FRAC_PI_4;

/// The reading of a segment at one time. Slopes are per step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Level at that time.
    pub level: f64,
    /// Change of the level per step; 0 if the model without a slope is more probable.
    pub slope: f32,
    /// Standard error of the level.
    pub level_error: Brief,
    /// Standard error of the slope.
    pub slope_error: Brief,
    /// Standard deviation of the noise.
    pub noise: Brief,
    /// Effective number of observations.
    pub weight: Brief,
    /// Level and activity by all rows, of which none is an outlier.
    pub census: CensusReading,
}

impl Reading {
    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.level *= factor;
        self.slope = single(f64::from(self.slope) * factor);
        for number in [&mut self.level_error, &mut self.slope_error, &mut self.noise] {
            *number = Brief::new(number.get() * factor);
        }
        self.census.rescale(factor);
    }

    /// Correlation of neighbouring rows in a series that leaps; 0 in others. A segment that goes to and fro between states has
    /// a spread that most differences lack: of its many rows, few are news. Differences count by their size, as leaps are
    /// few: how long the values stay is asked.
    pub fn persistence(&self, noise: &NoiseEstimate) -> f64 {
        if !noise.leaps() {
            return 0.0;
        }
        let (_, activity) = self.census.means();
        let left = OF_SIZES * (activity / self.noise.get()).powi(2);
        (1.0 - left).clamp(0.0, MOST_CORRELATED)
    }

    /// Whether the level wanders: then it is known no better than the next value.
    pub fn wanders(&self) -> bool {
        self.level_error == self.noise
    }

    /// Standard error of the level that the segment had this many steps before.
    pub fn level_error_before(&self, steps: f64) -> f64 {
        let of_drift = if self.wanders() { self.slope_error.get() * steps } else { 0.0 };
        self.level_error.get().hypot(of_drift)
    }

    /// Whether a value is back within the noise of the level, and the last one was beyond all that it reaches.
    pub fn returned(&self, last: f64, x: f64) -> bool {
        let noise = self.noise.get();
        (x - self.level).abs() <= WITHIN * noise && (last - self.level).abs() > BEYOND * noise
    }

    pub fn check(&self) -> Check {
        let errors = [self.level_error, self.slope_error, self.noise, self.weight];
        let sound = within(self.level, MOST_VALUE)
            && self.slope.is_finite()
            && errors.into_iter().all(Brief::known)
            && self.census.sound();
        number(sound, "a number of an earlier segment is out of range")
    }
}
