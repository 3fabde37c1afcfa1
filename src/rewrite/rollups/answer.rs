//! The answer: what the tree has of each group, summed up, and the results of the aggregates.

use super::aggregate::Argument;
use super::keys::{Groups, Key};
use super::measure::{self, Gathering, Ingredients, Measure};
use super::operand::Operand;
use super::place::{Condition, Place, Places};
use super::reason::Reason;
use super::results::{self, extreme_of_positions, Statistic, Wanted};
use super::row::{Columns, Expression, Row};
use super::shape::Shape;
use super::slices::Slices;
use super::zones;
use crate::pg::memory::{self, collect};
use crate::pg::name::text;
use crate::powertree::cells::{self, Counts, Refused};
use crate::powertree::model::key::decode;
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, Datum, MemoryContext, Oid};
use std::rc::Rc;
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

/// Cells are worth it up to this many, and beyond as long as they are fewer than the leaves with rows.
const CELLS: usize = 10_000;
/// Series that are looked up at most.
const LOOKUPS: usize = 10_000;
/// Rows that are read sooner from the table.
const FEW_ROWS: f64 = 500.0;

/// A question, ready to be evaluated.
pub struct Prepared {
    pub tree: i32,
    pub user: Oid,
    pub row: Row,
    pub columns: Columns,
    pub conditions: Vec<(Expression, Shape)>,
    /// Conditions that only compare positions.
    pub ranges: Vec<Expression>,
    pub comparisons: Vec<Expression>,
    pub carriers: Vec<Expression>,
    pub zones: Vec<Expression>,
    pub in_session_zone: bool,
    pub days: Vec<i32>,
    /// Whether the planner did not know the range, and could not compare costs.
    pub is_open: bool,
    /// Whether something fails where it has more than 31 bits.
    pub narrows: bool,
    /// What the columns of the series are equal to, and whether that is an array; empty unless all are.
    pub lookups: Vec<(Expression, bool)>,
    /// Expression, shape, equality and collation.
    pub keys: Vec<(Expression, Shape, Oid, Oid)>,
    pub filters: Vec<(Expression, Shape)>,
    pub operands: Vec<Operand>,
    /// The expressions of operands.
    pub arguments: Vec<(Expression, Shape)>,
    pub aggregates: Vec<Wanting>,
}

/// An aggregate that is wanted.
#[derive(Clone, Copy)]
pub struct Wanting {
    of: Of,
    filter: Option<usize>,
}

/// What an aggregate is had from.
#[derive(Clone, Copy)]
enum Of {
    Rows,
    /// The positions of rows, of which it is an extreme.
    Positions(Statistic),
    /// The tally of the value of the tree at this place.
    Value(usize, Wanted),
    /// The operand at this place, by the collation of the aggregate.
    Operand(usize, Gathering, Oid),
}

/// The groups and their results, in memory of its own.
pub struct Answer {
    tree: Rc<Tree>,
    cells: Vec<Range>,
    series: Vec<Vec<Datum>>,
    places: Vec<Place>,
    groups: usize,
    /// Those of the first group, of the second, and so on.
    results: Vec<Option<Datum>>,
    pub counts: Counts,
}

impl Answer {
    /// Puts a group and its results into the row, the results from this column on; false after the last group.
    pub fn show(&self, prepared: &Prepared, group: usize, first: usize) -> bool {
        if group >= self.groups {
            return false;
        }
        if let Some(place) = self.places.get(group) {
            let row = prepared.row;
            prepared.columns.set_series(row, &self.series[place.series]);
            prepared.columns.set_position(row, &self.tree, self.cells[place.cell].first);
        }
        let count = prepared.aggregates.len();
        let results = &self.results[group * count..][..count];
        results.iter().enumerate().for_each(|(place, &result)| prepared.row.set(first + place, result));
        true
    }

    pub fn cells(&self) -> usize {
        self.cells.len()
    }
}

impl Prepared {
    /// Finds the answer, kept in the memory context, or why the table must give it.
    pub fn answer(&self, context: MemoryContext) -> Result<Answer, Reason> {
        let gone = || Reason::Unreadable("the tree is gone".to_owned());
        let tree = Tree::usable(self.tree).ok_or_else(gone)?;
        let cells = self.cells(&tree)?;
        // SAFETY: the context is one of the node, and PostgreSQL itself puts the current one right after an error.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(context);
            let answer = self.read(tree, cells, context);
            pg_sys::MemoryContextSwitchTo(before);
            answer
        }
    }

    /// The cells that rows of the answer can be in.
    fn cells(&self, tree: &Tree) -> Result<Vec<Range>, Reason> {
        let Some(bounds) = cells::bounds(tree).map_err(unreadable)? else { return Ok(Vec::new()) };
        let mut zones = Vec::new();
        if self.in_session_zone {
            zones.push(zones::of_session());
        }
        for zone in &self.zones {
            // SAFETY: the argument is a text.
            let name =
                zone.value().and_then(|name| unsafe { text(pg_sys::text_to_cstring(name.cast_mut_ptr())) });
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
        let estimate = cells::estimate(tree);
        let found = slices.cut(bounds, CELLS.max(estimate.leaves as usize))?;
        if self.is_open && estimate.rows as f64 * share(bounds, &found) < FEW_ROWS {
            return Err(Reason::Cost);
        }
        Ok(found)
    }

    /// The keys of the series that the query names; None if it does not name them, or too many to look them up.
    fn named(&self, tree: &Tree) -> Option<Vec<Vec<u8>>> {
        if self.lookups.is_empty() {
            return None;
        }
        let mut keys = vec![Vec::new()];
        for (column, &(expression, is_array)) in tree.series.iter().zip(&self.lookups) {
            let values = expression.values(is_array);
            if keys.len() * values.len() > LOOKUPS {
                return None;
            }
            let longer = keys.iter().flat_map(|key| {
                values.iter().map(|&value| {
                    let mut key = key.clone();
                    // SAFETY: the value is one of the column's type, as the planner has checked.
                    unsafe { column.encode(value, &mut key) }
                    key
                })
            });
            keys = longer.collect();
        }
        self.row.forget();
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    }

    /// Reads the cells and sums them up.
    fn read(&self, tree: Rc<Tree>, cells: Vec<Range>, context: MemoryContext) -> Result<Answer, Reason> {
        let places =
            Places { tree: &tree, row: self.row, columns: &self.columns, cells: &cells, series: Vec::new() };
        let mut sums = Sums::new(self, places, context);
        let named = self.named(&tree);
        let question =
            cells::Question { tree: tree.clone(), cells: &cells, series: named.as_deref(), user: self.user };
        // The callbacks of one reading take turns.
        let taken = std::cell::RefCell::new(&mut sums);
        let counts = cells::read(
            question,
            |key| taken.borrow_mut().accept(key),
            |series, cell, contents| taken.borrow_mut().add(Place { series, cell }, contents),
        )
        .map_err(unreadable)?;
        if sums.is_too_large {
            return Err(Reason::Memory);
        }
        let mut groups = sums.groups.places.len();
        if self.keys.is_empty() && groups == 0 {
            groups = 1;
            sums.make_room(0);
        }
        let results = sums.results(groups)?;
        let (series, places) = (sums.places.series, sums.groups.places);
        Ok(Answer { tree, cells, series, places, groups, results, counts })
    }
}

/// The reason that there is where the reader refuses.
fn unreadable(refused: Refused) -> Reason {
    Reason::Unreadable(refused.reason().to_owned())
}

/// The share of the positions that are in cells.
fn share(bounds: Range, cells: &[Range]) -> f64 {
    let width = |range: &Range| range.last.abs_diff(range.first) as f64 + 1.0;
    cells.iter().map(width).sum::<f64>() / width(&bounds)
}

/// The sums of the groups, one for each filter and one without.
struct Sums<'a> {
    prepared: &'a Prepared,
    places: Places<'a>,
    groups: Groups,
    /// Conditions of the series alone, and the others.
    of_series: Vec<Expression>,
    conditions: Vec<Condition>,
    filters: Vec<Condition>,
    /// The values that aggregates are about, by their place in the tree.
    values: Vec<usize>,
    extents: Vec<Extent>,
    tallies: Vec<Tally>,
    measures: Vec<Gathered>,
    is_too_large: bool,
    /// The bytes that a hash table may have.
    most: usize,
    context: MemoryContext,
}

/// What an aggregate of an operand gathers.
struct Gathered {
    /// The place of the aggregate among all.
    aggregate: usize,
    filter: Option<usize>,
    measure: Box<dyn Measure>,
}

impl<'a> Sums<'a> {
    fn new(prepared: &'a Prepared, places: Places<'a>, context: MemoryContext) -> Sums<'a> {
        let keys = prepared.keys.iter().map(|&(expression, shape, equality, collation)| {
            // SAFETY: the planner has found the operator for the key.
            unsafe { Key::new(expression, shape, equality, collation, context) }
        });
        let groups = Groups::new(keys.collect(), context);
        let all = prepared.conditions.iter();
        let (of_series, others): (Vec<_>, Vec<_>) = all.partition(|(_, shape)| !shape.depends_on_time());
        let conditions = |all: &[(Expression, Shape)]| {
            all.iter().map(|&(expression, shape)| Condition::new(expression, shape)).collect::<Vec<_>>()
        };
        let value = |one: &Wanting| if let Of::Value(value, _) = one.of { Some(value) } else { None };
        let mut values: Vec<usize> = prepared.aggregates.iter().filter_map(value).collect();
        values.sort_unstable();
        values.dedup();
        let measures = prepared.aggregates.iter().enumerate().filter_map(|(aggregate, one)| {
            let Of::Operand(operand, way, collation) = one.of else { return None };
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
            // SAFETY: computed from settings.
            most: unsafe { pg_sys::get_hash_memory_limit() },
            context,
        }
    }

    /// Whether a series fulfils the conditions.
    fn accept(&mut self, key: &[u8]) -> bool {
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
        true
    }

    /// Adds what a cell of a series holds.
    fn add(&mut self, place: Place, contents: &Contents) {
        let Sums { places, conditions, .. } = self;
        if self.is_too_large || !conditions.iter_mut().all(|condition| condition.holds(places, place)) {
            return;
        }
        let group = self.groups.number(&self.places, place);
        self.make_room(group);
        self.merge(group, None, place, contents);
        for filter in 0..self.filters.len() {
            if self.filters[filter].holds(&self.places, place) {
                self.merge(group, Some(filter), place, contents);
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
        // SAFETY: the context is that of the answer.
        let kept = unsafe { pg_sys::MemoryContextMemAllocated(self.context, true) };
        let measured: usize = self.measures.iter().map(|gathered| gathered.measure.memory()).sum();
        let bytes =
            measured + self.extents.len() * size_of::<Extent>() + self.tallies.len() * size_of::<Tally>();
        self.is_too_large = bytes + kept > self.most;
    }

    /// The results of all groups.
    fn results(&self, groups: usize) -> Result<Vec<Option<Datum>>, Reason> {
        let aggregates = &self.prepared.aggregates;
        let mut all = Vec::new();
        memory::room(&mut all, groups * aggregates.len());
        for group in 0..groups {
            memory::check();
            for (number, &Wanting { of, filter }) in aggregates.iter().enumerate() {
                let sum = self.sum(group, filter);
                let extent = &self.extents[sum];
                let result = match of {
                    Of::Rows => Ok(Some(Datum::from(extent.rows))),
                    Of::Positions(_) if extent.rows == 0 => Ok(None),
                    Of::Positions(statistic) => {
                        let position = if statistic == Statistic::Min { extent.first } else { extent.last };
                        Ok(Some(self.places.tree.position.to_datum(position)))
                    }
                    Of::Value(value, wanted) => {
                        let place = self.values.iter().position(|&known| known == value).unwrap_or_default();
                        let tally = self.tallies[sum * self.values.len() + place].renormalized();
                        results::value(&wanted, extent.rows, &tally)
                    }
                    Of::Operand(..) => {
                        let gathered = self.measures.iter().find(|gathered| gathered.aggregate == number);
                        gathered.map_or(Ok(None), |gathered| gathered.measure.result(group))
                    }
                };
                all.push(result.map_err(|uncertain| Reason::Unreadable(uncertain.reason().to_owned()))?);
            }
        }
        Ok(all)
    }
}

impl Wanting {
    /// An aggregate of the plan; None if the tree is not the one that it was planned with.
    ///
    /// # Safety
    /// An aggregate of the plan of the node, and its operands.
    pub unsafe fn of(
        aggregate: *mut pg_sys::Aggref,
        tree: &Tree,
        operands: &[Operand],
        argument: Argument,
        filter: Option<usize>,
    ) -> Option<Wanting> {
        // SAFETY: the caller's aggregate.
        let (function, collation) = unsafe { ((*aggregate).aggfnoid, (*aggregate).inputcollid) };
        let of = match argument {
            Argument::Rows => Of::Rows,
            Argument::Position => Of::Positions(extreme_of_positions(function)?),
            Argument::Value(value) => {
                let column = &tree.values.get(value)?.0;
                Of::Value(value, Wanted::of(function, Some((column.type_oid, column.typmod)))?)
            }
            Argument::Operand(place) => {
                // SAFETY: the caller's aggregate, whose operand it is.
                let way = unsafe { Gathering::of(aggregate, operands.get(place)?, tree)? };
                Of::Operand(place, way, collation)
            }
        };
        Some(Wanting { of, filter })
    }
}
