//! Probability and evidence that something changed, whatever the exact row.

use crate::detector::clock::Clock;
use crate::detector::segmentation::{Segmentation, Start};
use crate::detector::settings::Settings;

/// Probabilities stay this far from 0 and 1, since less probable candidates are not kept.
const LEAST_DOUBT: f64 = 1e-7;

/// Probability that level, slope or noise changed within the recent rows; none before the first verdict.
pub fn change_probability(clock: &Clock, segmentation: &Segmentation, s: &Settings) -> Option<f64> {
    let known = !segmentation.is_empty();
    known.then(|| segmentation.probability_since(clock.rows().saturating_sub(s.recent).max(1)))
}

/// Natural log of the Bayes factor for a change at this time or later, against none; 0 if nothing was seen.
pub fn evidence_since(
    clock: &Clock,
    segmentation: &Segmentation,
    since: i64,
    hazard: f64,
    s: &Settings,
) -> f64 {
    // A segment that is too short to be alerted is no evidence.
    let until = clock.rows().saturating_sub(s.alert_rows);
    let covered = clock.steps(since, clock.at()).clamp(0.0, clock.rows() as f64) as u64;
    let first = (clock.rows() - covered).max(s.warm_up as u64);
    let rows = until.saturating_sub(first);
    if rows == 0 || segmentation.is_empty() {
        return 0.0;
    }
    let odds = |p: f64| {
        let p = p.clamp(LEAST_DOUBT, 1.0 - LEAST_DOUBT);
        p.ln() - (-p).ln_1p()
    };
    let prior = -(rows as f64 * (-hazard).ln_1p()).exp_m1();
    let after = |start: &Start| start.at >= since && start.row >= s.warm_up as u64;
    odds(segmentation.probability(after, until)) - odds(prior)
}
