//! Prior of the next segment, and of outliers and jumps, scaled from the data so far.

use super::counts::Counts;
use super::memory::Memory;
use super::noise::{NoiseEstimate, MOST_CORRELATED};
use super::spread::Spread;
use crate::detector::functions::{exp_of, ln, ln_of};
use crate::detector::numbers::between;
use crate::detector::settings::Settings;
use wide::f64x2;

/// Least noise, as a share of the variance of all values, for constant stretches.
const LEAST_NOISE: f64 = 1e-6;
/// The variance where all values are equal; values are about 1 in the detector's unit.
const NO_VARIANCE: f64 = 1e-30;

/// Share of outliers that may be of any magnitude.
const WILD: f64 = 0.1;

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
        let [independent, stationary] = ln(f64x2::new([2.0 * (1.0 - rho), 1.0 - rho * rho])).to_array();
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
            memory: Memory { variance: memory.variance.max(total * LEAST_NOISE), ..memory },
            // What never varied does not wander.
            wander_odds: if memory.variance > 0.0 { s.wander_share / (1.0 - s.wander_share) } else { 0.0 },
            weight: noise.weight * counts.map_or(1.0, |c| c.weight()),
            counts,
            jump: 1.0 - noise.weight * counts.map_or(1.0, |c| c.weight()),
        }
    }

    /// The prior for a row of which this share of the evidence is left.
    pub fn uncertain(self, share: f64) -> Prior {
        let Prior { weight, temper, credit, jump, .. } = self;
        let [weight, temper, credit, jump] = [weight, temper, credit, jump].map(|part| share * part);
        Prior { weight, temper, credit, jump, ..self }
    }

    /// Log of how much likelier a difference from the previous value is if the level jumped than if only the noise
    /// continued.
    ///
    /// Autocorrelated noise makes rows worth less, but not the jump from one to the next: this is the part of its
    /// evidence that the tempered rows leave out.
    pub fn evidence_of_step(&self, difference: f64) -> f64 {
        if self.counts.is_some() {
            return 0.0;
        }
        let squared = difference * difference;
        let heavy = |variance: f64| heavy(squared / variance) / variance.sqrt();
        let stays = self.inliers * self.step(difference)
            + (1.0 - self.inliers) * heavy(self.outlier_sd * self.outlier_sd);
        self.jump * ln_of(heavy(self.differences + self.level) / stays)
    }

    /// Density of a difference from the previous value if only the noise continues.
    pub fn step(&self, difference: f64) -> f64 {
        exp_of(-0.5 * difference * difference / self.differences) * self.step_peak()
    }

    /// The greatest of these densities.
    pub fn step_peak(&self) -> f64 {
        1.0 / (std::f64::consts::TAU * self.differences).sqrt()
    }

    /// Density of a value under the outlier branch, times its prior: Student's t with three degrees of freedom, mixed
    /// with outliers of any order of magnitude, since otherwise a spike of a million would be two changes of the level.
    pub fn outlier(&self, x: f64) -> f64 {
        let z = (x - self.mean).abs() / self.outlier_sd;
        let magnitude = 1.0 + ln_of(1.0 + z);
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

/// Density of Student's t with 2a degrees of freedom and scale² b/a, at a squared distance.
pub fn student(a: f64, b: f64, squared: f64) -> f64 {
    let h = 0.5 / b;
    let peak = student_peak(f64x2::splat(a)).to_array()[0];
    (peak * h).sqrt() * exp_of(-(a + 0.5) * ln_of(1.0 + squared * h))
}

/// (Γ(a + 1/2) / Γ(a))² / π, by its asymptotic series; within 3 % at a = 1/2, 0.3 % from 1 on.
#[inline(always)]
pub fn student_peak(a: f64x2) -> f64x2 {
    let inverse = f64x2::splat(1.0) / a;
    let ratio = a - 0.25 + (((inverse * -0.001_953_125) + 0.007_812_5) * inverse + 0.03125) * inverse;
    ratio * std::f64::consts::FRAC_1_PI
}
