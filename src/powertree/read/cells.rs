//! Answers for many cells of time at once, of many series: what stands between the tables of a tree and a plan that is answered from it.

use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use pgrx::pg_sys::Oid;
use std::rc::Rc;
use tally_stats::tree::Contents;

/// What is asked.
pub struct Question<'a> {
    pub tree: Rc<Tree>,
    /// Ranges of positions, both ends included; in order and apart.
    pub cells: &'a [Range],
    /// The keys of the series, encoded; None for all.
    pub series: Option<&'a [Vec<u8>]>,
    /// The user whose query it is; INVALID for the current one. What that user may read of the table has been checked.
    pub user: Oid,
}

/// What was read for an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub series: u64,
    pub nodes: u64,
    pub log_rows: u64,
    /// Rows of the table.
    pub rows_read: u64,
}

/// Why the table itself must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The tree is not kept in step, or its nodes are of another format, or the snapshot is older than a change of partitions.
    Stale,
    /// A statement of this session is writing the table, and the tree learns of it at its end.
    BeingWritten,
    /// Row security hides rows from the user.
    RowSecurity,
    /// Two series have the same hash.
    SameHash,
    /// Most of what is asked has to be read from the table until the next compaction.
    ToBeCompacted,
    /// There is more to remember than a query should.
    TooMuch,
}

impl Refused {
    /// Returns the reason, for EXPLAIN.
    pub fn reason(self) -> &'static str {
        match self {
            Refused::Stale => "the tree is stale, or changed since the snapshot was taken",
            Refused::BeingWritten => "the table is being written by this session",
            Refused::RowSecurity => "row security hides rows",
            Refused::SameHash => "two series have the same hash",
            Refused::ToBeCompacted => "leaves wait for compaction",
            Refused::TooMuch => "there are too many cells, series or changed leaves",
        }
    }
}

/// Reads all cells of the series that are accepted.
///
/// `accept` is asked once for each series. `each` is told what a cell of a series holds: the series is numbered in the order of
/// acceptance, the cell by its place. One cell may be told in parts, in any order; none has no rows. After a refusal what was told is
/// worth nothing.
pub fn read(
    _question: Question,
    _accept: impl FnMut(&[u8]) -> bool,
    _each: impl FnMut(usize, usize, &Contents),
) -> Result<Counts, Refused> {
    Err(Refused::Stale)
}

/// The size of a tree, as far as it is known without reading it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// Series that have nodes.
    pub series: i64,
    /// Rows in the nodes.
    pub rows: i64,
    /// Leaves with rows, of all series together.
    pub leaves: i64,
    /// Entries of the log.
    pub log_rows: i64,
    /// The positions of the first and the last row; None if nothing is known.
    pub extent: Option<Range>,
}

/// Estimates the size of a tree; cheap.
pub fn estimate(_tree: &Tree) -> Estimate {
    Estimate::default()
}

/// Returns positions between which all rows are that the active snapshot sees; None if there are none.
pub fn bounds(tree: &Tree) -> Option<Range> {
    let (first, last) = tree.position.ends();
    Some(Range { first, last })
}

/// Returns the trees of a table that are kept in step.
pub fn trees_of(_base: Oid) -> Vec<Rc<Tree>> {
    Vec::new()
}

/// Whether a query of this extension is being planned or run.
pub fn inside() -> bool {
    false
}
