//! Rows that stand out: the newest are kept, and each silences those that follow it closely.

use super::check::{number, structure, up_to, Check, MOST_VALUE};
use super::clock::Clock;
use super::numbers::{time, Brief, Coarse};
use super::settings::Settings;
use serde::{Deserialize, Serialize};

/// The number of outliers that are kept.
pub const MOST_OUTLIERS: usize = 3;

/// A row that stands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    pub row: u64,
    #[serde(with = "time")]
    pub at: i64,
    /// The value of the row.
    pub value: f64,
    pub expected: f64,
    /// Standard deviation of rows from what is expected, at the time.
    pub noise: Coarse,
    /// About -log10 of the probability of the value.
    pub score: Brief,
    /// Whether the season mattered for what was expected.
    pub seasonal: bool,
}

/// The newest outliers, oldest first, and how long the last one silences others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outliers {
    list: Vec<Outlier>,
    /// Rows for which others are silenced.
    silence: u16,
    /// Surprise of the row that silenced them.
    loudest: Brief,
}

impl Outlier {
    fn check(&self) -> Check {
        let numbers =
            self.value.is_finite() && self.expected.is_finite() && up_to(self.noise.get(), f64::MAX);
        number(numbers && up_to(self.score.get(), MOST_VALUE), "a number of an outlier is out of range")
    }
}

impl Outliers {
    /// Counts a row: the silence becomes shorter by one.
    pub fn pass(&mut self) {
        self.silence = self.silence.saturating_sub(1);
    }

    /// Whether a row of this surprise stands out. If so, it silences those after it.
    pub fn admit(&mut self, surprise: f64, s: &Settings) -> bool {
        let louder = self.silence == 0 || surprise > self.loudest.get() + s.stronger;
        let admitted = surprise >= s.outlier && louder;
        if admitted {
            self.silence = s.silence;
            self.loudest = Brief::new(surprise);
        }
        admitted
    }

    /// Whether the last row stood out.
    pub fn admitted(&self, s: &Settings) -> bool {
        self.silence == s.silence
    }

    /// Keeps an outlier, unless it is there; the oldest is forgotten where there is no room.
    pub fn keep(&mut self, outlier: Outlier) {
        if self.list.last().is_some_and(|last| last.row >= outlier.row) {
            return;
        }
        if self.list.len() == MOST_OUTLIERS {
            self.list.remove(0);
        }
        self.list.push(outlier);
    }

    /// The outliers, oldest first.
    pub fn list(&self) -> &[Outlier] {
        &self.list
    }

    /// The first time of an outlier that is kept.
    pub fn earliest(&self) -> Option<i64> {
        self.list.iter().map(|o| o.at).min()
    }

    pub fn check(&self, clock: &Clock) -> Check {
        structure(self.list.len() <= MOST_OUTLIERS, "it has too many outliers")?;
        let rows = self.list.iter().map(|o| (o.row, o.at));
        structure(clock.in_order(rows), "its outliers are not in the order of rows and times")?;
        self.list.iter().try_for_each(Outlier::check)?;
        number(up_to(self.loudest.get(), MOST_VALUE), "the surprise of its last outlier is out of range")
    }
}
