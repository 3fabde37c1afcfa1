//! A second opinion of a change, in which all rows of both segments count alike and none is an outlier.
//!
//! Two means of independent rows, of whatever distribution, are compared: those of the values, and those of their
//! differences, which tell the spread.

use crate::detector::scale::NoiseEstimate;
use crate::detector::segmentation::Reading;

/// Variance of the mean size of differences beside that of independent ones: neighbours share a value.
const SHARED: f64 = 1.3;

/// The least variance of the size of differences, relative to their squares: where all are of one size, rounding errors.
const LEAST_SPREAD: f64 = 1e-6;
/// Correlation of neighbouring values beyond which a jump says more than all the rows that follow it: halfway to a walk.
const MOST_CORRELATED: f64 = 0.5;

/// Natural log of the Bayes factor for two segments of this many rows, as far as all rows say; none if a segment has
/// a slope, or the series wanders or has no noise.
pub fn opinion(before: &Reading, after: &Reading, rows: (f64, f64), noise: &NoiseEstimate) -> Option<f64> {
    let rho = noise.correlation;
    let drifts = before.slope != 0.0 || after.slope != 0.0 || rho > MOST_CORRELATED;
    if drifts || noise.square <= 0.0 {
        return None;
    }
    let independent = (1.0 - rho) / (1.0 + rho);
    let between = rows.0 * rows.1 / (rows.0 + rows.1) * independent;
    let freedom = rows.0.min(rows.1) * independent;
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
