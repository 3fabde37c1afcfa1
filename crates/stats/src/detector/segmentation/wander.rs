//! A segment whose level wanders: the rows before the last few say nothing of the next one.
//!
//! Such a local level competes with the fixed level and the slope of its segment. Smooth curves, random walks and
//! rounds of a business are then no changes; what no drift of the usual size explains still is one.

use crate::detector::check::{number, Check};
use crate::detector::numbers::{positive, single};
use crate::detector::scale::{student, Prior};
use serde::{Deserialize, Serialize};

/// The bound on the odds of two models, so that the less probable one can recover.
const MOST_ODDS: f32 = 1e17;

/// Odds within their bound.
pub fn odds(odds: f64) -> f32 {
    (odds as f32).clamp(1.0 / MOST_ODDS, MOST_ODDS)
}

/// Whether odds are within their bound.
pub fn possible_odds(odds: f32) -> bool {
    (1.0 / MOST_ODDS..=MOST_ODDS).contains(&odds)
}

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

/// A row as the local level sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Error of the forecast.
    error: f64,
    /// Density of the value.
    pub density: f64,
    /// Log of the density in the scale of tempered rows.
    pub log: f64,
    /// The part of it that only says that the noise is another than that of all rows, as after a change of the spread.
    pub spread: f64,
}

impl Wander {
    pub fn new(prior: &Prior) -> Wander {
        Wander {
            level: 0.0,
            last: 0.0,
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

    /// Looks at a value at this distance from the mean. `outlier` is the density of the outlier branch.
    ///
    /// Of autocorrelated rows, a fixed level has a share that the correlation leaves, and the rest is common to all
    /// models: the density of the step from the row before. The local level explains the whole of the row.
    #[inline]
    pub fn look(&self, distance: f64, rows: f64, outlier: f64, prior: &Prior) -> Sight {
        let error = distance - f64::from(self.level);
        let density = prior.inliers * student(rows, f64::from(self.half_squares), error * error);
        let mut spread = 0.0;
        let mut log = prior.temper * (density + outlier).ln();
        let common = prior.temper - prior.weight;
        if common > 0.0 {
            let step = distance - f64::from(self.last);
            let usual = (prior.inliers * prior.step(step) + outlier).ln();
            let squares = f64::from(self.half_squares) * prior.differences / prior.memory.variance;
            let here = (prior.inliers * student(rows, squares, step * step) + outlier).ln();
            log -= common * usual + prior.credit;
            spread = common * (here - usual);
        }
        Sight { error, density, log, spread }
    }

    /// Learns the row that was seen, and the odds by it.
    #[inline]
    pub fn learn(&mut self, sight: &Sight, odds: f32, outlier: f64, prior: &Prior) {
        self.odds = odds;
        let inlier = sight.density / (sight.density + outlier);
        let squares = 0.5 * prior.weight * inlier * sight.error * sight.error;
        self.half_squares = positive(f64::from(self.half_squares) + squares);
        self.level = single(f64::from(self.level) + prior.memory.gain * inlier * sight.error);
    }

    /// Keeps the last value, and follows the mean that has moved by `step`; `inlier` is the probability that the value
    /// is no outlier, of which nothing remains.
    #[inline]
    pub fn follow(&mut self, distance: f64, step: f64, inlier: f64, prior: &Prior) {
        let last = inlier * distance + (1.0 - inlier) * prior.correlation * f64::from(self.last);
        self.last = single(last - step);
        self.level = single(f64::from(self.level) - step);
    }

    /// Begins at the first value of the segment, at this distance from the mean.
    pub fn begin(&mut self, distance: f64) {
        (self.level, self.last) = (single(distance), single(distance));
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
