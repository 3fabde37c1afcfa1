//! A segment whose level wanders: the rows before the last few say nothing of the next one.
//!
//! Such a local level competes with the fixed level and the slope of its segment. Smooth curves, random walks and
//! rounds of a business are then no changes; what no drift of the usual size explains still is one.

use super::lanes::Lanes;
use super::odds::{odds, possible_odds};
use crate::detector::check::{number, Check};
use crate::detector::numbers::{positive, single, Short};
use crate::detector::scale::Prior;
use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// The local level of a segment, relative to the mean of the segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub struct Wander {
    /// Distances of the local level, and of the last value that was no outlier, from the mean.
    level: f32,
    last: f32,
    /// Change of the level per step; 0 where the series does not drift one way.
    drift: Short,
    /// Half the sum of the squared errors of the forecasts, including the prior of their variance.
    half_squares: f32,
    /// Odds of this model, those of the fixed level being 1.
    odds: Short,
}

impl Wander {
    /// A level that begins with a value at this distance from the mean, which moves by `step`; `inlier` is the
    /// probability that the value is no outlier.
    pub fn begin(distance: f64, step: f64, inlier: f64, prior: &Prior) -> Wander {
        let last = inlier * distance + (1.0 - inlier) * prior.correlation * distance;
        Wander {
            level: single(distance - step),
            last: single(last - step),
            drift: Short::default(),
            half_squares: positive(prior.noise_rows * prior.memory.variance),
            odds: odds(if prior.counts.is_some() { 0.0 } else { prior.wander_odds }),
        }
    }

    pub fn odds(&self) -> f64 {
        self.odds.get()
    }

    /// Distance of the local level from the mean.
    pub fn level(&self) -> f64 {
        f64::from(self.level)
    }

    /// Change of the level per step.
    pub fn drift(&self) -> f64 {
        self.drift.get()
    }

    /// Variance of the forecasts' errors, if `rows` is the weight of the segment with its prior.
    pub fn variance(&self, rows: f64) -> f64 {
        f64::from(self.half_squares) / rows
    }

    /// Puts the numbers into a lane.
    #[inline(always)]
    pub fn widen<V: IndexMut<usize, Output = f64>>(&self, lanes: &mut Lanes<V>, i: usize) {
        lanes.level[i] = self.level.into();
        lanes.last[i] = self.last.into();
        lanes.drift[i] = self.drift.get();
        lanes.wander_squares[i] = self.half_squares.into();
        lanes.wander_odds[i] = self.odds.get();
    }

    /// Takes them from a lane.
    #[inline(always)]
    pub fn narrow<V: Index<usize, Output = f64>>(&mut self, lanes: &Lanes<V>, i: usize) {
        self.level = lanes.level[i] as f32;
        self.last = lanes.last[i] as f32;
        self.drift = Short::new(lanes.drift[i]);
        self.half_squares = lanes.wander_squares[i] as f32;
        self.odds = Short::new(lanes.wander_odds[i]);
    }

    /// Begins again at the mean, with this share of the squared errors: a season was found.
    pub fn calm(&mut self, share: f64) {
        (self.level, self.last, self.drift) = (0.0, 0.0, Short::default());
        self.half_squares = positive(f64::from(self.half_squares) * share);
        self.odds = odds(self.odds.get().min(1.0));
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.level = single(f64::from(self.level) * factor);
        self.last = single(f64::from(self.last) * factor);
        self.drift = Short::new(self.drift.get() * factor);
        self.half_squares = positive(f64::from(self.half_squares) * factor * factor);
    }

    pub fn check(&self) -> Check {
        let sound = self.level.is_finite()
            && self.last.is_finite()
            && self.drift.get().is_finite()
            && self.half_squares >= f32::MIN_POSITIVE
            && self.half_squares.is_finite()
            && possible_odds(self.odds);
        number(sound, "a moment of a level that wanders is out of range")
    }
}
