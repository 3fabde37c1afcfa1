//! Prior of the next segment, and of outliers and jumps, scaled from the data so far.

use super::counts::Counts;
use super::memory::Memory;
use super::noise::{NoiseEstimate, MOST_CORRELATED};
use super::spread::Spread;
use crate::detector::functions::{exp_pair, ln_pair};
use crate::detector::numbers::{between, positive};
use crate::detector::settings::Settings;
use crate::detector::vector::{quotient, Vector};
use fearless_simd::{dispatch, f64x2, Level, SimdBase};

/// Least noise, as a share of the variance of all values, for constant stretches.
const LEAST_NOISE: f64 = 1e-6;
/// Least variance of what is forecast beside a drift, as a share of the variance of all values: single precision tells no less.
const LEAST_CHANGE: f64 = 1e-12;
/// The variance where all values are equal; values are about 1 in the detector's unit.
const NO_VARIANCE: f64 = 1e-30;

/// Share of outliers that may be of any magnitude.
const WILD: f64 = 0.1;
/// The least number of pseudo-observations of a level.
const LEAST_ROWS: f64 = 1e-30;

/// The prior of a segment and the outliers of a row, both scaled from the data so far.
#[derive(Clone, Copy, Debug)]
pub struct Prior {
    /// Mean of all values.
    pub mean: f64,
    /// Variance of the noise.
    pub noise: f64,
    /// Prior variance of levels.
    pub level: f64,
    /// Prior of the slope, as a spread of times.
    pub slope: f64,
    /// Prior of the variance of a segment: half the sum of its squares, and half of their number.
    pub half_squares: f64,
    pub noise_rows: f64,
    /// Prior odds of a slope.
    pub slope_odds: f64,
    /// Prior share of rows that are no outliers.
    pub inliers: f64,
    /// Standard deviation of outliers.
    outlier_sd: f64,
    /// Variance of the differences.
    pub differences: f64,
    /// The distance at which the deviations of all rows are cut off.
    pub reach: f64,
    /// Share of an independent observation that a row is worth, and what the share would be without autocorrelation.
    pub weight: f64,
    pub temper: f64,
    /// Correlation of neighbouring values.
    pub correlation: f64,
    /// Log of how much likelier a row of such noise is by its whole correlation than by the tempered parts of it.
    pub credit: f64,
    /// The memory that forecasts best, and the prior odds of a segment that has no other.
    pub memory: Memory,
    pub wander_odds: f64,
    /// The model of rare events, if the series is one of them.
    pub counts: Option<Counts>,
    /// Share of the evidence of a step from row to row that the rows themselves leave out.
    pub jump: f64,
}

/// A row apart from the segments so far: as an outlier, as the first of a segment, and as a step.
#[derive(Clone, Copy, Debug)]
pub struct RowAlone {
    /// Density under the outlier branch, times its prior.
    pub outlier: f64,
    /// Distance from the mean of all values, and pseudo-observations of the prior of a level that begins with the row.
    pub distance: f64,
    pub rows: f32,
    /// Density as the first row of a segment and no outlier, and the log of that as either, tempered.
    pub density: f64,
    pub likelihood: f64,
    /// Log of how much likelier the difference from the previous value is if the level jumped than if only the noise
    /// continued.
    ///
    /// Autocorrelated noise makes rows worth less, but not the jump from one to the next: this is the part of its evidence
    /// that the tempered rows leave out.
    pub step: f64,
}

impl Prior {
    pub fn new(
        spread: &Spread,
        noise: &NoiseEstimate,
        memory: Memory,
        counts: Option<Counts>,
        s: &Settings,
    ) -> Prior {
        let total = spread.variance().max(NO_VARIANCE);
        let noise_variance = between(noise.variance, total * LEAST_NOISE, total);
        let relative = noise_variance / total;
        let rho = noise.correlation.min(MOST_CORRELATED);
        let common = noise.temper - noise.weight;
        // All values of a series that drifts one way are far apart.
        let least_change = if memory.drift.is_some() { total * LEAST_CHANGE } else { total * LEAST_NOISE };
        let [independent, stationary] = ln_pair([2.0 * (1.0 - rho), 1.0 - rho * rho]);
        Prior {
            mean: spread.mean(),
            noise: noise_variance,
            level: total * s.level_sd * s.level_sd,
            slope: relative / (s.slope_sd * s.slope_sd),
            half_squares: s.noise_rows * noise_variance,
            slope_odds: s.slope_share / (1.0 - s.slope_share),
            noise_rows: s.noise_rows,
            inliers: if counts.is_some_and(|c| c.binary()) { 1.0 } else { 1.0 - noise.outliers },
            outlier_sd: s.outlier_spread * total.sqrt(),
            differences: noise.differences.max(noise_variance * f64::EPSILON),
            reach: noise.reach,
            temper: noise.temper,
            correlation: rho,
            credit: 0.5 * (common * independent - noise.temper * stationary),
            memory: Memory { variance: memory.variance.max(least_change), ..memory },
            // What never varied does not wander.
            wander_odds: if memory.variance > 0.0 { s.wander_share / (1.0 - s.wander_share) } else { 0.0 },
            weight: noise.weight * counts.map_or(1.0, |c| c.weight()),
            counts,
            jump: 1.0 - noise.weight * counts.map_or(1.0, |c| c.weight()),
        }
    }

    /// Leaves a row this share of its evidence.
    pub fn doubt(&mut self, share: f64) {
        for part in [&mut self.weight, &mut self.temper, &mut self.credit, &mut self.jump] {
            *part *= share;
        }
    }

    /// A row apart from the segments so far, this far from the row before.
    ///
    /// Logarithms and exponentials are computed two at once.
    pub fn row_alone(&self, x: f64, difference: f64) -> RowAlone {
        let (d, squared) = (x - self.mean, difference * difference);
        let z = d.abs() / self.outlier_sd;
        // The prior is wide enough to reach the row: otherwise a distant level would pass for noise.
        let rows = match self.counts {
            Some(counts) => counts.prior_at(d) * if counts.binary() { self.weight } else { 1.0 },
            None => self.noise / self.level.max(d * d),
        };
        let rows = positive(rows.max(LEAST_ROWS));
        let wide = f64::from(rows);
        // Student's t with 2 `noise_rows` degrees of freedom.
        let scale = 0.5 / (f64::from(positive(self.half_squares)) * (1.0 + 1.0 / wide));
        let [magnitude, far] = ln_pair([1.0 + z, 1.0 + d * d * scale]);
        let powers = [-(self.noise_rows + 0.5) * far, -0.5 * squared / self.differences];
        let [first, step] = exp_pair(powers);
        let outlier = self.outlier(z, 1.0 + magnitude);
        let density = self.inliers
            * match self.counts {
                Some(counts) => counts.density_of(x, self.mean, wide),
                None => (student_peak_of(self.noise_rows) * scale).sqrt() * first,
            };
        let heavy = |variance: f64| heavy(squared / variance) / variance.sqrt();
        let stays = self.inliers * (step * self.step_peak())
            + (1.0 - self.inliers) * heavy(self.outlier_sd * self.outlier_sd);
        let jumps = heavy(self.differences + self.level) / stays;
        let [jumps, likelihood] = ln_pair([jumps, density + outlier]);
        RowAlone {
            outlier,
            distance: d,
            rows,
            density,
            likelihood: likelihood * self.weight,
            step: if self.counts.is_some() { 0.0 } else { self.jump * jumps },
        }
    }

    /// The greatest density of a difference from the previous value if only the noise continues.
    pub fn step_peak(&self) -> f64 {
        1.0 / (std::f64::consts::TAU * self.differences).sqrt()
    }

    /// Density under the outlier branch, times its prior, of a value this many standard deviations of outliers from the mean,
    /// and of this magnitude: Student's t with three degrees of freedom, mixed with outliers of any order of magnitude, since
    /// otherwise a spike of a million would be two changes of the level.
    fn outlier(&self, z: f64, magnitude: f64) -> f64 {
        let near = heavy(z * z);
        let wild = 0.5 / ((1.0 + z) * magnitude * magnitude);
        (1.0 - self.inliers) * (near + WILD * (wild - near)) / self.outlier_sd
    }
}

/// Density of Student's t with three degrees of freedom at a squared distance.
fn heavy(squared: f64) -> f64 {
    const PEAK: f64 = 0.367_552_596_947_861;
    let tail = 1.0 + squared / 3.0;
    PEAK / (tail * tail)
}

/// (Γ(a + 1/2) / Γ(a))² / π, by its asymptotic series; within 3 % at a = 1/2, 0.3 % from 1 on.
#[inline(always)]
pub fn student_peak<V: Vector>(a: V) -> V {
    let inverse = quotient(1.0, a);
    let ratio = a - 0.25 + (((inverse * -0.001_953_125) + 0.007_812_5) * inverse + 0.03125) * inverse;
    ratio * std::f64::consts::FRAC_1_PI
}

/// Peak for one number, with the same bits.
fn student_peak_of(a: f64) -> f64 {
    dispatch!(Level::baseline(), simd => student_peak(f64x2::splat(simd, a))[0])
}
