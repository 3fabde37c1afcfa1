//! A change of a series, or a row that stands out.

use crate::detector::numbers::bounded;

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A change of the level.
    Level,
    /// A change of the slope.
    Slope,
    /// A change of the spread.
    Variance,
    /// A single row, upwards.
    Spike,
    /// A single row, downwards.
    Dip,
}

impl Kind {
    /// Name of the kind in SQL.
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

/// The way in which a change comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurrence {
    /// The change comes at the same time of other periods of this length.
    Period(i64),
    /// The change leads between states that the series goes to and from.
    States,
    /// The change is the opposite of one a week before, as in a series of differences to the week before.
    Echo,
}

/// A change. Levels are in the units of the values, slopes in these units per second, or per row where rows have no
/// time; for a change of variance, the quantity is the standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// First row after the change, from 0.
    pub row: u64,
    /// Time of that row.
    pub at: i64,
    /// Row and time of the first alert.
    pub alerted: Option<(u64, i64)>,
    /// The property that changed.
    pub kind: Kind,
    /// Probability that there is a change here.
    pub probability: f64,
    /// The quantity before.
    pub before: f64,
    /// The quantity after.
    pub after: f64,
    /// Standard errors of both.
    pub errors: (f64, f64),
    /// For a single row, the range that holds 95 of 100 such rows.
    pub usual: Option<(f64, f64)>,
    /// The period, if the season matters for that range.
    pub season: Option<i64>,
    /// The way in which the series made the same change at other times, if it did.
    pub recurs: Option<Recurrence>,
    /// The most evidence of the change, if that is limited: the log of how rare so long a last stay is, in a state that the
    /// series was in before; none of what may be a weekend.
    pub rarity: Option<f64>,
    /// 95 % interval of the difference.
    pub interval: (f64, f64),
    /// Size in standard deviations of the noise.
    pub effect_sd: f64,
    /// The range in which the segment before goes to and fro between states, and that after, if they do.
    pub between: [Option<(f64, f64)>; 2],
    /// Usual time between two rows, in seconds; none where rows have no time.
    pub step: Option<f64>,
    /// Rows of the segment before, unless it is forgotten.
    pub rows_before: Option<u64>,
    /// Rows of the segment after, so far.
    pub rows_after: u64,
}

impl Change {
    /// The reading after the change, less the one before.
    pub fn difference(&self) -> f64 {
        bounded(self.after - self.before)
    }

    /// Whether the change is one between segments.
    pub(super) fn lasts(&self) -> bool {
        !matches!(self.kind, Kind::Spike | Kind::Dip)
    }

    /// Whether the change leads from one level to another, each of which may be off by this much.
    pub(super) fn leads(&self, before: f64, after: f64, off: f64) -> bool {
        (self.before - before).abs() <= off && (self.after - after).abs() <= off
    }
}

#[cfg(test)]
impl Change {
    /// A change at a row, after which this many are alike: its kind, and the quantity before and after.
    pub fn told(row: u64, rows_after: u64, (kind, before, after): (Kind, f64, f64)) -> Change {
        Change {
            row,
            at: row as i64,
            alerted: None,
            kind,
            probability: 1.0,
            before,
            after,
            errors: (1.0, 1.0),
            usual: None,
            season: None,
            recurs: None,
            rarity: None,
            between: [None; 2],
            interval: (0.0, 0.0),
            effect_sd: 1.0,
            step: None,
            rows_before: None,
            rows_after,
        }
    }
}
