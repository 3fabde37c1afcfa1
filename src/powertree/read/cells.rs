//! Answers for many cells of time at once, of many series: what stands between the tables of a tree and a plan that is answered from it.

use super::access::spans;
use super::division::{self, Division};
use super::outlook::route;
use super::sweep::Sweep;
use super::work::{forecast, Scope};
use crate::pg::tables::relation::has_triggers;
use crate::pg::tables::spi;
use crate::powertree::base::query::archived_leaves;
use crate::powertree::base::triggers;
use crate::powertree::model::question::Range;
use crate::powertree::model::rights;
use crate::powertree::model::tree::{known_trees, Tree};
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::Oid;
use std::rc::Rc;
use tally_stats::tree::Contents;

pub use super::asked::{CellQuestion, Counts};
pub use super::outlook::Outlook;
pub use super::refused::Refused;
pub use super::seen::Seen;
pub use super::size::{estimate, Estimate};
pub use super::spots::{read_spots, Spot};
pub use super::work;

/// The most of the cells that may have to be read from the table: in spans all at once; in cut leaves piece by piece, where a row
/// costs four times what it costs in a plain scan.
const MOST_IN_SPANS: f64 = 0.5;
const MOST_CUT: f64 = 0.25;

/// Rows that are read piece by piece, whatever their share is.
const FEW_ROWS: f64 = 2000.0;

/// Reads all cells of the series that are accepted.
///
/// `accept` is asked once for each series. `each` is told what a cell of a series holds: the series is numbered in the order of
/// acceptance, the cell by its place. One cell may be told in parts, in any order; none has no rows. After a refusal what was told is
/// worth nothing.
pub fn read(
    question: CellQuestion,
    accept: impl FnMut(&[u8]) -> bool,
    each: impl FnMut(usize, usize, &Contents),
) -> Result<Counts, Refused> {
    let CellQuestion { seen, cells, values, is_of_table, user, worth } = question;
    let Seen { tree, tables, series, .. } = seen;
    if rights::rows_are_hidden_from(tree.base, user) {
        return Err(Refused::RowSecurity);
    }
    if is_of_table && archived_leaves(tree).into_iter().any(|leaves| touches(tree, cells, leaves)) {
        return Err(Refused::Archived);
    }
    let stored = seen.stored();
    let division = Division::of(tree, cells, seen.spans.clone(), stored);
    if division.length_in_spans() > MOST_IN_SPANS * division.length() {
        return Err(Refused::ToBeCompacted);
    }
    let cut = division.length_cut();
    if cut > MOST_CUT * division.length() && rows(seen, cut) > FEW_ROWS {
        return Err(Refused::Wide);
    }
    if worth.is_finite() {
        let estimate = seen.estimate();
        let named = series.map(|series| series.len() as f64);
        let scope = Scope { named, chosen: 1.0, route: route(tree, &estimate) };
        if forecast(tree, &division, &estimate, stored, scope) > worth {
            return Err(Refused::Laborious);
        }
    }
    let mut sweep = Sweep::new(seen, &division, values, accept, each);
    sweep.run()?;
    sweep.read_rows()?;
    let counts = sweep.counts;
    // A partition that is truncated at the same time would take rows from an answer whose nodes still count them.
    spans(tables, tree.id)?;
    Ok(counts)
}

/// Whether cells have positions of neighbouring leaves.
fn touches(tree: &Tree, cells: &[Range], (first, last): (i64, i64)) -> bool {
    let (first, last) = (tree.leaves.first(first), tree.leaves.last(last));
    let place = cells.partition_point(|cell| cell.last < first);
    cells[place..].iter().find(|cell| !cell.is_empty()).is_some_and(|cell| cell.first <= last)
}

/// Estimates the rows of the series that are asked for in a range of this length.
fn rows(seen: &Seen, length: f64) -> f64 {
    let Estimate { series: all, rows, .. } = seen.estimate();
    let of_series = seen.series.map_or(1.0, |series| series.len() as f64 / all.max(1) as f64);
    let Some(stored) = seen.stored() else { return 0.0 };
    rows as f64 * of_series.min(1.0) * length / division::length(std::iter::once(stored))
}

/// Returns the trees of a table that are kept in step. Of a table without triggers of trees nothing is looked up.
pub fn trees_of(base: Oid) -> Vec<Rc<Tree>> {
    if !has_triggers(base) || !triggers::may_have_trees(base) {
        return Vec::new();
    }
    let Some((_, definitions)) = known_trees() else { return Vec::new() };
    let of_table = definitions.iter().filter(|definition| definition.base == base);
    of_table.filter_map(|definition| Tree::usable(definition.id)).collect()
}

/// Returns the number and the name of each tree of a table that is not kept in step.
pub fn idle_trees_of(base: Oid) -> Vec<(i32, String)> {
    let Some((_, definitions)) = known_trees() else { return Vec::new() };
    let of_table = definitions.iter().filter(|definition| definition.base == base);
    of_table
        .filter(|definition| Tree::usable(definition.id).is_none())
        .map(|definition| (definition.id, definition.name.clone()))
        .collect()
}

/// Whether a query of this extension is being planned or run.
pub fn inside() -> bool {
    spi::is_inside()
}

/// Returns the table that changes when trees come or go.
pub fn definitions() -> Oid {
    Tables::known().map_or(Oid::INVALID, |tables| tables.definition)
}
