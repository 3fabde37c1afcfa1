//! A second opinion of a change, in which all rows of both segments count alike and none is an outlier.
//!
//! Two means of independent rows, of whatever distribution, are compared: those of the values, and those of their
//! differences, which tell the spread.

use crate::detector::scale::{self, NoiseEstimate};
use crate::detector::segmentation::Reading;

/// Variance of the mean size of differences beside that of independent ones: neighbours share a value.
const SHARED: f64 = 1.3;

/// The least variance of the size of differences, relative to their squares: where all are of one size, rounding errors.
const LEAST_SPREAD: f64 = 1e-6;
/// Correlation of neighbouring values beyond which a jump says more than all the rows that follow it: halfway to a walk.
const MOST_CORRELATED: f64 = 0.5;

/// Natural log of the Bayes factor for two segments of this many rows, as far as all rows say; none if the series has no
/// noise, or wanders or has a slope, unless it is one that goes to and fro.
pub fn opinion(before: &Reading, after: &Reading, rows: (f64, f64), noise: &NoiseEstimate) -> Option<f64> {
    let persistence = [before, after].map(|reading| reading.persistence(noise));
    let persists = persistence.iter().any(|rho| *rho > MOST_CORRELATED);
    let drifts = before.slope != 0.0 || after.slope != 0.0 || noise.correlation > MOST_CORRELATED;
    if (drifts && !persists) || noise.square <= 0.0 {
        return None;
    }
    let rho = noise.correlation.min(scale::MOST_CORRELATED);
    // The independent rows in each segment, and how many with the variance of the series they are worth.
    let own = persistence.map(|own| own.max(rho));
    let free = [rows.0 * independent(own[0]), rows.1 * independent(own[1])];
    let [worth1, worth2] = [0, 1].map(|i| free[i] * (1.0 - own[i]) / (1.0 - rho));
    let between = worth1 * worth2 / (worth1 + worth2);
    let freedom = free[0].min(free[1]);
    // The Bayes factor of Student's t, with a prior worth one row. It has the degrees of freedom of the shorter segment: of
    // few rows, even great differences say little.
    let compare = |difference: f64, variance: f64| {
        let squares = between * difference * difference / variance;
        freedom * (0.5 * squares / freedom).ln_1p() - 0.5 * between.ln_1p()
    };
    let (offset1, activity1) = before.census.means();
    let (offset2, activity2) = after.census.means();
    let level = (after.level - before.level) + (offset2 - offset1);
    let variance = noise.square / (2.0 * (1.0 - rho));
    let spread = SHARED * (noise.square - noise.size * noise.size).max(LEAST_SPREAD * noise.square);
    Some(compare(level, variance).max(compare(activity2 - activity1, spread)))
}

/// Share of an independent row that a row of noise of the first order is worth.
fn independent(rho: f64) -> f64 {
    (1.0 - rho) / (1.0 + rho)
}
