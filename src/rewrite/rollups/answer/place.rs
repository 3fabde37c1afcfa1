//! Places, between which something may differ: series, cells, joined rows, or several of these.

use super::columns::Columns;
use super::joined::Joined;
use crate::pg::execution::scan_row::{Expression, ScanRow};
use crate::pg::memory::heap;
use crate::pg::values::value::Value;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::shape::Shape;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::rc::Rc;
use tally_stats::tree::Contents;

/// A series in a cell, with rows that are joined with those of the table, all by their number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub series: usize,
    pub cell: usize,
    pub joined: usize,
}

/// The places of an answer, and the row on which expressions are evaluated there.
pub struct Places {
    pub tree: Rc<Tree>,
    pub row: ScanRow,
    pub columns: Rc<Columns>,
    pub cells: Rc<[Range]>,
    /// The values of all series that were accepted.
    pub series: Vec<Vec<Value>>,
    pub joined: Joined,
}

impl Places {
    /// Puts a place into the row.
    pub fn set(&self, place: Place) {
        self.set_own(place);
        self.joined.set(self.row, place.joined);
    }

    /// Puts the series and the position of a place into the row; NULLs for those after the last.
    pub fn set_own(&self, place: Place) {
        self.columns.set_series(self.row, self.series.get(place.series).map(Vec::as_slice));
        let position = self.cells.get(place.cell).map(|cell| cell.first);
        self.columns.set_position(self.row, &self.tree, position);
    }

    /// The place of joined rows that match no row of the table.
    pub fn without_row(&self, joined: usize) -> Place {
        Place { series: self.series.len(), cell: self.cells.len(), joined }
    }
}

/// The contents of joined rows that match no row of the table: a row of NULLs, at no position.
pub fn row_of_nulls(values: usize) -> Contents {
    let mut contents = Contents::empty(values);
    contents.extent.rows = 1;
    contents
}

/// Facts about places, found out at the first question about each.
///
/// What depends on the series alone is found out once for each series, what depends on time alone once for each cell, and so on.
pub struct Known<T> {
    shape: Shape,
    by_one: Vec<Option<T>>,
    by_several: HashMap<Place, T, FxBuildHasher>,
}

impl<T: Copy> Known<T> {
    pub fn new(shape: Shape) -> Known<T> {
        Known { shape, by_one: Vec::new(), by_several: HashMap::default() }
    }

    /// The fact about a place; None if nobody has asked yet.
    pub fn get(&self, place: Place) -> Option<T> {
        match self.number(place) {
            Some(number) => self.by_one.get(number).copied().flatten(),
            None => self.by_several.get(&self.part(place)).copied(),
        }
    }

    pub fn at(&mut self, place: Place, find: impl FnOnce() -> T) -> T {
        if let Some(known) = self.get(place) {
            return known;
        }
        let found = find();
        let Some(number) = self.number(place) else {
            heap::room(&mut self.by_several, 1);
            self.by_several.insert(self.part(place), found);
            return found;
        };
        if self.by_one.len() <= number {
            let more = number + 1 - self.by_one.len();
            heap::room(&mut self.by_one, more);
            self.by_one.resize(number + 1, None);
        }
        self.by_one[number] = Some(found);
        found
    }

    /// Forgets what was found out at a place.
    pub fn forget(&mut self, place: Place) {
        if let Some(known) = self.number(place).and_then(|number| self.by_one.get_mut(number)) {
            *known = None;
        }
        self.by_several.remove(&self.part(place));
    }

    /// The number of the only part of a place that matters; None if several do.
    fn number(&self, place: Place) -> Option<usize> {
        match (self.shape.series, self.shape.depends_on_time(), self.shape.joined) {
            (false, false, false) => Some(0),
            (true, false, false) => Some(place.series),
            (false, true, false) => Some(place.cell),
            (false, false, true) => Some(place.joined),
            _ => None,
        }
    }

    /// The parts of a place that matter.
    fn part(&self, place: Place) -> Place {
        Place {
            series: if self.shape.series { place.series } else { 0 },
            cell: if self.shape.depends_on_time() { place.cell } else { 0 },
            joined: if self.shape.joined { place.joined } else { 0 },
        }
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
            expression.holds()
        })
    }
}
