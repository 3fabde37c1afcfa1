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
use crate::detector::numbers::{positive, single, Brief, Short};
use crate::detector::scale::{Prior, RowAlone, MOST_DRIFT_STEPS};
use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// Rows that a segment is worth at most when a season is taken out of it.
const CALM_ROWS: f64 = 2.0;

/// Sufficient statistics of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub struct Segment {
    /// Pseudo-observations of the prior of the level.
    prior: Short,
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
    slope_odds: Short,
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
            prior: Short::new(row.rows.into()),
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
    #[inline(always)]
    pub fn widen<V: IndexMut<usize, Output = f64>>(&self, lanes: &mut Lanes<V>, i: usize) {
        lanes.prior[i] = self.prior.get();
        lanes.weight[i] = self.weight.into();
        lanes.mean[i] = self.mean;
        lanes.time[i] = self.time.into();
        lanes.times[i] = self.times.into();
        lanes.products[i] = self.products.into();
        lanes.half_squares[i] = self.half_squares.into();
        lanes.slope_odds[i] = self.slope_odds.get();
        self.wander.widen(lanes, i);
    }

    /// Takes them from a lane.
    #[inline(always)]
    pub fn narrow<V: Index<usize, Output = f64>>(&mut self, lanes: &Lanes<V>, i: usize) {
        self.weight = lanes.weight[i] as f32;
        self.mean = lanes.mean[i];
        self.time = lanes.time[i] as f32;
        self.times = lanes.times[i] as f32;
        self.products = lanes.products[i] as f32;
        self.half_squares = lanes.half_squares[i] as f32;
        self.slope_odds = Short::new(lanes.slope_odds[i]);
        self.wander.narrow(lanes, i);
    }

    /// Mean of the values that were no outliers.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The reading at a time in steps since the start and since the last row, with what all rows say.
    pub fn read(&self, [time, ahead]: [f64; 2], noise_rows: f64, census: &Census) -> Reading {
        let rows = self.prior.get() + f64::from(self.weight);
        let wanders = self.wander.odds() > self.slope_odds.get().max(1.0);
        let sloped = self.slope_odds.get() > 1.0 && !wanders;
        let times = f64::from(self.times);
        let drift = if wanders { self.wander.drift() } else { 0.0 };
        let slope = if sloped { f64::from(self.products) / times } else { drift };
        let dt = time - f64::from(self.time);
        let squares = if sloped { self.slope_squares(slope) } else { f64::from(self.half_squares) };
        let shape = noise_rows + 0.5 * f64::from(self.weight);
        let variance = if wanders { self.wander.variance(shape) } else { squares / shape };
        let of_level = if wanders { 1.0 } else { 1.0 / rows };
        let of_slope = if sloped { dt * dt / times } else { 0.0 };
        let above = if wanders { self.wander.level() + drift * ahead } else { slope * dt };
        Reading {
            level: self.mean + above,
            slope: single(slope),
            level_error: Brief::new((variance * (of_level + of_slope)).sqrt()),
            slope_error: Brief::new(if drift != 0.0 {
                (variance / time.clamp(1.0, MOST_DRIFT_STEPS)).sqrt()
            } else {
                (variance / times).sqrt()
            }),
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
        self.slope_odds = odds(self.slope_odds.get().min(1.0));
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
        let sound = [self.times, self.half_squares].into_iter().all(narrow)
            && narrow(self.prior.get() as f32)
            && up_to(self.weight.into(), MOST_ROWS)
            && within(self.mean, MOST_VALUE)
            && within(self.time.into(), MOST_STEPS)
            && self.products.is_finite()
            && possible_odds(self.slope_odds);
        number(sound, "a moment of the current segment is out of range")?;
        self.wander.check()
    }
}
