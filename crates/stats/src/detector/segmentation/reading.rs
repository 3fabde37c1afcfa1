//! Readings of a segment at one time: level, slope, noise, and their errors.

use super::census::CensusReading;
use crate::detector::check::{number, within, Check, MOST_VALUE};
use crate::detector::numbers::{single, Brief};
use serde::{Deserialize, Serialize};

/// Standard deviations within which nearly all values are, and beyond which hardly any is.
const WITHIN: f64 = 3.0;
const BEYOND: f64 = 5.0;

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
