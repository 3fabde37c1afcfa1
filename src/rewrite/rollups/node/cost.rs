//! The cost of an answer from a tree, in the planner's units.

use crate::powertree::cells::{self, Estimate};
use crate::rewrite::rollups::question::ends::EndExpression;
use crate::rewrite::rollups::question::Question;
use crate::rewrite::rollups::terms::join::JoinKind;
use pgrx::pg_sys::{Path, PlannerInfo, RelOptInfo};

// Measured against an index-only scan of rows in memory.
/// The cost that is paid once: tables are opened and the log is looked at.
const BEGIN: f64 = 30.0;
const SERIES: f64 = 0.5;
const NODE: f64 = 0.08;
const LEAF: f64 = 0.02;
const LOG_ROW: f64 = 0.05;
const CELL: f64 = 0.1;
/// Buckets that a leaf makes.
const BUCKETS: f64 = 0.1;
/// A row that is looked up at the end of a group.
const SPOT: f64 = 1.0;
/// A row that is read to be joined.
const JOINED_ROW: f64 = 0.03;
/// Nodes that a range of one series is put together of.
const NODES_OF_A_RANGE: f64 = 40.0;

/// Returns the cost; None if the ordinary plan is cheaper.
///
/// # Safety
/// What is grouped in the query that is being planned, and its cheapest ordinary path.
pub unsafe fn of(
    question: &Question,
    root: *mut PlannerInfo,
    input: *mut RelOptInfo,
    ordinary: *mut Path,
) -> Option<f64> {
    // SAFETY: the caller's relations and path.
    let (table, joined_rows, groups, ordinary) = unsafe {
        let table = *(*root).simple_rel_array.add(question.relation as usize);
        (&*table, (*input).rows, (*ordinary).rows, (*ordinary).total_cost)
    };
    let (rows, all) = (table.rows, table.tuples);
    if ordinary < BEGIN {
        return None;
    }
    let Estimate { series, leaves, log_rows, .. } = cells::estimate(question.tree);
    let share = if all > 0.0 { (rows / all).clamp(0.0, 1.0) } else { 1.0 };
    let (series, leaves, log_rows) = (series as f64, leaves as f64 * share, log_rows as f64 * share);
    let dimensions = &question.joins.dimensions;
    // Only what is joined is read, of an inner join.
    let chosen = if dimensions.iter().any(|one| one.kind.is_inner()) {
        (joined_rows / rows.max(1.0)).clamp(0.0, 1.0)
    } else {
        1.0
    };
    let joined = dimensions.iter().map(|one| one.path.total_cost + one.path.rows * JOINED_ROW);
    let gaps = dimensions.iter().filter(|one| one.kind == JoinKind::Gaps);
    let kept: f64 = gaps.map(|one| one.path.rows * CELL).sum();
    let by_time = !question.shapes.carriers.is_empty();
    let nodes = if by_time {
        leaves * chosen * LEAF + groups.min(leaves) * CELL
    } else {
        (series * chosen * NODES_OF_A_RANGE).min(leaves) * NODE
    };
    // PostgreSQL takes every position for a group of its own, where buckets are mostly wider than leaves. The node decides when it runs.
    let ends = if by_time { groups.min(leaves * BUCKETS) } else { groups };
    let spots = ends * EndExpression::count(&question.ends) as f64;
    let met = if question.lookups.is_empty() { series } else { series * chosen };
    let tree = BEGIN + met * SERIES + nodes + log_rows * LOG_ROW + spots * SPOT + joined.sum::<f64>() + kept;
    // PostgreSQL guesses a short range for ends that are not known yet: the node decides when it runs.
    let tree = if question.is_open() { tree.min(ordinary * 0.9) } else { tree };
    (tree < ordinary).then_some(tree)
}
