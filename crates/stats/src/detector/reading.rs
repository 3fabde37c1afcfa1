//! What a detector says: the current level, what comes next, and the changes so far.

use super::candidates::Place;
use super::path::Node;
use super::segment::Reading;
use super::settings::Settings;
use super::state::Detector;
use crate::student::margin;
use std::borrow::Cow;

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;
/// A level is said to have changed if that is at least so clear, beside the clearest change of the others.
const PLAIN: f64 = 0.5;

/// Candidates that far behind are not kept.
const LEAST_DOUBT: f64 = 1e-7;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The level.
    Level,
    /// The slope.
    Slope,
    /// The spread.
    Variance,
    /// A single row, upwards.
    Spike,
    /// A single row, downwards.
    Dip,
}

impl Kind {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Level => "level",
            Kind::Slope => "slope",
            Kind::Variance => "variance",
            Kind::Spike => "spike",
            Kind::Dip => "dip",
        }
    }
}

/// A change. Levels are in the units of the values; slopes per second, or per row where rows have no time; the
/// quantity of a change of variance is the standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// First row after the change, from 0.
    pub row: u64,
    /// Its time.
    pub at: i64,
    /// Row and time at which it was first alerted.
    pub told: Option<(u64, i64)>,
    /// What changed.
    pub kind: Kind,
    /// Probability that there is a change here.
    pub probability: f64,
    /// The quantity before.
    pub before: f64,
    /// The quantity after.
    pub after: f64,
    /// Standard errors of both.
    pub errors: (f64, f64),
    /// 95 % interval of the difference.
    pub interval: (f64, f64),
    /// Size in standard deviations of the noise.
    pub effect_sd: f64,
    /// Rows of the segment before, unless that is forgotten.
    pub rows_before: Option<u64>,
    /// Rows of the segment after, so far.
    pub rows_after: u64,
}

impl Change {
    /// After less before.
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

/// What the next rows are expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Expected value.
    pub mean: f64,
    /// Lower end of the 95 % interval for a row.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Detector {
    /// Rows so far, those without a value included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Do its rows have times?
    pub fn timed(&self) -> bool {
        self.timed
    }

    /// Surprise of the last row, about -log10 of its probability; none without a value, or among the first rows.
    pub fn surprise(&self) -> Option<f64> {
        self.surprise.map(f64::from)
    }

    /// The same, 0 while it is silenced by a row before.
    pub fn alert(&self, s: &Settings) -> f64 {
        let surprise = self.surprise().unwrap_or(0.0);
        let told = self.outliers.last().is_some_and(|o| o.row + 1 == self.rows);
        if surprise < s.outlier || told {
            surprise
        } else {
            0.0
        }
    }

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

    /// A copy that has judged its first rows, if they wait for more.
    fn judged(&self, s: &Settings) -> Cow<'_, Detector> {
        if self.first.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut judged = self.clone();
        judged.settle(s);
        Cow::Owned(judged)
    }

    fn place(&self) -> Place {
        Place { row: self.rows.saturating_sub(1), at: self.at, step: self.step }
    }

    fn reading(&self, s: &Settings) -> Option<Reading> {
        self.candidates.best().map(|best| self.candidates.read(best, &self.place(), s))
    }

    /// Units of slope: steps per second, or per row.
    fn steps(&self) -> f64 {
        if self.timed {
            1e6 / self.step
        } else {
            1.0
        }
    }

    /// Current level, slope and noise; none before a value.
    pub fn state(&self, s: &Settings) -> Option<(f64, f64, f64)> {
        let judged = self.judged(s);
        let reading = judged.reading(s)?;
        let unit = judged.unit();
        Some((
            reading.level * unit,
            f64::from(reading.slope) * judged.steps() * unit,
            reading.noise.get() * unit,
        ))
    }

    /// Rows since the last change.
    pub fn run_length(&self, s: &Settings) -> u64 {
        let judged = self.judged(s);
        let start = judged.candidates.best().map(|best| judged.candidates.node(best).row);
        judged.rows - start.filter(|_| judged.candidates.paths.nodes.len() > 1).unwrap_or(0).min(judged.rows)
    }

    /// The row so many steps ahead.
    pub fn forecast(&self, ahead: f64, s: &Settings) -> Option<Forecast> {
        let judged = self.judged(s);
        let place = judged.place();
        let later = Place { at: place.at.saturating_add((ahead * place.step) as i64), ..place };
        let best = judged.candidates.best()?;
        let reading = judged.candidates.read(best, &later, s);
        let error = reading.level_error.get().hypot(reading.noise.get());
        let reach = margin(2.0 * s.noise_rows + reading.weight.get(), CONFIDENCE, error);
        let unit = judged.unit();
        let [mean, low, high] =
            [reading.level, reading.level - reach, reading.level + reach].map(|x| x * unit);
        Some(Forecast { mean, low, high })
    }

    /// First rows of the segments of the most probable segmentation, but the first.
    pub fn starts(&self, s: &Settings) -> Vec<u64> {
        let judged = self.judged(s);
        let Some(best) = judged.candidates.best() else { return Vec::new() };
        let mut starts: Vec<u64> =
            judged.candidates.paths.back(best.node).filter(|n| n.before.is_some()).map(|n| n.row).collect();
        starts.reverse();
        starts
    }

    /// The change that was alerted last: its start as it was then, and the row of the alert.
    pub fn last_alert(&self) -> Option<(u64, u64)> {
        self.told.as_ref().map(|(start, told)| (*start, told.row))
    }

    /// Changes of the most probable segmentation and rows that stand out, in order; the newest, if there are many.
    pub fn changes(&self, s: &Settings) -> Vec<Change> {
        let judged = self.judged(s);
        let mut changes = judged.segment_changes(s);
        let explained = |row: u64| {
            let near = s.margin as u64;
            changes.iter().any(|c| row.abs_diff(c.row) <= near)
        };
        let outliers: Vec<Change> =
            judged.outliers.iter().filter(|o| !explained(o.row)).map(|o| judged.outlier_change(o)).collect();
        changes.extend(outliers);
        changes.sort_by_key(|c| c.row);
        changes
    }

    fn segment_changes(&self, s: &Settings) -> Vec<Change> {
        let (Some(best), Some(now)) = (self.candidates.best(), self.reading(s)) else { return Vec::new() };
        let mut after = (now, self.rows, self.at, 0.0);
        let mut changes = Vec::new();
        let mut path = self.candidates.paths.back(best.node).peekable();
        while let Some(node) = path.next() {
            let Some(before) = node.before else { break };
            let rows_before = path.peek().map(|previous| node.row - previous.row);
            changes.push(self.segment_change(node, before, after, rows_before));
            after = (before, node.row, node.at, 1.0);
        }
        changes
    }

    /// `after` is the reading of the segment that the node begins, with the row, the time and the steps before it at
    /// which it ends.
    fn segment_change(
        &self,
        node: &Node,
        before: Reading,
        (after, end, end_at, less): (Reading, u64, i64, f64),
        rows_before: Option<u64>,
    ) -> Change {
        let unit = self.unit();
        let per = self.steps();
        let steps = end_at.saturating_sub(node.at) as f64 / self.step - less;
        let start_level = after.level - f64::from(after.slope) * steps.max(0.0);
        let noises = (before.noise.get(), after.noise.get());
        let (weight1, weight2) = (before.weight.get().max(1.0), after.weight.get().max(1.0));
        let noise = noises.0.hypot(noises.1) / std::f64::consts::SQRT_2;
        let sd_error = |noise: f64, weight: f64| noise / (2.0 * weight).sqrt();
        let slopes = (f64::from(before.slope), f64::from(after.slope));
        let candidates = [
            (
                Kind::Level,
                before.level,
                start_level,
                before.level_error.get(),
                after.level_error.get(),
                1.0,
                1.0,
            ),
            (
                Kind::Slope,
                slopes.0,
                slopes.1,
                before.slope_error.get(),
                after.slope_error.get(),
                per,
                steps.max(1.0),
            ),
            (
                Kind::Variance,
                noises.0,
                noises.1,
                sd_error(noises.0, weight1),
                sd_error(noises.1, weight2),
                1.0,
                1.0,
            ),
        ];
        let clarity =
            |c: &(Kind, f64, f64, f64, f64, f64, f64)| (c.2 - c.1).abs() / c.3.hypot(c.4).max(1e-300);
        let mut which = candidates[0];
        for candidate in &candidates[1..] {
            if PLAIN * clarity(candidate) > clarity(&which) {
                which = *candidate;
            }
        }
        let (kind, from, to, error1, error2, factor, over) = which;
        let factor = factor * unit;
        let reach = margin(weight1 + weight2, CONFIDENCE, error1.hypot(error2));
        Change {
            row: node.row,
            at: node.at,
            told: node.told.map(|told| (told.row, told.at)),
            kind,
            probability: f64::from(node.probability),
            before: from * factor,
            after: to * factor,
            errors: (error1 * factor, error2 * factor),
            interval: ((to - from - reach) * factor, (to - from + reach) * factor),
            effect_sd: (to - from) * over / noise.max(1e-300),
            rows_before,
            rows_after: end - node.row,
        }
    }

    fn outlier_change(&self, outlier: &super::state::Outlier) -> Change {
        let noise = outlier.noise;
        let difference = outlier.value - outlier.expected;
        let reach = margin(f64::from(u8::MAX), CONFIDENCE, noise).min(f64::MAX);
        let start = self.candidates.best().map_or(0, |best| self.candidates.node(best).row);
        Change {
            row: outlier.row,
            at: outlier.at,
            told: Some((outlier.row, outlier.at)),
            kind: if difference < 0.0 { Kind::Dip } else { Kind::Spike },
            probability: 1.0 - 10f64.powf(-f64::from(outlier.score)),
            before: outlier.expected,
            after: outlier.value,
            errors: (noise, 0.0),
            interval: (difference - reach, difference + reach),
            effect_sd: difference / noise.max(1e-300),
            rows_before: outlier.row.checked_sub(start),
            rows_after: 1,
        }
    }
}
