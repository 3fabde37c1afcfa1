//! The answer: the groups and their results.

mod keys;
mod measure;
mod place;
pub mod prepared;
pub mod row;
pub mod sets;
mod slices;
mod sums;
pub mod wanting;
mod zones;

use crate::powertree::cells::{self, Counts};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::settings::{self, Answering};
use keys::Group;
use pgrx::pg_sys::{self, Datum, MemoryContext};
use place::{Place, Places};
use prepared::Prepared;
use std::rc::Rc;
use sums::Sums;
use wanting::Wanting;

/// The groups and their results, in memory of its own.
pub struct Answer {
    tree: Rc<Tree>,
    cells: Vec<Range>,
    series: Vec<Vec<Datum>>,
    groups: Vec<Group>,
    /// All results of the first group, then those of the second, and so on.
    results: Vec<Option<Datum>>,
    pub counts: Counts,
}

impl Answer {
    /// Puts a group and its results into the row, the results from this column on; false after the last group.
    pub fn show(&self, prepared: &Prepared, group: usize, first: usize) -> bool {
        let Some(&Group { set, place }) = self.groups.get(group) else { return false };
        let row = prepared.row;
        if let Some(place) = place {
            prepared.columns.set_series(row, &self.series[place.series]);
            prepared.columns.set_position(row, &self.tree, self.cells[place.cell].first);
        }
        prepared.sets.show(set, prepared.keys.iter().map(|&(key, ..)| key), row);
        let count = prepared.aggregates.len();
        let results = &self.results[group * count..][..count];
        results.iter().enumerate().for_each(|(place, &result)| row.set(first + place, result));
        true
    }

    pub fn cells(&self) -> usize {
        self.cells.len()
    }
}

impl Prepared {
    /// Finds the answer, kept in the memory context, or why the table must give it.
    pub fn answer(&self, context: MemoryContext) -> Result<Answer, Reason> {
        self.check_setting()?;
        let tree = Tree::usable(self.tree).ok_or(Reason::Gone)?;
        // SAFETY: the context is one of the node, and PostgreSQL itself puts the current one right after an error.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(context);
            let answer = self.read(tree, context);
            pg_sys::MemoryContextSwitchTo(before);
            answer
        }
    }

    /// Asks whether the setting, which may have changed since the query was planned, still lets the tree answer.
    fn check_setting(&self) -> Result<(), Reason> {
        match settings::answer_from_trees() {
            Answering::Off => Err(Reason::Off),
            Answering::Exact if !self.aggregates.iter().all(Wanting::is_exact) => {
                Err(Reason::Inexact("an aggregate".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Reads the cells and sums them up.
    fn read(&self, tree: Rc<Tree>, context: MemoryContext) -> Result<Answer, Reason> {
        let named = self.named(&tree);
        let cells = self.cells(&tree, named.as_ref().map(Vec::len))?;
        let places =
            Places { tree: &tree, row: self.row, columns: &self.columns, cells: &cells, series: Vec::new() };
        let mut sums = Sums::new(self, places, context);
        let question = cells::CellQuestion {
            tree: tree.clone(),
            cells: &cells,
            series: named.as_deref(),
            user: self.user,
        };
        // The callbacks of one reading take turns.
        let taken = std::cell::RefCell::new(&mut sums);
        let counts = cells::read(
            question,
            |key| taken.borrow_mut().accept(key),
            |series, cell, contents| taken.borrow_mut().add(Place { series, cell }, contents),
        )?;
        let results = sums.results()?;
        let (series, groups) = sums.into_groups();
        Ok(Answer { tree, cells, series, groups, results, counts })
    }
}
