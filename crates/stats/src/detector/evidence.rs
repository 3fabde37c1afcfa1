//! How probable it is that something changed, wherever exactly.

use super::path::Node;
use super::settings::Settings;
use super::state::Detector;

/// Candidates that far behind are not kept.
const LEAST_DOUBT: f64 = 1e-7;

impl Detector {
    /// Probability that level, slope or noise changed within the last 25 rows.
    pub fn change_probability(&self, s: &Settings) -> Option<f64> {
        let known = !self.candidates.list.is_empty();
        known.then(|| self.candidates.probability_since(self.rows.saturating_sub(s.recent as u64).max(1)))
    }

    /// Natural log of the Bayes factor for a change at this time or later, against none; 0 if nothing was seen.
    pub fn evidence_since(&self, since: i64, s: &Settings) -> f64 {
        let judged = self.judged(s);
        // What is too short to be judged or alerted is no evidence.
        let until = judged.rows.saturating_sub(s.alert_rows as u64);
        let covered =
            (judged.at.saturating_sub(since) as f64 / judged.step).clamp(0.0, judged.rows as f64) as u64;
        let first = (judged.rows - covered).max(s.warm_up as u64);
        let rows = until.saturating_sub(first);
        if rows == 0 || judged.candidates.list.is_empty() {
            return 0.0;
        }
        let odds = |p: f64| {
            let p = p.clamp(LEAST_DOUBT, 1.0 - LEAST_DOUBT);
            p.ln() - (-p).ln_1p()
        };
        let prior = -(rows as f64 * (-judged.hazard(s)).ln_1p()).exp_m1();
        let after = |node: &Node| node.at >= since && node.row >= s.warm_up as u64;
        odds(judged.candidates.probability(after, until)) - odds(prior)
    }
}
