//! Probability and evidence that something changed, whatever the exact row.

use crate::detector::clock::Clock;
use crate::detector::segmentation::{Segmentation, Start};
use crate::detector::settings::Settings;

/// Probabilities stay this far from 0 and 1, since less probable candidates are not kept.
const LEAST_DOUBT: f64 = 1e-7;
/// Expected changes that are many: even against them, a change without doubt has evidence of a log odds of 10.
const MANY: f64 = 6.0;

/// Probability that level, slope or noise changed within the recent rows; none before the first verdict.
pub fn change_probability(clock: &Clock, segmentation: &Segmentation, s: &Settings) -> Option<f64> {
    let known = !segmentation.is_empty();
    known.then(|| segmentation.probability_since(clock.rows().saturating_sub(s.recent).max(1)))
}

/// The rows since a time in which a change is looked for, as the prior log odds of one; none without rows. A segment that
/// is too short to be alerted is no evidence.
struct Search {
    until: u64,
    prior: f64,
}

impl Search {
    fn new(clock: &Clock, since: i64, hazard: f64, s: &Settings) -> Option<Search> {
        let until = clock.rows().saturating_sub(s.alert_rows);
        let covered = clock.steps(since, clock.at()).clamp(0.0, clock.rows() as f64) as u64;
        let first = (clock.rows() - covered).max(s.warm_up as u64);
        let rows = until.saturating_sub(first);
        (rows > 0).then(|| Search { until, prior: prior_log_odds(-(rows as f64 * (-hazard).ln_1p())) })
    }

    /// Natural log of the Bayes factor that leads to this probability.
    fn evidence(&self, probability: f64) -> f64 {
        log_odds(probability) - self.prior
    }
}

/// Prior log odds of a change among rows in which this many are expected.
///
/// The odds of any change at all grow exponentially, and would in some thousand rows outweigh all that a probability can say,
/// of which [`LEAST_DOUBT`] is left. Where many are expected, the odds therefore grow with the places of the one that is
/// judged.
fn prior_log_odds(expected: f64) -> f64 {
    expected.min(MANY).exp_m1().ln() + (expected / MANY).max(1.0).ln()
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(LEAST_DOUBT, 1.0 - LEAST_DOUBT);
    p.ln() - (-p).ln_1p()
}

/// Natural log of the Bayes factor for a change at this time or later, against none; 0 if nothing was seen.
pub fn evidence_since(
    clock: &Clock,
    segmentation: &Segmentation,
    since: i64,
    hazard: f64,
    s: &Settings,
) -> f64 {
    let Some(search) = Search::new(clock, since, hazard, s).filter(|_| !segmentation.is_empty()) else {
        return 0.0;
    };
    let after = |start: &Start| start.at >= since && start.row >= s.warm_up as u64;
    search.evidence(segmentation.probability(after, search.until))
}

/// Natural log of the Bayes factor for the change at this row, against none since a time; none if no segment of the
/// most probable segmentation begins there.
pub fn evidence_at(
    clock: &Clock,
    segmentation: &Segmentation,
    row: u64,
    since: i64,
    hazard: f64,
    s: &Settings,
) -> Option<f64> {
    let mut starts = segmentation.starts();
    if starts.next()?.row == row {
        return Some(evidence_since(clock, segmentation, since, hazard, s));
    }
    let start = starts.find(|start| start.row == row)?;
    Some(Search::new(clock, since, hazard, s).map_or(0.0, |search| search.evidence(start.probability.into())))
}
