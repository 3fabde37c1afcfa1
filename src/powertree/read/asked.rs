//! Questions about the cells of a tree.

use super::seen::Seen;
use crate::powertree::model::question::Range;
use pgrx::pg_sys::Oid;
use tally_stats::tree::Chosen;

/// A question about cells of time, of many series.
pub struct CellQuestion<'a> {
    pub seen: &'a Seen<'a>,
    /// Ranges of positions, both ends included; in order and apart.
    pub cells: &'a [Range],
    /// The values whose tallies are needed; what is told of others is worth nothing.
    pub values: Chosen,
    /// Whether only rows that are in the table count, and none that are archived.
    pub is_of_table: bool,
    /// The user whose query it is; INVALID for the current one. What that user may read of the table has been checked.
    pub user: Oid,
    /// The most work that the answer is worth, in the unit of [`work`](super::work).
    pub worth: f64,
}

/// The work that an answer took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub series: u64,
    pub nodes: u64,
    pub log_rows: u64,
    /// Rows of the table.
    pub rows_read: u64,
}
