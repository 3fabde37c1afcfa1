//! The changes so far, and the rows that stand out.

use super::alert::Outlier;
use super::comparison::Ending;
use super::reading::bounded;
use super::settings::Settings;
use super::state::Detector;
use crate::student::margin;

/// Confidence of the intervals.
pub(super) const CONFIDENCE: f64 = 0.95;

/// No noise is less: the least positive number.
const LEAST_NOISE: f64 = f64::from_bits(1);

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
        bounded(self.after - self.before)
    }
}

impl Detector {
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
        let mut ending = Ending { reading: now, row: self.rows, at: self.at, beyond: 0.0 };
        let mut changes = Vec::new();
        let mut path = self.candidates.paths.back(best.node).peekable();
        while let Some(node) = path.next() {
            let Some(before) = node.before else { break };
            let rows_before = path.peek().map(|previous| node.row - previous.row);
            changes.push(self.compare(node, before, ending, rows_before));
            ending = Ending { reading: before, row: node.row, at: node.at, beyond: 1.0 };
        }
        changes
    }

    fn outlier_change(&self, outlier: &Outlier) -> Change {
        let noise = outlier.noise;
        let difference = bounded(outlier.value - outlier.expected);
        let reach = margin(f64::from(u8::MAX), CONFIDENCE, noise);
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
            interval: (bounded(difference - reach), bounded(difference + reach)),
            effect_sd: bounded(difference / noise.max(LEAST_NOISE)),
            rows_before: outlier.row.checked_sub(start),
            rows_after: 1,
        }
    }
}
