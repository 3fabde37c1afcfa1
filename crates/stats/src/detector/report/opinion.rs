//! A second opinion of a change, in which all rows of both segments count alike and none is an outlier.
//!
//! Two means of independent rows, of whatever distribution, are compared: those of the values, and those of their
//! differences, which tell the spread. Of correlated rows as many count as the correlation leaves, by what is known of it now:
//! when the rows came, it was known by as few as there were.

use crate::detector::scale::{self, NoiseEstimate};
use crate::detector::segmentation::Reading;

/// Variance of the mean size of differences beside that of independent ones: neighbours share a value.
const SHARED: f64 = 1.3;

/// The least variance of the size of differences, relative to their squares: where all are of one size, rounding errors.
const LEAST_SPREAD: f64 = 1e-6;
/// Variance of slow noise, relative to what is seen of it in a segment.
const NARROW: f64 = 2.0;
/// Correlation of neighbouring rows beyond which a segment goes to and fro, and has no slope.
const TO_AND_FRO: f64 = 0.5;

/// Two segments as all rows see them.
struct Pair {
    /// Numbers of rows, how many of these are independent, and how many with the variance of the series they are worth.
    rows: [f64; 2],
    free: [f64; 2],
    worth: [f64; 2],
}

/// Natural log of the Bayes factor for two segments of this many rows, as far as all rows say; none if the series has no
/// noise.
pub fn opinion(before: &Reading, after: &Reading, rows: [f64; 2], noise: &NoiseEstimate) -> Option<f64> {
    if noise.square <= 0.0 {
        return None;
    }
    let rho = noise.correlation.min(scale::MOST_CORRELATED).min(most_correlated([before, after], noise));
    let persistence = [before, after].map(|reading| reading.persistence(noise));
    let pair = Pair::new(rows, persistence, rho);
    let [(offset1, activity1), (offset2, activity2)] = [before, after].map(|reading| reading.census.means());
    let level = (after.level - before.level) + (offset2 - offset1);
    let variance = noise.square / (2.0 * (1.0 - rho));
    let spread = SHARED * (noise.square - noise.size * noise.size).max(LEAST_SPREAD * noise.square);
    let means = |difference: f64, variance: f64| {
        pair.bayes_factor(pair.between() * difference * difference / variance, 1.0)
    };
    // A slope may be chance, and the levels what differs.
    let mut most = means(level, variance).max(means(activity2 - activity1, spread));
    let slopes = [before.slope, after.slope].map(f64::from);
    if slopes != [0.0; 2] && persistence.iter().all(|rho| *rho <= TO_AND_FRO) {
        most = most.max(pair.bayes_factor(pair.squares_of_lines(level, slopes) / variance, 2.0));
    }
    Some(most)
}

impl Pair {
    /// Segments of this many rows, with a persistence of their own, in noise of a correlation.
    fn new(rows: [f64; 2], persistence: [f64; 2], rho: f64) -> Pair {
        let own = persistence.map(|own| own.max(rho));
        let free = [0, 1].map(|i| rows[i] * independent(own[i]));
        let worth = [0, 1].map(|i| free[i] * (1.0 - own[i]) / (1.0 - rho));
        Pair { rows, free, worth }
    }

    /// Rows that the difference of two means is worth.
    fn between(&self) -> f64 {
        self.worth[0] * self.worth[1] / (self.worth[0] + self.worth[1])
    }

    /// The log of the Bayes factor of Student's t, with a prior worth one row for each of the numbers that differ. It has the
    /// degrees of freedom of the shorter segment: of few rows, even great differences say little.
    fn bayes_factor(&self, squares: f64, numbers: f64) -> f64 {
        let freedom = self.free[0].min(self.free[1]);
        freedom * (0.5 * squares / freedom).ln_1p() - 0.5 * numbers * self.between().ln_1p()
    }

    /// The squares that two lines explain and one through both segments does not; the means are this far apart.
    fn squares_of_lines(&self, level: f64, slopes: [f64; 2]) -> f64 {
        let (between, apart) = (self.between(), (self.rows[0] + self.rows[1]) / 2.0);
        let times = [0, 1].map(|i| self.worth[i] * self.rows[i] * self.rows[i] / 12.0);
        let slope = (times[0] * slopes[0] + times[1] * slopes[1] + between * apart * level)
            / (times[0] + times[1] + between * apart * apart);
        let off = |i: usize| times[i] * (slopes[i] - slope).powi(2);
        off(0) + off(1) + between * (level - slope * apart).powi(2)
    }
}

/// The strongest correlation that noise can have that stays so near to the levels of segments. Noise that swings is taken for one
/// that is slow, by its neighbouring differences alone.
fn most_correlated(segments: [&Reading; 2], noise: &NoiseEstimate) -> f64 {
    if segments.iter().any(|reading| reading.wanders()) {
        return scale::MOST_CORRELATED;
    }
    let widest = segments[0].noise.get().max(segments[1].noise.get()).powi(2);
    (1.0 - noise.square / (2.0 * NARROW * widest)).max(0.0)
}

/// Share of an independent row that a row of noise of the first order is worth.
fn independent(rho: f64) -> f64 {
    (1.0 - rho) / (1.0 + rho)
}
