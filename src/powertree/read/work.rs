//! The work that an answer takes, forecast before it is begun.
//!
//! Unit is the time in which PostgreSQL reads a row that is in memory and passes it to an aggregate, for which it takes
//! `cpu_tuple_cost`. The numbers were measured against that; `make bench-costs` shows what becomes of them.

use super::division::{Division, NodeRun};
use super::left;
use super::size::Estimate;
use super::way::Way;
use crate::pg::memory::heap;
use crate::pg::server::costs::costs;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;

/// The question is understood, tables are opened, and the log is looked at.
pub const BEGIN: f64 = 2000.0;
/// A series that is met: one of all, and one that is looked up by its key.
const MET: f64 = 7.0;
const FOUND: f64 = 25.0;
/// Blocks that are looked up, passed over in the index, and read.
const LOOK_UP: f64 = 20.0;
const PASSED: f64 = 0.3;
const READ: f64 = 5.0;
/// A child of a block, and each of its values.
const CHILD: f64 = 0.5;
const VALUE: f64 = 0.5;
/// A part of a cell that is added to its group.
const PART: f64 = 3.0;
/// An entry of the log.
const LOG_ROW: f64 = 5.0;
/// A query of rows in the table, each piece of them and of its values, a row, and one that is passed over where no index finds them, or only
/// its neighbourhood.
const QUERY: f64 = 2500.0;
const PIECE: f64 = 40.0;
const VALUE_OF_PIECE: f64 = 15.0;
const ROW: f64 = 3.0;
const PASSED_ROW: f64 = 0.65;
const NEAR_ROW: f64 = 1.2;
/// Finding rows of pieces in a whole table, over a plain scan of it. The planner, by whose costs ordinary plans are mostly compared, takes
/// as much for a few conditions.
const JOINED_SCAN: f64 = 3.5;
/// A cell, to be cut out of the line.
const CELL: f64 = 5.0;

/// The scope of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The number of series, if they are named.
    pub named: Option<f64>,
    /// The share of these series, or of all, that are chosen once they are met.
    pub chosen: f64,
    pub route: Route,
}

/// The way to rows of the table.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    /// An index finds those of a series at a position.
    BySeries,
    /// Rows of all series between two positions are found together, and this many besides.
    ByTime(f64),
    /// All of the table is read, with this work.
    Scan(f64),
}

/// Returns the work to pass over all rows of a table of this many pages.
pub fn scan(rows: f64, pages: f64) -> f64 {
    let costs = costs();
    rows * PASSED_ROW + costs.of_pages(pages) / costs.row
}

/// Returns the work to read this many leaves of all series together, each leaf being a cell.
pub fn leaves(number: f64, series: f64, values: usize) -> f64 {
    number * (READ / 10.0 + child(values) + PART) + number / series.max(1.0) * CELL
}

/// Forecasts the work of reading cells that have been divided.
pub fn forecast(
    tree: &Tree,
    division: &Division,
    estimate: &Estimate,
    stored: Option<Range>,
    scope: Scope,
) -> f64 {
    let all = estimate.series.max(1) as f64;
    let met = scope.named.map_or(all * MET, |named| named * FOUND);
    let series = scope.named.unwrap_or(all).min(all) * scope.chosen;
    let share = series / all;
    let mut work = BEGIN + met + estimate.log_rows as f64 * LOG_ROW;
    let Some(stored) = stored else { return work };
    let span = (tree.leaves.of(stored.first), tree.leaves.of(stored.last));
    for (level, runs) in (0..).zip(&division.levels).filter(|(_, runs)| !runs.is_empty()) {
        let blocks = estimate.blocks(level);
        let (ways, groups) = match Way::cheapest(runs, blocks as i64, series as i64) {
            Way::Pass(groups) => (PASSED * blocks * groups.len() as f64, groups),
            Way::LookUp(groups) => (LOOK_UP * series * groups.len() as f64, groups),
        };
        let width = 10_f64.powi(level as i32);
        let here = |first: i64, last: i64| {
            let (first, last) = (first as f64 * width, (last as f64 + 1.0) * width - 1.0);
            (last.min(span.1 as f64) - first.max(span.0 as f64) + 1.0).max(0.0)
        };
        let length = span.1.abs_diff(span.0) as f64 + 1.0;
        // What all series have on the level is spread over the time that the tree knows.
        let expected =
            |leaves: f64, of_all: f64, nodes: f64| (series * nodes).min(of_all * share * leaves / length);
        let of_groups: f64 = groups.iter().map(|&(first, last)| here(first * 10, last * 10 + 9)).sum();
        let of_runs: f64 = runs.iter().map(|run| here(run.first, run.last)).sum();
        let nodes = of_runs / width;
        let children = expected(of_runs, estimate.nodes(level), nodes.max(runs.len() as f64));
        let parts = children.min(series * num_parts(runs));
        work += ways;
        work += expected(of_groups, blocks, (of_groups / width / 10.0).max(groups.len() as f64)) * READ;
        work += children * child(tree.values.len()) + parts * PART;
    }
    work + rows_left(tree, division, estimate, stored, series, share, scope)
}

/// The work for rows that the table has to tell.
fn rows_left(
    tree: &Tree,
    division: &Division,
    estimate: &Estimate,
    stored: Range,
    series: f64,
    share: f64,
    scope: Scope,
) -> f64 {
    let length = stored.last.abs_diff(stored.first) as f64 + 1.0;
    let cut = division.levels.first().into_iter().flatten().filter(|run| run.cell.is_none());
    let cut: Vec<i64> = heap::collect(cut.map(|run| run.first));
    let apart = cut.windows(2).filter(|pair| pair[1] - pair[0] > left::FAR_APART.1).count() + 1;
    let places = apart.min(left::FAR_APART.0) as f64;
    if cut.is_empty() && division.in_spans.is_empty() {
        return 0.0;
    }
    let left = (division.length_cut() + division.length_in_spans()) / length;
    let rows = estimate.rows as f64 * left.min(1.0);
    // A leaf of one row is never cut, and not every series has rows in every leaf.
    let are_cut = (estimate.rows_of_leaf() - 1.0).clamp(0.0, 1.0);
    let in_leaves = length / tree.leaves.width as f64 + 1.0;
    let are_there = (estimate.leaves / (estimate.series.max(1) as f64 * in_leaves)).min(1.0);
    let pieces = series * (cut.len() as f64 * are_cut * are_there + division.in_spans.len() as f64);
    let found = match scope.route {
        Route::BySeries => 0.0,
        Route::ByTime(more) => (rows + more * places) * NEAR_ROW,
        Route::Scan(scan) => scan * JOINED_SCAN,
    };
    let piece = PIECE + VALUE_OF_PIECE * tree.values.len() as f64;
    pieces.min(1.0) * (QUERY * places + found) + pieces * piece + rows * share * ROW
}

fn child(values: usize) -> f64 {
    CHILD + VALUE * values as f64
}

/// The number of parts of cells: a run has one in each of its blocks.
fn num_parts(runs: &[NodeRun]) -> f64 {
    runs.iter().map(|run| (run.last.div_euclid(10) - run.first.div_euclid(10)) as f64 + 1.0).sum()
}
