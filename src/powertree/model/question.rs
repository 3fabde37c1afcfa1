//! Queries of the base table, and their answers.

use tally_stats::tree::Extent;
use tally_stats::Tally;

/// A query of the base table, about one series unless stated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// The tally of one value between two positions.
    Range,
    /// The tally of one value between two positions that may be far apart, planned for these very positions.
    WideRange,
    /// The contents of the series between two positions.
    Leaf,
    /// The last N of one value between two positions: their tally, the first and the last of them.
    Last,
    /// The contents of all series between two positions, by series and leaf.
    Groups,
    /// The tallies of one value between two positions, by the place of the position among sorted ones.
    Buckets,
    /// A measure between two positions, by series, for all series whose first columns, this many, have given values.
    Below(Measure, usize),
    /// The contents of pieces, by their number from 1: each has its own series and two positions.
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
    /// The tally of the value column at this place.
    Tally(usize),
}

/// The measure of some rows; what was not asked for is empty.
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

/// A range of one series, in one or several of the places into which it is cut.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'k> {
    pub key: &'k [u8],
    pub range: Range,
}

/// The last values, up to some number.
#[derive(Clone, Copy, Debug)]
pub struct LastValues {
    pub tally: Tally,
    pub first: Option<f64>,
    pub last: Option<f64>,
}
