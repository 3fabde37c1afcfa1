//! The sums of the groups, and the results of the aggregates.

use super::keys::{Group, GroupKey, Groups};
use super::measure::{self, GroupMeasure, Ingredients};
use super::place::{Place, PlaceCondition, Places};
use super::prepared::{memory as most_memory, Prepared};
use super::row::Expression;
use super::wanting::{Origin, Wanting};
use crate::pg::memory::{self, collect};
use crate::powertree::model::key::decode;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::results::{self, Statistic};
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, Datum, MemoryContext};
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

/// Bytes that are remembered of a series beside its values.
const SERIES: usize = 100;

/// The sums of the groups, one for each filter and one without.
pub struct Sums<'a> {
    prepared: &'a Prepared,
    places: Places<'a>,
    groups: Groups,
    /// Conditions of the series alone, and the others.
    of_series: Vec<Expression>,
    conditions: Vec<PlaceCondition>,
    filters: Vec<PlaceCondition>,
    /// The values that aggregates are about, by their place in the tree.
    values: Vec<usize>,
    extents: Vec<Extent>,
    tallies: Vec<Tally>,
    measures: Vec<Gathered>,
    is_too_large: bool,
    context: MemoryContext,
}

/// The measure of an aggregate of an operand.
struct Gathered {
    /// The place of the aggregate among all.
    aggregate: usize,
    filter: Option<usize>,
    measure: Box<dyn GroupMeasure>,
}

impl<'a> Sums<'a> {
    pub fn new(prepared: &'a Prepared, places: Places<'a>, context: MemoryContext) -> Sums<'a> {
        let key = |&place: &usize| {
            let (expression, shape, equality, collation) = prepared.keys[place];
            // SAFETY: the planner has found the operator for the key.
            unsafe { GroupKey::new(expression, shape, equality, collation, context) }
        };
        let sets = prepared.sets.all.iter().map(|set| set.iter().map(key).collect());
        let groups = Groups::new(sets, context);
        let all = prepared.conditions.iter();
        let (of_series, others): (Vec<_>, Vec<_>) = all.partition(|(_, shape)| !shape.depends_on_time());
        let conditions = |all: &[(Expression, Shape)]| {
            all.iter().map(|&(expression, shape)| PlaceCondition::new(expression, shape)).collect::<Vec<_>>()
        };
        let value = |one: &Wanting| if let Origin::Value(value, _) = one.of { Some(value) } else { None };
        let mut values: Vec<usize> = prepared.aggregates.iter().filter_map(value).collect();
        values.sort_unstable();
        values.dedup();
        let measures = prepared.aggregates.iter().enumerate().filter_map(|(aggregate, one)| {
            let Origin::Operand(operand, way, collation) = one.of else { return None };
            let ingredients =
                Ingredients { tree: places.tree, arguments: &prepared.arguments, collation, context };
            let measure = measure::new(way, prepared.operands.get(operand)?, &ingredients);
            Some(Gathered { aggregate, filter: one.filter, measure })
        });
        let measures = collect(measures);
        Sums {
            prepared,
            places,
            groups,
            of_series: of_series.into_iter().map(|&(expression, _)| expression).collect(),
            conditions: conditions(&others.into_iter().copied().collect::<Vec<_>>()),
            filters: conditions(&prepared.filters),
            values,
            extents: Vec::new(),
            tallies: Vec::new(),
            measures,
            is_too_large: false,
            context,
        }
    }

    /// Whether a series fulfils the conditions.
    pub fn accept(&mut self, key: &[u8]) -> bool {
        let series = &self.places.tree.series;
        // The reader may be in memory of its own, which goes before the answer does.
        // SAFETY: the context is that of the answer.
        let values: Vec<Datum> = unsafe {
            PgMemoryContexts::For(self.context)
                .switch_to(|_| decode(series, key).into_iter().map(|value| value.datum()).collect())
        };
        self.places.columns.set_series(self.places.row, &values);
        if !self.of_series.iter().all(|condition| condition.holds(self.places.row)) {
            return false;
        }
        memory::room(&mut self.places.series, 1);
        self.places.series.push(values);
        if self.places.series.len().is_multiple_of(1024) {
            self.is_too_large |= self.bytes() > most_memory();
        }
        !self.is_too_large
    }

    /// Adds what a cell of a series holds.
    pub fn add(&mut self, place: Place, contents: &Contents) {
        let Sums { places, conditions, .. } = self;
        if self.is_too_large || !conditions.iter_mut().all(|condition| condition.holds(places, place)) {
            return;
        }
        for set in 0..self.groups.num_sets() {
            let group = self.groups.number(set, &self.places, place);
            self.make_room(group);
            self.merge(group, None, place, contents);
            for filter in 0..self.filters.len() {
                if self.filters[filter].holds(&self.places, place) {
                    self.merge(group, Some(filter), place, contents);
                }
            }
        }
    }

    /// Adds to what is summed up under one filter, or without any.
    fn merge(&mut self, group: usize, filter: Option<usize>, place: Place, contents: &Contents) {
        for gathered in self.measures.iter_mut().filter(|gathered| gathered.filter == filter) {
            gathered.measure.add(group, &self.places, place, contents);
        }
        let sum = self.sum(group, filter);
        self.extents[sum].merge(&contents.extent);
        let tallies = &mut self.tallies[sum * self.values.len()..];
        for (tally, &value) in tallies.iter_mut().zip(&self.values) {
            tally.merge(&contents.tallies[value]);
        }
    }

    /// The place of the sums of a group under one filter, or without any.
    fn sum(&self, group: usize, filter: Option<usize>) -> usize {
        group * (self.filters.len() + 1) + filter.map_or(0, |filter| filter + 1)
    }

    /// Makes room for the sums of a group.
    fn make_room(&mut self, group: usize) {
        let sums = (group + 1) * (self.filters.len() + 1);
        let more = sums.saturating_sub(self.extents.len());
        if more == 0 {
            return;
        }
        let values = self.values.len();
        memory::room(&mut self.extents, more);
        self.extents.resize(sums, Extent::EMPTY);
        memory::room(&mut self.tallies, more * values);
        self.tallies.resize(sums * values, Tally::EMPTY);
        self.measures.iter_mut().for_each(|gathered| gathered.measure.make_room(group));
        self.is_too_large |= self.bytes() > most_memory();
    }

    /// The bytes in use.
    fn bytes(&self) -> usize {
        // SAFETY: the context is that of the answer.
        let kept = unsafe { pg_sys::MemoryContextMemAllocated(self.context, true) };
        let measured: usize = self.measures.iter().map(|gathered| gathered.measure.memory()).sum();
        let sums = self.extents.len() * size_of::<Extent>() + self.tallies.len() * size_of::<Tally>();
        kept + measured + sums + self.places.series.len() * SERIES
    }

    /// Returns the results of all groups.
    pub fn results(&mut self) -> Result<Vec<Option<Datum>>, Reason> {
        self.groups.complete();
        let groups = self.groups.all.len();
        groups.checked_sub(1).into_iter().for_each(|last| self.make_room(last));
        if self.is_too_large {
            return Err(Reason::Memory);
        }
        let aggregates = &self.prepared.aggregates;
        let mut all = Vec::new();
        memory::room(&mut all, groups * aggregates.len());
        for group in 0..groups {
            memory::check();
            for (number, &Wanting { of, filter }) in aggregates.iter().enumerate() {
                let sum = self.sum(group, filter);
                let extent = &self.extents[sum];
                let result = match of {
                    Origin::Rows => Ok(Some(Datum::from(extent.rows))),
                    Origin::Positions(_) if extent.rows == 0 => Ok(None),
                    Origin::Positions(statistic) => {
                        let position = if statistic == Statistic::Min { extent.first } else { extent.last };
                        Ok(Some(self.places.tree.position.to_datum(position)))
                    }
                    Origin::Value(value, wanted) => {
                        let place = self.values.iter().position(|&known| known == value).unwrap_or_default();
                        let tally = self.tallies[sum * self.values.len() + place].renormalized();
                        results::value(&wanted, extent.rows, &tally)
                    }
                    Origin::Operand(..) => {
                        let gathered = self.measures.iter().find(|gathered| gathered.aggregate == number);
                        gathered.map_or(Ok(None), |gathered| gathered.measure.result(group))
                    }
                };
                all.push(result?);
            }
        }
        Ok(all)
    }

    /// Returns the series and the groups.
    pub fn into_groups(self) -> (Vec<Vec<Datum>>, Vec<Group>) {
        (self.places.series, self.groups.all)
    }
}
