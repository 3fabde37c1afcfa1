//! One segment under three models of unknown variance: a level, a level with a slope, and a level that wanders.
//!
//! The first two are conjugate (Normal-Inverse-Gamma) and share their sufficient statistics: the prior of the level is a
//! pseudo-observation at the segment's start, that of the slope an initial spread of the times. Numbers are in single
//! precision where rounding errors do not accumulate: the state is small, and the same after every row whether it was
//! stored in between or not.

use super::census::Census;
use super::lanes::Lanes;
use super::odds::{odds, possible_odds};
use super::reading::Reading;
use super::wander::Wander;
use crate::detector::check::{number, up_to, within, Check, MOST_ROWS, MOST_VALUE};
use crate::detector::clock::MOST_STEPS;
use crate::detector::numbers::{positive, single, Brief};
use crate::detector::scale::{Prior, RowAlone};
use serde::{Deserialize, Serialize};

/// Rows that a segment is worth at most when a season is taken out of it.
const CALM_ROWS: f64 = 2.0;

/// Sufficient statistics of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub struct Segment {
    /// Pseudo-observations of the prior of the level.
    prior: f32,
    /// Weight of the observations.
    weight: f32,
    /// Mean of the values.
    mean: f64,
    /// Mean of the times, in steps since the segment's start.
    time: f32,
    /// Sum of the times' squared deviations, including the precision of the prior of the slope.
    times: f32,
    /// Sum of the products of the deviations.
    products: f32,
    /// Half the sum of the values' squared deviations, including the prior of the variance.
    half_squares: f32,
    /// Odds of the slope model, those of the level being 1.
    slope_odds: f32,
    wander: Wander,
}

impl Segment {
    /// A segment that begins with a row.
    pub fn begin(row: &RowAlone, prior: &Prior) -> Segment {
        let (d, wide) = (row.distance, f64::from(row.rows));
        let half_squares = positive(prior.half_squares);
        let inlier = row.density / (row.density + row.outlier);
        let w = prior.weight * inlier;
        let step = d * w / (wide + w);
        Segment {
            prior: row.rows,
            weight: w as f32,
            mean: prior.mean + step,
            // The first row says nothing of the slope.
            time: 0.0,
            times: positive(prior.slope),
            products: 0.0,
            half_squares: positive(f64::from(half_squares) + 0.5 * wide * step * d),
            slope_odds: odds(prior.slope_odds),
            wander: Wander::begin(d, step, inlier, prior),
        }
    }

    /// A segment like this that goes on this many steps after its start.
    pub fn later(self, steps: f64) -> Segment {
        Segment { time: single(steps), ..self }
    }

    fn slope_squares(&self, slope: f64) -> f64 {
        let squares = f64::from(self.half_squares);
        (squares - 0.5 * slope * f64::from(self.products)).max(squares * 1e-7)
    }

    /// Puts the numbers into a lane.
    #[inline]
    pub fn widen<const PAIRS: usize>(&self, lanes: &mut Lanes<PAIRS>, i: usize) {
        lanes.prior.set(i, self.prior.into());
        lanes.weight.set(i, self.weight.into());
        lanes.mean.set(i, self.mean);
        lanes.time.set(i, self.time.into());
        lanes.times.set(i, self.times.into());
        lanes.products.set(i, self.products.into());
        lanes.half_squares.set(i, self.half_squares.into());
        lanes.slope_odds.set(i, self.slope_odds.into());
        self.wander.widen(lanes, i);
    }

    /// Takes them from a lane.
    #[inline]
    pub fn narrow<const PAIRS: usize>(&mut self, lanes: &Lanes<PAIRS>, i: usize) {
        self.weight = lanes.weight.get(i) as f32;
        self.mean = lanes.mean.get(i);
        self.time = lanes.time.get(i) as f32;
        self.times = lanes.times.get(i) as f32;
        self.products = lanes.products.get(i) as f32;
        self.half_squares = lanes.half_squares.get(i) as f32;
        self.slope_odds = lanes.slope_odds.get(i) as f32;
        self.wander.narrow(lanes, i);
    }

    /// Mean of the values that were no outliers.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The reading at a time in steps since the start, with what all rows say.
    pub fn read(&self, time: f64, noise_rows: f64, census: &Census) -> Reading {
        let rows = f64::from(self.prior) + f64::from(self.weight);
        let wanders = self.wander.odds() > f64::from(self.slope_odds).max(1.0);
        let sloped = self.slope_odds > 1.0 && !wanders;
        let times = f64::from(self.times);
        let slope = if sloped { f64::from(self.products) / times } else { 0.0 };
        let dt = time - f64::from(self.time);
        let squares = if sloped { self.slope_squares(slope) } else { f64::from(self.half_squares) };
        let shape = noise_rows + 0.5 * f64::from(self.weight);
        let variance = if wanders { self.wander.variance(shape) } else { squares / shape };
        let of_level = if wanders { 1.0 } else { 1.0 / rows };
        let of_slope = if sloped { dt * dt / times } else { 0.0 };
        let above = if wanders { self.wander.level() } else { slope * dt };
        Reading {
            level: self.mean + above,
            slope: single(slope),
            level_error: Brief::new((variance * (of_level + of_slope)).sqrt()),
            slope_error: Brief::new((variance / times).sqrt()),
            noise: Brief::new(variance.sqrt()),
            weight: Brief::new(f64::from(self.weight)),
            census: census.read(above),
        }
    }

    /// Takes a season out of the noise; `factor` is what it leaves of the variance. What the season did to level and
    /// slope is not known: they keep the weight of a few rows.
    pub fn calm(&mut self, factor: f64, noise_rows: f64) {
        let weight = f64::from(self.weight);
        let kept = weight.min(CALM_ROWS);
        let shape = (noise_rows + 0.5 * kept) / (noise_rows + 0.5 * weight);
        let share = kept / weight.max(kept).max(f64::MIN_POSITIVE);
        self.weight = kept as f32;
        self.times = positive(f64::from(self.times) * share);
        self.products = single(f64::from(self.products) * share);
        self.half_squares = positive(f64::from(self.half_squares) * factor * shape);
        self.slope_odds = self.slope_odds.min(1.0);
        self.wander.calm(factor * shape);
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.mean *= factor;
        self.products = single(f64::from(self.products) * factor);
        self.wander.rescale(factor);
        self.half_squares = positive(f64::from(self.half_squares) * factor * factor);
    }

    pub fn check(&self) -> Check {
        let narrow = |x: f32| x >= f32::MIN_POSITIVE && x.is_finite();
        let sound = [self.prior, self.times, self.half_squares].into_iter().all(narrow)
            && up_to(self.weight.into(), MOST_ROWS)
            && within(self.mean, MOST_VALUE)
            && within(self.time.into(), MOST_STEPS)
            && self.products.is_finite()
            && possible_odds(self.slope_odds);
        number(sound, "a moment of the current segment is out of range")?;
        self.wander.check()
    }
}
