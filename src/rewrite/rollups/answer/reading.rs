//! The reading of cells into groups. Groups for which there is no memory are spilled, and summed up once the others are complete.

use super::ends::EndSpots;
use super::keys::{GroupKey, GroupNumber, Groups};
use super::limits::memory as most_memory;
use super::matching::Matching;
use super::place::{row_of_nulls, Place, PlaceCondition, Places};
use super::prepared::Prepared;
use super::spill::{Spill, Spilled};
use super::sums::Sums;
use crate::pg::execution::scan_row::Expression;
use crate::pg::execution::stored_rows::StoredRows;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::values::value::Value;
use crate::powertree::model::key::stored;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::check_for_interrupts;
use pgrx::pg_sys::Datum;
use tally_stats::tree::Contents;

/// Bytes that are remembered of a series beside its values.
const SERIES: usize = 100;
/// Cells that are told between two looks at the memory in use.
const OFTEN: u64 = 256;

/// A reading, and the groups that are being summed up.
pub struct GroupReading<'a> {
    prepared: &'a Prepared,
    places: Places,
    matching: Matching<'a>,
    /// The joined rows of a place, while it is added.
    joined: Vec<usize>,
    /// Conditions of the series alone, and the others.
    of_series: Vec<Expression>,
    conditions: Vec<PlaceCondition>,
    filters: Vec<PlaceCondition>,
    groups: Groups,
    sums: Sums,
    ends: EndSpots<'a>,
    spill: Spill,
    /// Whether there is no memory for another group.
    is_full: bool,
    /// Whether there is not even memory for what groups are told from.
    is_too_large: bool,
    /// The reason why the tree cannot answer, which the reading has come upon.
    failed: Option<Reason>,
    told: u64,
    context: Region,
    /// The memory of what is spilled and stored, below the other.
    apart: Region,
}

/// The findings of a reading.
pub struct FoundGroups {
    /// Rows of the groups that had to make room for others.
    pub stored: Option<StoredRows>,
    /// The number of times that groups were summed up.
    pub batches: usize,
    /// Rows at ends of groups that were looked up.
    pub looked_up: usize,
    /// The last groups, and their results.
    pub groups: Groups,
    pub results: Vec<Option<Datum>>,
    /// The values of rows at the ends of these groups.
    pub ends: Vec<Option<Value>>,
    pub places: Places,
}

impl<'a> GroupReading<'a> {
    pub fn new(prepared: &'a Prepared, places: Places, context: Region) -> GroupReading<'a> {
        let key = |&place: &usize| {
            let (expression, shape, equality, collation) = prepared.keys[place];
            GroupKey::new(expression, shape, equality, collation, context)
        };
        let sets = prepared.sets.all.iter().map(|set| set.iter().map(key).collect());
        let groups = Groups::new(sets, context);
        let all = prepared.conditions.iter();
        let (of_series, others): (Vec<_>, Vec<_>) = all.partition(|(_, shape)| shape.is_of_series_alone());
        let condition = |&(expression, shape): &(Expression, Shape)| PlaceCondition::new(expression, shape);
        let sums = Sums::new(prepared, &places.tree, context);
        let apart = context.below(c"spilled groups");
        GroupReading {
            prepared,
            matching: Matching::new(&prepared.dimensions, &places),
            joined: Vec::new(),
            places,
            of_series: of_series.into_iter().map(|&(expression, _)| expression).collect(),
            conditions: others.into_iter().map(condition).collect(),
            filters: prepared.filters.iter().map(condition).collect(),
            groups,
            sums,
            ends: EndSpots::new(&prepared.ends),
            spill: Spill::new(0, apart),
            is_full: false,
            is_too_large: false,
            failed: None,
            told: 0,
            context,
            apart,
        }
    }

    /// Whether a series fulfils the conditions.
    pub fn accept(&mut self, key: &[u8]) -> bool {
        let series = &self.places.tree.series;
        // The reader may be in memory of its own, which goes before the answer does.
        let values = self.context.within(|| stored(series, key));
        self.places.columns.set_series(self.places.row, Some(&values));
        if !self.of_series.iter().all(|condition| condition.holds()) {
            return false;
        }
        heap::room(&mut self.places.series, 1);
        self.places.series.push(values);
        if !self.matching.accepts(&self.places) {
            self.places.series.pop();
            return false;
        }
        if self.places.series.len().is_multiple_of(1024) {
            self.look_at_memory();
        }
        !self.is_too_large && self.failed.is_none()
    }

    /// Adds what a cell of a series holds of the rows that are wanted.
    pub fn add(&mut self, place: Place, contents: &Contents) {
        if self.failed.is_some() {
            return;
        }
        match self.prepared.value_conditions.choose(&self.places, place, contents) {
            Ok(None) => {}
            Ok(Some(contents)) => self.add_rows(place, &contents),
            Err(reason) => self.failed = Some(reason),
        }
    }

    /// Adds rows of a cell, once for each combination of rows that are joined with it.
    fn add_rows(&mut self, place: Place, contents: &Contents) {
        if self.prepared.dimensions.is_empty() {
            return self.add_joined(place, contents);
        }
        let mut found = std::mem::take(&mut self.joined);
        self.matching.find(&mut self.places, place, &mut found);
        for &joined in &found {
            self.add_joined(Place { joined, ..place }, contents);
        }
        self.joined = found;
    }

    /// Adds the joined rows that are kept although they match no row of the table: each is a row of NULLs.
    pub fn add_unmatched(&mut self) {
        let nulls = row_of_nulls(self.places.tree.values.len());
        for joined in self.matching.unmatched() {
            let place = self.places.without_row(joined);
            for set in 0..self.groups.num_sets() {
                self.sum_up(set, place, &nulls);
            }
        }
    }

    fn add_joined(&mut self, place: Place, contents: &Contents) {
        let GroupReading { places, conditions, .. } = self;
        if self.is_too_large || !conditions.iter_mut().all(|condition| condition.holds(places, place)) {
            return;
        }
        self.matching.note(place.joined);
        for set in 0..self.groups.num_sets() {
            self.sum_up(set, place, contents);
        }
    }

    /// Adds what a cell of a series holds to its group in a grouping set.
    fn sum_up(&mut self, set: usize, place: Place, contents: &Contents) {
        self.told += 1;
        if self.told.is_multiple_of(OFTEN) {
            self.look_at_memory();
        }
        let group = match self.groups.number(set, &self.places, place, !self.is_full) {
            GroupNumber::Known(group) => group,
            GroupNumber::New(group) => {
                self.make_room(group);
                group
            }
            GroupNumber::WithoutRoom(hash) => return self.spill.add(hash, set, place, contents),
        };
        let GroupReading { sums, ends, filters, places, .. } = self;
        let mut holds = |filter: usize| filters[filter].holds(places, place);
        sums.add(group, places, place, contents, &mut holds);
        ends.add(group, place.series, &contents.extent, holds);
    }

    fn make_room(&mut self, group: usize) {
        self.sums.make_room(group);
        self.ends.make_room(group);
    }

    /// Finds out whether memory is used up.
    fn look_at_memory(&mut self) {
        let most = most_memory();
        let kept = self.context.allocated();
        let joined = self.matching.memory() + self.places.joined.memory();
        let others = kept + joined + self.places.series.len() * SERIES + self.groups.memory_of_keys();
        let groups = self.groups.memory() + self.sums.memory() + self.ends.memory();
        self.is_full |= others + groups > most;
        // What does not get less when groups are spilled.
        self.is_too_large |= others > most / 4 * 3 || others + groups > 2 * most;
    }

    /// Ends the reading: computes the results of all groups.
    pub fn finish(mut self) -> Result<FoundGroups, Reason> {
        self.groups.complete();
        self.groups.all.len().checked_sub(1).into_iter().for_each(|last| self.make_room(last));
        let mut waiting: Vec<Spilled> = self.spill.take().collect();
        let (mut stored, mut batches, mut looked_up) = (None, 1, 0);
        let mut done = self.check();
        while let (Ok(()), Some(next)) = (&done, waiting.pop()) {
            let rows = stored.get_or_insert_with(|| StoredRows::new(self.places.row, self.apart));
            done = self.store(rows).map(|count| looked_up += count);
            if done.is_ok() {
                self.begin_again(next.level + 1);
                next.read(self.places.tree.values.len(), |set, place, contents| {
                    self.sum_up(set, place, contents)
                });
                waiting.extend(self.spill.take());
                done = self.check();
                batches += 1;
            }
        }
        let found = done.and_then(|()| Ok((self.results()?, self.end_values(self.context)?)));
        match found {
            Ok((results, (ends, last))) => {
                let (groups, places, looked_up) = (self.groups, self.places, looked_up + last);
                Ok(FoundGroups { stored, batches, looked_up, groups, results, ends, places })
            }
            Err(reason) => {
                stored.into_iter().for_each(StoredRows::end);
                Err(reason)
            }
        }
    }

    fn check(&self) -> Result<(), Reason> {
        if let Some(reason) = &self.failed {
            return Err(reason.clone());
        }
        if self.is_too_large {
            Err(Reason::Memory)
        } else {
            Ok(())
        }
    }

    /// The values of rows at the ends of all groups, and how many were looked up.
    fn end_values(&self, context: Region) -> Result<(Vec<Option<Value>>, usize), Reason> {
        self.ends.values(&self.places, context, most_memory())
    }

    /// Stores the rows of all groups, and returns how many rows at their ends were looked up.
    fn store(&self, rows: &mut StoredRows) -> Result<usize, Reason> {
        let GroupReading { prepared, places, sums, .. } = self;
        let row = places.row;
        let memory = self.apart.below(c"ends of groups");
        let (ends, looked_up) = self.end_values(memory)?;
        for (number, group) in self.groups.all.iter().enumerate() {
            check_for_interrupts!();
            prepared.show(group, &self.groups, places);
            for aggregate in 0..prepared.aggregates.len() {
                // The memory of the row is emptied when the row has been copied.
                let result = row.memory().within(|| sums.result(number, aggregate))?;
                // SAFETY: the last columns of the scan are the aggregates, of whose types their results are.
                unsafe { row.set_datum(prepared.first_result + aggregate, result) };
            }
            prepared.show_ends(number, &ends);
            rows.add(row);
            row.forget();
        }
        // SAFETY: the rows have copies of the values.
        unsafe { memory.end() }
        Ok(looked_up)
    }

    /// Forgets the groups, but not what they are told from.
    fn begin_again(&mut self, level: u32) {
        self.groups.clear();
        self.sums.clear();
        self.ends.clear();
        self.spill = Spill::new(level, self.apart);
        self.is_full = false;
    }

    /// The results of all groups that are in memory.
    fn results(&self) -> Result<Vec<Option<Datum>>, Reason> {
        let (groups, aggregates) = (self.groups.all.len(), self.prepared.aggregates.len());
        let mut results = Vec::new();
        heap::room(&mut results, groups * aggregates);
        for group in 0..groups {
            heap::check();
            for aggregate in 0..aggregates {
                results.push(self.sums.result(group, aggregate)?);
            }
        }
        Ok(results)
    }
}
