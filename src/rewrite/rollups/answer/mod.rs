//! The answer: the groups and their results.

pub mod columns;
mod end_rows;
pub mod ends;
pub mod joined;
mod keys;
mod limits;
mod matching;
mod measure;
mod numbers;
mod place;
pub mod prepared;
mod reading;
pub mod sets;
mod slices;
mod spill;
mod sums;
pub mod value_conditions;
pub mod wanting;
pub mod worth;
mod zones;

use crate::pg::execution::stored_rows::StoredRows;
use crate::pg::memory::region::Region;
use crate::pg::values::value::Value;
use crate::powertree::cells::{self, Counts, Seen};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::settings::{self, Answering};
use joined::Joined;
use keys::{Group, Groups};
use matching::Matching;
use place::{Place, Places};
use prepared::Prepared;
use reading::{FoundGroups, GroupReading};
use std::rc::Rc;
use wanting::Wanting;

/// The groups and their results, in memory of its own.
pub struct Answer {
    found: FoundGroups,
    pub counts: Counts,
}

impl Answer {
    /// Puts a group and its results into the row; false after the last group. They are asked for in their order.
    pub fn show(&self, prepared: &Prepared, number: usize) -> bool {
        let FoundGroups { stored, groups, results, ends, places, .. } = &self.found;
        let row = prepared.row;
        let in_memory = match stored {
            Some(rows) if number < rows.count => {
                rows.show(row);
                return true;
            }
            Some(rows) => number - rows.count,
            None => number,
        };
        let Some(group) = groups.all.get(in_memory) else { return false };
        prepared.show(group, groups, places);
        let count = prepared.aggregates.len();
        let results = results[in_memory * count..].iter().take(count);
        // SAFETY: the last columns of the scan are the aggregates, of whose types their results are.
        results
            .enumerate()
            .for_each(|(place, &result)| unsafe { row.set_datum(prepared.first_result + place, result) });
        prepared.show_ends(in_memory, ends);
        true
    }

    /// Goes back to the first group.
    pub fn rewind(&self) {
        self.found.stored.iter().for_each(StoredRows::rewind);
    }

    /// Frees what is on disk.
    pub fn end(self) {
        self.found.stored.into_iter().for_each(StoredRows::end);
    }

    pub fn cells(&self) -> usize {
        self.found.places.cells.len()
    }

    /// The number of times that groups were summed up, since they did not fit into memory together.
    pub fn batches(&self) -> usize {
        self.found.batches
    }
}

impl Prepared {
    /// Puts a group into the row, without its results.
    fn show(&self, group: &Group, groups: &Groups, places: &Places) {
        if let Some(place) = group.place {
            places.set(place);
        }
        self.sets.show(group.set, self.row, |key| groups.value(group, key));
    }

    /// Puts the values of rows at the ends of a group into the row.
    fn show_ends(&self, group: usize, ends: &[Option<Value>]) {
        let wanted = &self.ends.values;
        let ends = &ends[group * wanted.len()..];
        wanted.iter().zip(ends).for_each(|(value, &result)| self.row.set(value.column, result));
    }

    /// Finds the answer, kept in the memory context, or why the table must give it.
    pub fn answer(&self, context: Region) -> Result<Answer, Reason> {
        self.check_setting()?;
        let tree = Tree::usable(self.tree).ok_or(Reason::Gone)?;
        context.within(|| self.read(tree, context))
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
    fn read(&self, tree: Rc<Tree>, context: Region) -> Result<Answer, Reason> {
        let joined = Joined::read(&self.dimensions, context)?;
        let named = self.named(&tree, &joined);
        let seen = Seen::of(tree.clone(), named.as_deref())?;
        let (cells, worth) = self.cells(&seen, &joined)?;
        let cells: Rc<[Range]> = cells.into();
        let mut places =
            Places { tree, row: self.row, columns: self.columns.clone(), cells, series: Vec::new(), joined };
        if !self.dimensions.is_empty() {
            places.cells = Matching::new(&self.dimensions, &places).cells(&places).into();
        }
        let cells = places.cells.clone();
        let mut reading = GroupReading::new(self, places, context);
        let question = cells::CellQuestion {
            seen: &seen,
            cells: &cells,
            values: self.values(),
            is_of_table: true,
            user: self.user,
            worth,
        };
        // The callbacks of one reading take turns.
        let taken = std::cell::RefCell::new(&mut reading);
        let mut counts = cells::read(
            question,
            |key| taken.borrow_mut().accept(key),
            |series, cell, contents| taken.borrow_mut().add(Place { series, cell, joined: 0 }, contents),
        )?;
        reading.add_unmatched();
        let found = reading.finish()?;
        counts.rows_read += found.looked_up as u64;
        Ok(Answer { found, counts })
    }
}
