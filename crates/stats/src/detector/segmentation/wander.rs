//! A segment whose level wanders: the rows before the last few say nothing of the next one.
//!
//! Such a local level competes with the fixed level and the slope of its segment. Smooth curves, random walks and
//! rounds of a business are then no changes; what no drift of the usual size explains still is one.

use super::lanes::Lanes;
use super::odds::{odds, possible_odds};
use crate::detector::check::{number, Check};
use crate::detector::numbers::{positive, single};
use crate::detector::scale::Prior;
use serde::{Deserialize, Serialize};

/// The local level of a segment, relative to the mean of the segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub struct Wander {
    /// Distances of the local level, and of the last value that was no outlier, from the mean.
    level: f32,
    last: f32,
    /// Half the sum of the squared errors of the forecasts, including the prior of their variance.
    half_squares: f32,
    /// Odds of this model, those of the fixed level being 1.
    odds: f32,
}

impl Wander {
    /// A level that begins with a value at this distance from the mean, which moves by `step`; `inlier` is the
    /// probability that the value is no outlier.
    pub fn begin(distance: f64, step: f64, inlier: f64, prior: &Prior) -> Wander {
        let last = inlier * distance + (1.0 - inlier) * prior.correlation * distance;
        Wander {
            level: single(distance - step),
            last: single(last - step),
            half_squares: positive(prior.noise_rows * prior.memory.variance),
            odds: odds(if prior.counts.is_some() { 0.0 } else { prior.wander_odds }),
        }
    }

    pub fn odds(&self) -> f64 {
        f64::from(self.odds)
    }

    /// Distance of the local level from the mean.
    pub fn level(&self) -> f64 {
        f64::from(self.level)
    }

    /// Variance of the forecasts' errors, if `rows` is the weight of the segment with its prior.
    pub fn variance(&self, rows: f64) -> f64 {
        f64::from(self.half_squares) / rows
    }

    /// Puts the numbers into a lane.
    #[inline]
    pub fn widen<const PAIRS: usize>(&self, lanes: &mut Lanes<PAIRS>, i: usize) {
        lanes.level.set(i, self.level.into());
        lanes.last.set(i, self.last.into());
        lanes.wander_squares.set(i, self.half_squares.into());
        lanes.wander_odds.set(i, self.odds.into());
    }

    /// Takes them from a lane.
    #[inline]
    pub fn narrow<const PAIRS: usize>(&mut self, lanes: &Lanes<PAIRS>, i: usize) {
        self.level = lanes.level.get(i) as f32;
        self.last = lanes.last.get(i) as f32;
        self.half_squares = lanes.wander_squares.get(i) as f32;
        self.odds = lanes.wander_odds.get(i) as f32;
    }

    /// Begins again at the mean, with this share of the squared errors: a season was found.
    pub fn calm(&mut self, share: f64) {
        (self.level, self.last) = (0.0, 0.0);
        self.half_squares = positive(f64::from(self.half_squares) * share);
        self.odds = self.odds.min(1.0);
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.level = single(f64::from(self.level) * factor);
        self.last = single(f64::from(self.last) * factor);
        self.half_squares = positive(f64::from(self.half_squares) * factor * factor);
    }

    pub fn check(&self) -> Check {
        let sound = self.level.is_finite()
            && self.last.is_finite()
            && self.half_squares >= f32::MIN_POSITIVE
            && self.half_squares.is_finite()
            && possible_odds(self.odds);
        number(sound, "a moment of a level that wanders is out of range")
    }
}
