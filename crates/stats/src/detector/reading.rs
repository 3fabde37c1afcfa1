//! What a detector says of now: the last row, and the level, slope and noise of the current segment.

use super::candidates::Place;
use super::segment::Reading;
use super::settings::Settings;
use super::state::Detector;
use std::borrow::Cow;

/// What is reported is a number, at most the greatest.
pub(super) fn bounded(x: f64) -> f64 {
    x.clamp(f64::MIN, f64::MAX)
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

    /// A copy that has judged its first rows, if they wait for more.
    pub(super) fn judged(&self, s: &Settings) -> Cow<'_, Detector> {
        if self.first.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut judged = self.clone();
        judged.settle(s);
        Cow::Owned(judged)
    }

    pub(super) fn place(&self) -> Place {
        Place { row: self.rows.saturating_sub(1), at: self.at, step: self.step }
    }

    pub(super) fn reading(&self, s: &Settings) -> Option<Reading> {
        self.candidates.best().map(|best| self.candidates.read(best, &self.place(), s))
    }

    /// Units of slope: steps per second, or per row.
    pub(super) fn steps(&self) -> f64 {
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
            bounded(reading.level * unit),
            bounded(f64::from(reading.slope) * judged.steps() * unit),
            bounded(reading.noise.get() * unit),
        ))
    }

    /// Rows since the last change.
    pub fn run_length(&self, s: &Settings) -> u64 {
        let judged = self.judged(s);
        let start = judged.candidates.best().map(|best| judged.candidates.node(best).row);
        judged.rows - start.filter(|_| judged.candidates.paths.nodes.len() > 1).unwrap_or(0).min(judged.rows)
    }
}
