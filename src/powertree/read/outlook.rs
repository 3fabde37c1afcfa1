//! The outlook of an answer: what can be known of its work without reading the tree.

use super::division::Division;
use super::size::{estimate, extent, Estimate};
use super::work::{self, Route, Scope};
use crate::pg::memory::heap;
use crate::pg::planning::path::PAGES_OF_BRIN;
use crate::pg::tables::catalog::is_partitioned;
use crate::pg::tables::relation::{has_brin, has_index, num_blocks, num_ranges};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;

/// The rows of a page of a partition, of which the pages are not counted.
const ROWS_OF_PAGE: f64 = 100.0;

/// Facts about a tree that are known beforehand.
pub struct Outlook {
    pub estimate: Estimate,
    /// The positions between which all rows of nodes are.
    stored: Option<Range>,
}

impl Outlook {
    pub fn of(tree: &Tree) -> Outlook {
        let seen = Tables::known().and_then(|tables| Some((tables, TreeState::visible(&tables, tree.id)?)));
        let stored = seen.and_then(|(tables, state)| extent(&tables, tree, &state));
        Outlook { estimate: estimate(tree), stored: stored.map(|(first, last)| Range { first, last }) }
    }

    /// Forecasts the work of reading a range as one cell, or all there is: of this many named series, or all, of which this share are chosen.
    pub fn forecast(&self, tree: &Tree, range: Option<Range>, named: Option<f64>, chosen: f64) -> f64 {
        let (first, last) = tree.position.ends();
        let cells = [range.unwrap_or(Range { first, last })];
        let division = Division::of(tree, &cells, Vec::new(), self.stored);
        let is_cut = division.length_cut() > 0.0;
        let route = if is_cut { route(tree, &self.estimate) } else { Route::BySeries };
        work::forecast(tree, &division, &self.estimate, self.stored, Scope { named, chosen, route })
    }
}

/// Finds the way to rows of the table.
pub fn route(tree: &Tree, estimate: &Estimate) -> Route {
    let series = heap::collect(tree.series.iter().map(|key| key.column.number));
    let at = tree.at.number;
    let parts = num_ranges(tree.base) as f64;
    let rows = estimate.rows as f64 / parts;
    let pages = if is_partitioned(tree.base) { rows / ROWS_OF_PAGE } else { num_blocks(tree.base) as f64 };
    if has_index(tree.base, &series, at) {
        Route::BySeries
    } else if has_index(tree.base, &[], at) {
        Route::ByTime(0.0)
    } else if has_brin(tree.base, at) {
        Route::ByTime(rows * (PAGES_OF_BRIN / pages.max(1.0)).min(1.0))
    } else if parts > 1.0 {
        // Of the others, the bounds say that they have none of the rows.
        Route::ByTime(rows)
    } else {
        Route::Scan(work::scan(rows, pages))
    }
}
