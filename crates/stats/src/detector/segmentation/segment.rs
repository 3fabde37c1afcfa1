//! One segment under three models of unknown variance: a level, a level with a slope, and a level that wanders.
//!
//! The first two are conjugate (Normal-Inverse-Gamma) and share their sufficient statistics: the prior of the level is a
//! pseudo-observation at the segment's start, that of the slope an initial spread of the times. Numbers are in single
//! precision where rounding errors do not accumulate: the state is small, and the same after every row whether it was
//! stored in between or not.

use super::reading::Reading;
use super::wander::{odds, possible_odds, Wander};
use crate::detector::check::{number, up_to, within, Check, MOST_ROWS, MOST_VALUE};
use crate::detector::clock::MOST_STEPS;
use crate::detector::numbers::{positive, single, Brief};
use crate::detector::scale::{student, Prior};
use serde::{Deserialize, Serialize};

/// Rows that a segment is worth at most when a season is taken out of it.
const CALM_ROWS: f64 = 2.0;
/// The weight of the first rows of a segment, which are the same to all its models.
const FIRST: f64 = 0.5;
/// The least number of pseudo-observations of a level.
const LEAST_PRIOR: f64 = 1e-30;

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
    /// A segment that begins with `x`. The prior is wide enough to reach `x`: otherwise a distant level would pass for
    /// noise.
    pub fn new(x: f64, prior: &Prior) -> Segment {
        let d = x - prior.mean;
        Segment {
            prior: positive(
                prior
                    .counts
                    .map_or(prior.noise / prior.level.max(d * d), |c| {
                        c.prior() * if c.binary() { prior.weight } else { 1.0 }
                    })
                    .max(LEAST_PRIOR),
            ),
            weight: 0.0,
            mean: prior.mean,
            time: 0.0,
            times: positive(prior.slope),
            products: 0.0,
            half_squares: positive(prior.half_squares),
            slope_odds: prior.slope_odds as f32,
            wander: Wander::new(prior),
        }
    }

    fn slope_squares(&self, slope: f64) -> f64 {
        let squares = f64::from(self.half_squares);
        (squares - 0.5 * slope * f64::from(self.products)).max(squares * 1e-7)
    }

    /// Takes in a value at a time in steps since the start. Returns the log of its density, tempered: multiplied by the
    /// weight that autocorrelated noise leaves it. `outlier` is the density of the outlier branch.
    #[inline]
    pub fn observe(&mut self, x: f64, time: f64, outlier: f64, prior: &Prior) -> f64 {
        let weight = f64::from(self.weight);
        let rows = f64::from(self.prior) + weight;
        let a = prior.noise_rows + 0.5 * weight;
        let times = f64::from(self.times);
        let slope = f64::from(self.products) / times;
        let d = x - self.mean;
        let dt = time - f64::from(self.time);
        let off = d - slope * dt;
        let spread = 1.0 + 1.0 / rows;
        let (level, trend) = if let Some(counts) = prior.counts {
            let density = prior.inliers * counts.density(x, self.mean, rows);
            (density, density)
        } else {
            let trend = self.slope_squares(slope) * (spread + dt * dt / times);
            (
                prior.inliers * student(a, f64::from(self.half_squares) * spread, d * d),
                prior.inliers * student(a, trend, off * off),
            )
        };

        let (log_level, log_trend) =
            ((level + outlier).ln() * prior.weight, (trend + outlier).ln() * prior.weight);
        // The first rows do not tell a level that wanders from one that was reached; nor do events.
        let sight =
            (weight > FIRST && prior.counts.is_none()).then(|| self.wander.look(d, a, outlier, prior));
        let wander = sight.map_or(level, |sight| sight.density);
        let (slopes, wanders) = (f64::from(self.slope_odds), self.wander.odds());
        let total = 1.0 + slopes + wanders;
        // An outlier moves nothing: the more probable that the value is one, the less it moves the segment.
        let density = (level + slopes * trend + wanders * wander) / total;
        let slopes = slopes * (log_trend - log_level).exp();
        let wanders = sight.map_or(wanders, |sight| wanders * (sight.log - log_level).exp());
        let gain = log_level + ((1.0 + slopes + wanders) / total).ln();
        self.slope_odds = odds(slopes);
        if let Some(sight) = sight {
            // The fixed level has another noise as well.
            self.wander.learn(&sight, odds(wanders * (-sight.spread).exp()), outlier, prior);
        } else {
            self.wander.begin(d);
        }
        let inlier = density / (density + outlier);
        let w = prior.weight * inlier;
        let step = w / (rows + w);
        let joint = rows * step;
        self.mean += d * step;
        self.wander.follow(d, d * step, inlier, prior);
        self.time = (f64::from(self.time) + dt * step) as f32;
        self.times = positive(times + joint * dt * dt);
        self.products = single(f64::from(self.products) + joint * d * dt);
        self.half_squares = positive(f64::from(self.half_squares) + 0.5 * joint * d * d);
        self.weight = (weight + w) as f32;
        gain
    }

    /// The reading at a time in steps since the start.
    pub fn read(&self, time: f64, noise_rows: f64) -> Reading {
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
        Reading {
            level: self.mean + if wanders { self.wander.level() } else { slope * dt },
            slope: single(slope),
            level_error: Brief::new((variance * (of_level + of_slope)).sqrt()),
            slope_error: Brief::new((variance / times).sqrt()),
            noise: Brief::new(variance.sqrt()),
            weight: Brief::new(f64::from(self.weight)),
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
