//! The noise of a series from the differences of successive values, which a shift of the level touches only once.

use crate::detector::check::{number, up_to, within, Check, MOST_ROWS, MOST_SQUARES, MOST_VALUE};
use crate::detector::numbers::{between, single};
use crate::detector::settings::Settings;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The median of absolute differences, times this, is their standard deviation if they are normal.
const MEDIAN_TO_SD: f64 = 1.4826;
/// The least step by which the running median follows, relative to it.
const MEDIAN_STEP: f64 = 0.01;
/// The number of standard deviations that one in 400 differences of normal noise exceeds.
const FAR: f64 = 3.0;
/// Multiples of the size at which differences are winsorised that are leaps: one in 16,000 of normal noise is as far; where
/// they are farther than these, noise has grown from nothing.
const LEAP: Range<f64> = 1.6..40.0;
/// Least share of a leap by which the next difference takes it back.
const TAKEN_BACK: f64 = 0.5;
/// Correlation of neighbouring differences from which leaps are noise: halfway from white noise to a walk.
const MOST_WANDERING: f64 = -0.25;
/// Relative rounding error of the sum of squares, of one difference.
const ALONE: f64 = 1e-6;
/// Multiples of the size at which differences are winsorised up to which all rows count.
const FARTHEST: f64 = 4.0;
/// Least share of the noise that a season leaves.
const LEAST_CALM: f64 = 0.01;
/// Mean square of the differences, relative to that of the noise in them, from which they are mostly leaps.
const LEAPS: f64 = 2.0;
/// The strongest autocorrelation that can be distinguished from a drift.
pub const MOST_CORRELATED: f64 = 0.95;

/// Moments of the winsorised differences.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    rows: f64,
    median: f32,
    /// Differences beyond the reach of normal noise.
    far: f32,
    /// The last difference, uncut if it is a leap that waits; the sum of their squares, and that of the products of neighbours.
    difference: f32,
    squares: f64,
    products: f64,
    /// Mean size of all differences and mean of their squares, cut off where no noise of any tails gets to often.
    size: f32,
    square: f32,
}

/// An estimate of the noise from the differences.
#[derive(Clone, Copy, Debug)]
pub struct NoiseEstimate {
    /// Variance of the noise.
    pub variance: f64,
    /// Variance of the differences.
    pub differences: f64,
    /// Correlation of neighbouring values, as noise of the first order has it; 1 on a walk.
    pub correlation: f64,
    /// Share of a difference that is left in the next one, as on a curve.
    pub impetus: f64,
    /// Share of an independent observation that a row is worth, and what the share would be without autocorrelation.
    pub weight: f64,
    pub temper: f64,
    /// The share of outliers.
    pub outliers: f64,
    /// The size at which the differences of all rows are cut off, their mean size and the mean of their squares.
    pub reach: f64,
    pub size: f64,
    pub square: f64,
}

impl NoiseEstimate {
    /// Whether most of what neighbouring rows differ by are leaps, as between states.
    pub fn leaps(&self) -> bool {
        self.square > LEAPS * self.differences
    }
}

impl Noise {
    /// Sets the median from the first values; differences of 0, as rounded values have, are left out.
    pub fn start(&mut self, values: impl Iterator<Item = f64> + Clone) {
        let next = values.clone().skip(1);
        let mut differences: Vec<f64> =
            values.zip(next).map(|(a, b)| (b - a).abs()).filter(|d| *d > 0.0).collect();
        differences.sort_by(f64::total_cmp);
        if let n @ 1.. = differences.len() {
            self.median = single((differences[(n - 1) / 2] + differences[n / 2]) / 2.0);
        }
    }

    /// Takes in the difference of a value from the one before; none at the first.
    pub fn observe(&mut self, difference: Option<f64>, s: &Settings) {
        self.rows += 1.0;
        let Some(d) = difference else { return };
        if d != 0.0 {
            let step = 1.0 + (1.0 / self.rows).max(MEDIAN_STEP);
            let median = f64::from(self.median);
            self.median = single(match d.abs() {
                d if median == 0.0 => d,
                d if d > median => median * step,
                _ => median / step,
            });
        }
        if d.abs() > FAR * MEDIAN_TO_SD * f64::from(self.median) {
            self.far += 1.0;
        }
        let last = f64::from(self.difference);
        if d == 0.0 && last != 0.0 && (self.squares - last * last).abs() <= ALONE * self.squares {
            // What was constant is so again, at another level: this was no walk.
            self.products = -0.5 * self.squares;
        }
        self.count_difference(d, last, s);
    }

    /// Counts a difference and its product with the last one, both winsorised. A leap waits for the next difference: if that
    /// neither takes it back nor is another, the level has changed, and the noise has not.
    fn count_difference(&mut self, d: f64, last: f64, s: &Settings) {
        let reach = self.reach(s);
        let leaps = |d: f64| d.abs() > LEAP.start * reach;
        let waited = leaps(last);
        if leaps(d) && !waited && d.abs() < LEAP.end * reach && self.keeps_levels(s) {
            self.difference = single(d);
            return;
        }
        let taken_back = last * d < 0.0 && d.abs() >= TAKEN_BACK * last.abs();
        let cut = |d: f64| between(d, -reach, reach);
        let last = if waited && !leaps(d) && !taken_back { 0.0 } else { cut(last) };
        if waited {
            self.squares += last * last;
        }
        self.squares += cut(d) * cut(d);
        self.products += cut(d) * last;
        self.difference = single(cut(d));
    }

    /// Whether the series keeps to levels, which it seldom leaves.
    fn keeps_levels(&self, s: &Settings) -> bool {
        f64::from(self.far) < s.most_outliers * self.rows && self.correlation(self.rows, s) < MOST_WANDERING
    }

    /// Takes in the difference as it is judged, which is of the row that was just observed.
    pub fn count(&mut self, difference: f64, s: &Settings) {
        let cut = difference.abs().min(FARTHEST * self.reach(s));
        let share = 1.0 / (self.rows - 1.0).max(1.0);
        let learn = |mean: f32, x: f64| single(f64::from(mean) + share * (x - f64::from(mean)));
        (self.size, self.square) = (learn(self.size, cut), learn(self.square, cut * cut));
    }

    /// The size at which differences are cut off.
    pub fn reach(&self, s: &Settings) -> f64 {
        s.winsor * MEDIAN_TO_SD * f64::from(self.median)
    }

    /// Starts again from noise with this share of the variance and this correlation of neighbouring differences: a season
    /// was found.
    pub fn calm(&mut self, share: f64, correlation: f64, s: &Settings) {
        let share = share.max(LEAST_CALM);
        let rows = self.rows.min(s.warm_up as f64);
        self.squares *= share * (rows / self.rows);
        self.products = correlation.max(-0.5) * self.squares;
        self.far *= (rows / self.rows) as f32;
        self.median *= share.sqrt() as f32;
        self.size *= share.sqrt() as f32;
        self.square *= share as f32;
        self.difference = 0.0;
        self.rows = rows;
    }

    /// Takes a season out that adds this mean square to differences and to the products of neighbouring ones.
    pub fn smooth(&mut self, increments: f64, s: &Settings) {
        let squares = (self.squares - self.rows * increments).max(LEAST_CALM * self.squares);
        let correlation = (self.products - self.rows * increments) / squares;
        self.calm(squares / self.squares.max(f64::MIN_POSITIVE), correlation, s);
    }

    pub fn estimate(&self, s: &Settings) -> NoiseEstimate {
        let rows = (self.rows - 1.0).max(1.0);
        let differences = self.squares / rows;
        let c = self.correlation(rows, s);
        // Noise of the first order has differences with the correlation (ρ - 1) / 2.
        let rho = (1.0 + 2.0 * c).clamp(0.0, MOST_CORRELATED);
        // Differences that keep one direction, as on a curve, lead further than ρ < 1 allows: this is the variance of
        // noise of second order, (1 - ρB)(1 - φB), for ρ near 1.
        let phi = c.clamp(0.0, MOST_CORRELATED);
        let independent = |rho: f64| (1.0 - rho) / (1.0 + rho);
        let temper = rows / (rows + s.caution) * self.regularity(rows).powi(2).max(s.least_regular).min(1.0);
        NoiseEstimate {
            variance: differences / (2.0 * (1.0 - rho)) / independent(phi),
            differences,
            correlation: (1.0 + 2.0 * c).clamp(0.0, 1.0),
            impetus: phi,
            weight: independent(rho).max(s.least_weight) * temper,
            temper,
            outliers: ((0.5 * f64::from(self.far) + s.outlier_share * s.outlier_rows)
                / (rows + s.outlier_rows))
                .min(s.most_outliers),
            reach: FARTHEST * self.reach(s),
            size: self.size.into(),
            square: self.square.into(),
        }
    }

    /// Correlation of neighbouring differences, shrunk towards -1/2, that of white noise.
    fn correlation(&self, rows: f64, s: &Settings) -> f64 {
        if self.squares <= 0.0 {
            return -0.5;
        }
        let white = s.white_rows * self.squares / rows;
        (self.products - 0.5 * white) / (self.squares + white)
    }

    /// Variance of the noise without leaps, by what a row is worth beside its correlation: rows of it have a mean with their
    /// share of this variance.
    pub fn calm_variance(&self, s: &Settings) -> f64 {
        let noise = self.estimate(s);
        let regular = self.regularity((self.rows - 1.0).max(1.0)).min(1.0);
        noise.variance * regular * noise.temper / noise.weight
    }

    /// Variance of the differences by their median over that by their squares: below 1 where tails are heavy.
    fn regularity(&self, rows: f64) -> f64 {
        let robust = MEDIAN_TO_SD * f64::from(self.median);
        if self.squares > 0.0 {
            robust * robust * rows / self.squares
        } else {
            1.0
        }
    }

    /// Changes the unit of the values.
    pub fn rescale(&mut self, factor: f64) {
        self.median = single(f64::from(self.median) * factor);
        self.difference = single(f64::from(self.difference) * factor);
        self.squares *= factor * factor;
        self.products *= factor * factor;
        self.size = single(f64::from(self.size) * factor);
        self.square = single(f64::from(self.square) * factor * factor);
    }

    pub fn check(&self) -> Check {
        let sound = [self.rows, self.far.into()].iter().all(|x| up_to(*x, MOST_ROWS))
            && within(self.difference.into(), MOST_VALUE)
            && up_to(self.median.into(), MOST_VALUE)
            && up_to(self.squares, MOST_SQUARES)
            && within(self.products, MOST_SQUARES)
            && up_to(self.size.into(), MOST_VALUE)
            && up_to(self.square.into(), MOST_SQUARES);
        number(sound, "a moment of its differences is out of range")
    }
}
