//! Probability and evidence that something changed, whatever the exact row.

use super::bursts::settled;
use super::opinion::opinion;
use crate::detector::clock::Clock;
use crate::detector::numbers::LogOdds;
use crate::detector::scale::NoiseEstimate;
use crate::detector::segmentation::{Segmentation, Start};
use crate::detector::settings::Settings;

/// Neighbouring rows at which a change has nearly the same evidence.
const ALIKE: f64 = 10.0;
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
    rows: u64,
    prior: f64,
}

impl Search {
    fn new(clock: &Clock, since: i64, hazard: f64, s: &Settings) -> Option<Search> {
        let until = clock.rows().saturating_sub(s.alert_rows);
        let covered = clock.steps(since, clock.at()).clamp(0.0, clock.rows() as f64) as u64;
        let first = (clock.rows() - covered).max(s.warm_up as u64);
        let rows = until.saturating_sub(first);
        (rows > 0).then(|| Search { until, rows, prior: prior_log_odds(-(rows as f64 * (-hazard).ln_1p())) })
    }

    /// Natural log of the Bayes factor that leads to this probability, unless all rows of the two segments say less. They
    /// decide where the probability cannot say more.
    fn evidence(&self, odds: LogOdds, opinion: Option<f64>) -> f64 {
        let said = odds.get() - self.prior;
        match opinion.map(|among_all| among_all - (self.rows as f64 / ALIKE).max(1.0).ln()) {
            Some(opinion) if odds == LogOdds::CERTAIN => opinion,
            Some(opinion) => said.min(opinion),
            None => said,
        }
    }
}

/// Prior log odds of a change among rows in which this many are expected.
///
/// The odds of any change at all grow exponentially, and would in some thousand rows outweigh all that a probability can say,
/// of which a least doubt is left. Where many are expected, the odds therefore grow with the places of the one that is
/// judged.
fn prior_log_odds(expected: f64) -> f64 {
    expected.min(MANY).exp_m1().ln() + (expected / MANY).max(1.0).ln()
}

/// The evidence of changes in a series.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    pub clock: &'a Clock,
    pub segmentation: &'a Segmentation,
    pub noise: NoiseEstimate,
    /// Probability of a change at a row.
    pub hazard: f64,
    pub settings: &'a Settings,
}

impl<'a> Evidence<'a> {
    /// Natural log of the Bayes factor for a change at this time or later, against none; 0 if nothing was seen.
    pub fn since(&self, since: i64) -> f64 {
        let opinions = self.opinions().filter(|(start, _)| self.counts(start, since));
        // One change that no opinion doubts is enough.
        let best = opinions.map(|(_, opinion)| opinion).reduce(|a, b| Some(a?.max(b?)));
        self.current(since, best.flatten())
    }

    /// Natural log of the Bayes factor for the change at this row, against none since a time; none if no segment of the
    /// most probable segmentation begins there.
    pub fn at(&self, row: u64, since: i64) -> Option<f64> {
        let newest = self.starts().next()?.row;
        let (start, opinion) = self.opinions().find(|(start, _)| start.row == row)?;
        if row == newest {
            return Some(self.current(since, opinion.filter(|_| self.counts(&start, since))));
        }
        Some(self.search(since).map_or(0.0, |search| search.evidence(start.probability, opinion)))
    }

    /// Whether a segment may have begun here that is looked for.
    fn counts(&self, start: &Start, since: i64) -> bool {
        start.at >= since && start.row >= self.settings.warm_up as u64
    }

    /// The evidence that the current segment began at this time or later.
    fn current(&self, since: i64, opinion: Option<f64>) -> f64 {
        let Some(search) = self.search(since).filter(|_| !self.segmentation.is_empty()) else {
            return 0.0;
        };
        let after = |start: &Start| self.counts(start, since);
        search.evidence(LogOdds::of(self.segmentation.probability(after, search.until)), opinion)
    }

    fn search(&self, since: i64) -> Option<Search> {
        Search::new(self.clock, since, self.hazard, self.settings)
    }

    fn starts(&self) -> impl Iterator<Item = Start> + use<'a> {
        settled(self.segmentation.starts(), self.settings)
    }

    /// The starts of the most probable segmentation, newest first, each with what all rows say of it.
    fn opinions(&self) -> impl Iterator<Item = (Start, Option<f64>)> + use<'a> {
        let now = self.segmentation.reading(&self.clock.now(), self.settings);
        let mut ending = (now, self.clock.rows());
        let (mut starts, noise) = (self.starts().peekable(), self.noise);
        std::iter::from_fn(move || {
            let start = starts.next()?;
            let (after, end) = std::mem::replace(&mut ending, (start.before, start.row));
            let opinion = start.before.zip(after).and_then(|(before, after)| {
                // Of a segment whose start is forgotten, it is known how many rows it is worth.
                let known = starts.peek().map(|earlier| (start.row - earlier.row) as f64);
                let rows = [known.unwrap_or(before.weight.get().max(1.0)), (end - start.row) as f64];
                opinion(&before, &after, rows, &noise)
            });
            Some((start, opinion))
        })
    }
}
