//! Questions to the base table, and their answers.

use tally_stats::tree::Extent;
use tally_stats::Tally;

/// A query of the base table, about one series where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// The tally of one value between two positions, as seen by the caller.
    Range,
    /// The tally of one value between two positions that may be far apart, with a plan for just these.
    WideRange,
    /// The contents of the series between two positions.
    Leaf,
    /// The last N of one value between two positions: tally, first and last of them.
    Last,
    /// The contents of all series between two positions, by series and leaf.
    Groups,
    /// The tallies of one value between two positions, by the place of the position among sorted ones.
    Buckets,
    /// A measure between two positions, by series, of all series of which the first columns, this many, have given values.
    Below(Measure, usize),
    /// The contents of pieces, by their number from 1: each has a series and two positions of its own.
    Pieces,
    /// The contents of pieces, by their number from 1 and by the place of the position among sorted ones.
    CutPieces,
    /// The contents of all series between two positions, by the place of the position among sorted ones and by series.
    Span,
}

/// A question about the rows of each of many series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// The number of rows, and their first and last position.
    Extent,
    /// The tally of the value at this place.
    Tally(usize),
}

/// The answer about some rows; what was not asked is empty.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub extent: Extent,
    pub tally: Tally,
}

impl Measured {
    pub const NOTHING: Measured = Measured { extent: Extent::EMPTY, tally: Tally::EMPTY };
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

/// A range of one series, in one or several of the places that it is cut into.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'k> {
    pub key: &'k [u8],
    pub range: Range,
}

/// The last values, up to a number of them.
#[derive(Clone, Copy, Debug)]
pub struct LastValues {
    pub tally: Tally,
    pub first: Option<f64>,
    pub last: Option<f64>,
}
