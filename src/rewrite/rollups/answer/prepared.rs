//! A question, as the node has prepared it for its expressions to be evaluated.

use super::columns::Columns;
use super::ends::WantedEnds;
use super::joined::{Joined, PreparedDimension};
use super::limits::memory;
use super::sets::Sets;
use super::slices::{length, Slices};
use super::value_conditions::ValueConditions;
use super::wanting::{Origin, Wanting};
use super::worth::Worth;
use super::zones;
use crate::pg::execution::scan_row::{Expression, ScanRow};
use crate::pg::values::value::LentValue;
use crate::powertree::cells::{self, Seen};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::question::lookup::LookupSource;
use crate::rewrite::rollups::question::operand::Operand;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::Oid;
use std::rc::Rc;
use tally_stats::tree::{Chosen, Limit};

/// Cells are worth it up to this many, and beyond up to half of the rows.
const CELLS: usize = 10_000;
/// Bytes that a cell takes while it is made.
const CELL: usize = 64;
/// Series that are looked up at most.
const LOOKUPS: usize = 10_000;
/// The work that is in a cell, however few rows it has, and the part of it that is done when it is cut out: then the rest decides.
const WORK_OF_CELL: f64 = 10.0;
const WORK_OF_CUT: f64 = 5.0;

/// A question, ready to be evaluated.
pub struct Prepared {
    pub tree: i32,
    pub user: Oid,
    pub row: ScanRow,
    pub columns: Rc<Columns>,
    /// Conditions on values.
    pub value_conditions: ValueConditions,
    pub dimensions: Vec<PreparedDimension>,
    pub conditions: Vec<(Expression, Shape)>,
    /// Conditions that only compare positions.
    pub ranges: Vec<Expression>,
    pub comparisons: Vec<Expression>,
    pub carriers: Vec<Expression>,
    pub zones: Vec<Expression>,
    pub in_session_zone: bool,
    pub days: Vec<i32>,
    /// The work that the answer is worth.
    pub worth: Worth,
    /// Whether something fails where it has more than 31 bits.
    pub narrows: bool,
    /// The values that the columns of the series are equal to; empty unless all are.
    pub lookups: Vec<(Expression, LookupSource)>,
    /// Expression, shape, equality and collation.
    pub keys: Vec<(Expression, Shape, Oid, Oid)>,
    pub sets: Sets,
    pub filters: Vec<(Expression, Shape)>,
    pub operands: Vec<Operand>,
    /// The expressions of operands.
    pub arguments: Vec<(Expression, Shape)>,
    pub aggregates: Vec<Wanting>,
    pub ends: WantedEnds,
    /// The first column of the scan with a result of an aggregate.
    pub first_result: usize,
}

impl Prepared {
    /// The cells that rows of the answer can be in, and the work that the answer is worth.
    pub fn cells(&self, seen: &Seen, joined: &Joined) -> Result<(Vec<Range>, f64), Reason> {
        let tree = &seen.tree;
        let Some(bounds) = seen.bounds() else { return Ok((Vec::new(), f64::INFINITY)) };
        let mut zones = Vec::new();
        if self.in_session_zone {
            zones.push(zones::of_session());
        }
        for zone in &self.zones {
            let name = zone.text();
            zones.push(zones::named(&name.unwrap_or_default())?);
        }
        let slices = Slices {
            tree,
            row: self.row,
            columns: &self.columns,
            comparisons: &self.comparisons,
            carriers: &self.carriers,
            ranges: &self.ranges,
            zones: &zones,
            days: &self.days,
            narrows: self.narrows,
        };
        let estimate = seen.estimate();
        let most = CELLS.max(estimate.rows as usize / 2).min(memory() / CELL);
        let share_of = |named: &[Vec<u8>]| (named.len() as f64 / estimate.series.max(1) as f64).min(1.0);
        let series = seen.series.map_or(1.0, share_of);
        let worth = |share: f64| self.worth.of_rows(estimate.rows as f64 * series * share);
        let cells_worth = |work: f64| (worth(1.0) / work) as usize;
        let cuttable = cells_worth(WORK_OF_CUT);
        let limit = Limit::of_worth(most.min(cuttable), cells_worth(WORK_OF_CELL));
        let cut = || {
            let found = slices.cut(bounds, limit)?;
            joined.cut(&self.dimensions, found, limit, &self.columns, (tree, self.row))
        };
        let found = cut().map_err(|reason| match reason {
            Reason::ManyCells if cells_worth(WORK_OF_CELL) < most => Reason::Cost,
            other => other,
        })?;
        let worth = worth(share(bounds, &found));
        Ok((found, worth))
    }

    /// The values of the tree whose tallies the answer is made of.
    pub fn values(&self) -> Chosen {
        let of_aggregates = self.aggregates.iter().filter_map(|wanting| match wanting.of {
            Origin::Value(value, _) | Origin::Missing(value) => Some(value),
            _ => None,
        });
        let of_operands = self.operands.iter().flat_map(Operand::values);
        let of_conditions = self.value_conditions.all.iter().map(|condition| condition.value);
        of_aggregates.chain(of_operands).chain(of_conditions).collect()
    }

    /// The keys of the series that the query names; None if it does not name them, or too many to look them up.
    pub fn named(&self, tree: &Tree, joined: &Joined) -> Option<Vec<Vec<u8>>> {
        if self.lookups.is_empty() {
            return None;
        }
        let in_rows = self.lookups.iter().find_map(|(_, source)| match source {
            LookupSource::Rows(dimension) => Some(*dimension),
            _ => None,
        });
        let mut keys = Vec::new();
        match in_rows {
            None => self.add_keys(tree, &mut keys)?,
            // Most of the series are found sooner by going through all of them.
            Some(dimension) if joined.num_rows(dimension) > cells::estimate(tree).series as usize / 4 + 1 => {
                return None
            }
            Some(dimension) => {
                for row in 0..joined.num_rows(dimension) {
                    joined.set_one(self.row, dimension, row);
                    self.add_keys(tree, &mut keys)?;
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    }

    /// Adds the keys of all combinations of the values that the columns are equal to; None if there are too many.
    fn add_keys(&self, tree: &Tree, all: &mut Vec<Vec<u8>>) -> Option<()> {
        let mut keys = vec![Vec::new()];
        for (column, &(expression, source)) in tree.series.iter().zip(&self.lookups) {
            // The values are of the column's type, perhaps by another name, as the planner has checked.
            let encoded = expression.read(|value| {
                let is_array = source == LookupSource::Array;
                let values = if is_array { value.members() } else { vec![value] };
                let encoded = |value: LentValue| {
                    let mut bytes = Vec::new();
                    column.encode(value.stored(), &mut bytes);
                    bytes
                };
                values.into_iter().take(LOOKUPS + 1).map(encoded).collect::<Vec<_>>()
            });
            let encoded = encoded.unwrap_or_default();
            if keys.len() * encoded.len() > LOOKUPS {
                return None;
            }
            let longer =
                keys.iter().flat_map(|key| encoded.iter().map(move |value| [&key[..], value].concat()));
            keys = longer.collect();
        }
        all.append(&mut keys);
        (all.len() <= LOOKUPS).then_some(())
    }
}

/// The share of the positions that are in cells.
fn share(bounds: Range, cells: &[Range]) -> f64 {
    length(cells) / length(&[bounds])
}
