//! Questions to the base table, and their answers.

use tally_stats::Tally;

/// A query of the base table; all but `Groups` are about one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// The tally of one value between two positions, as seen by the caller.
    Range,
    /// The tally of one value between two positions that may be far apart, with a plan for just these.
    WideRange,
    /// The tallies of all values between two positions.
    Leaf,
    /// The last N of one value between two positions: tally, first and last of them.
    Last,
    /// The tallies of all values of all series between two positions, by series and leaf.
    Groups,
    /// The tallies of one value between two positions, by the place of the position among sorted ones.
    Buckets,
}

/// Positions, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: i64,
    pub last: i64,
}

impl Range {
    pub fn is_empty(self) -> bool {
        self.first > self.last
    }
}

/// The last values, up to a number of them.
#[derive(Clone, Copy, Debug)]
pub struct LastValues {
    pub tally: Tally,
    pub first: Option<f64>,
    pub last: Option<f64>,
}
