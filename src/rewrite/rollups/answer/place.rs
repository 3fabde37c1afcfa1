//! Places, between which something may differ: series, cells, or both.

use super::row::{Columns, Expression, PlaceRow};
use crate::pg::memory;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::Datum;
use rustc_hash::FxBuildHasher;
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
    by_both: HashMap<Place, T, FxBuildHasher>,
}

impl<T: Copy> Known<T> {
    pub fn new(shape: Shape) -> Known<T> {
        Known { shape, by_one: Vec::new(), by_both: HashMap::default() }
    }

    /// The fact about a place; None if nobody has asked yet.
    pub fn get(&self, place: Place) -> Option<T> {
        match self.number(place) {
            Some(number) => self.by_one.get(number).copied().flatten(),
            None => self.by_both.get(&place).copied(),
        }
    }

    /// The number of what a fact depends on; None if it is both the series and the cell.
    fn number(&self, place: Place) -> Option<usize> {
        match (self.shape.series, self.shape.depends_on_time()) {
            (true, true) => None,
            (true, false) => Some(place.series),
            (false, true) => Some(place.cell),
            (false, false) => Some(0),
        }
    }

    pub fn at(&mut self, place: Place, find: impl FnOnce() -> T) -> T {
        if let Some(known) = self.get(place) {
            return known;
        }
        let found = find();
        let Some(number) = self.number(place) else {
            memory::room(&mut self.by_both, 1);
            self.by_both.insert(place, found);
            return found;
        };
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
