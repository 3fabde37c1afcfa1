//! Places, between which something may differ: series, cells, or both.

use super::row::{Columns, Expression, PlaceRow};
use crate::pg::memory;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::Datum;
use std::collections::HashMap;

/// A series in a cell, both by their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub series: usize,
    pub cell: usize,
}

/// The places of an answer, and the row on which expressions are evaluated there.
pub struct Places<'a> {
    pub tree: &'a Tree,
    pub row: PlaceRow,
    pub columns: &'a Columns,
    pub cells: &'a [Range],
    /// The values of all series that were accepted.
    pub series: Vec<Vec<Datum>>,
}

impl Places<'_> {
    /// Puts a place into the row.
    pub fn set(&self, place: Place) {
        self.columns.set_series(self.row, &self.series[place.series]);
        self.columns.set_position(self.row, self.tree, self.cells[place.cell].first);
    }
}

/// Facts about places, found out at the first question about each.
///
/// What depends on the series alone is found out once for each series, and what depends on time alone once for each cell.
pub struct Known<T> {
    shape: Shape,
    by_one: Vec<Option<T>>,
    by_both: HashMap<Place, T>,
}

impl<T: Copy> Known<T> {
    pub fn new(shape: Shape) -> Known<T> {
        Known { shape, by_one: Vec::new(), by_both: HashMap::new() }
    }

    pub fn at(&mut self, place: Place, find: impl FnOnce() -> T) -> T {
        let number = match (self.shape.series, self.shape.depends_on_time()) {
            (true, true) => {
                if let Some(&known) = self.by_both.get(&place) {
                    return known;
                }
                let found = find();
                memory::room(&mut self.by_both, 1);
                self.by_both.insert(place, found);
                return found;
            }
            (true, false) => place.series,
            (false, true) => place.cell,
            (false, false) => 0,
        };
        if let Some(known) = self.by_one.get(number).copied().flatten() {
            return known;
        }
        let found = find();
        if self.by_one.len() <= number {
            let more = number + 1 - self.by_one.len();
            memory::room(&mut self.by_one, more);
            self.by_one.resize(number + 1, None);
        }
        self.by_one[number] = Some(found);
        found
    }
}

/// A condition, evaluated only where there are rows.
pub struct PlaceCondition {
    expression: Expression,
    known: Known<bool>,
}

impl PlaceCondition {
    pub fn new(expression: Expression, shape: Shape) -> PlaceCondition {
        PlaceCondition { expression, known: Known::new(shape) }
    }

    pub fn holds(&mut self, places: &Places, place: Place) -> bool {
        let expression = self.expression;
        self.known.at(place, || {
            places.set(place);
            expression.holds(places.row)
        })
    }
}
