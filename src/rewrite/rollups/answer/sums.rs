//! The sums of groups: what their aggregates need, and no more.

use super::measure::{self, GroupMeasure, Ingredients};
use super::place::{Place, Places};
use super::prepared::Prepared;
use super::wanting::{Origin, Wanting};
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::powertree::model::position::Position;
use crate::powertree::model::tree::Tree;
use crate::rewrite::rollups::terms::reason::Reason;
use crate::rewrite::rollups::terms::results::{self, Statistic};
use pgrx::pg_sys::Datum;
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

/// The sums of all groups.
pub struct Sums {
    position: Position,
    filters: Vec<Filtered>,
    aggregates: Vec<SumSource>,
    /// For each group as many as aggregates need.
    extents: Vec<Extent>,
    tallies: Vec<Tally>,
    num_extents: usize,
    num_tallies: usize,
    measures: Vec<Box<dyn GroupMeasure>>,
}

/// Sums under one filter, or without any.
#[derive(Default)]
struct Filtered {
    filter: Option<usize>,
    /// The place among the extents of a group.
    extent: Option<usize>,
    /// The places among the tallies of a group, and the values by their place in the tree.
    tallies: Vec<(usize, usize)>,
    /// The places of the measures.
    measures: Vec<usize>,
}

/// The source of an aggregate's result, among the sums of a group.
enum SumSource {
    Extent(usize, Option<Statistic>),
    Tally(usize, results::Wanted),
    /// The rows of an extent that have no part in a tally.
    Missing(usize, usize),
    Measure(usize),
}

impl Sums {
    /// No groups yet; what aggregates keep is in the memory context.
    pub fn new(prepared: &Prepared, tree: &Tree, context: Region) -> Sums {
        let mut sums = Sums {
            position: tree.position,
            filters: Vec::new(),
            aggregates: Vec::new(),
            extents: Vec::new(),
            tallies: Vec::new(),
            num_extents: 0,
            num_tallies: 0,
            measures: Vec::new(),
        };
        for &Wanting { of, filter } in &prepared.aggregates {
            let source = match of {
                Origin::Rows => SumSource::Extent(sums.extent(filter), None),
                Origin::Missing(value) => SumSource::Missing(sums.extent(filter), sums.tally(filter, value)),
                Origin::Positions(statistic) => SumSource::Extent(sums.extent(filter), Some(statistic)),
                Origin::Value(value, wanted) => SumSource::Tally(sums.tally(filter, value), wanted),
                Origin::Operand(operand, way, collation) => {
                    let ingredients =
                        Ingredients { tree, arguments: &prepared.arguments, collation, context };
                    let measure = measure::new(way, &prepared.operands[operand], &ingredients);
                    let place = sums.measures.len();
                    sums.measures.push(measure);
                    sums.filtered(filter).measures.push(place);
                    SumSource::Measure(place)
                }
            };
            sums.aggregates.push(source);
        }
        sums
    }

    fn filtered(&mut self, filter: Option<usize>) -> &mut Filtered {
        let known = self.filters.iter().position(|known| known.filter == filter);
        let place = known.unwrap_or_else(|| {
            self.filters.push(Filtered { filter, ..Filtered::default() });
            self.filters.len() - 1
        });
        &mut self.filters[place]
    }

    fn extent(&mut self, filter: Option<usize>) -> usize {
        let next = self.num_extents;
        let place = *self.filtered(filter).extent.get_or_insert(next);
        self.num_extents = next.max(place + 1);
        place
    }

    fn tally(&mut self, filter: Option<usize>, value: usize) -> usize {
        let next = self.num_tallies;
        let tallies = &mut self.filtered(filter).tallies;
        if let Some(&(place, _)) = tallies.iter().find(|(_, known)| *known == value) {
            return place;
        }
        tallies.push((next, value));
        self.num_tallies += 1;
        next
    }

    /// Makes room for a group, which is at most the next one.
    pub fn make_room(&mut self, group: usize) {
        grow(&mut self.extents, (group + 1) * self.num_extents, Extent::EMPTY);
        grow(&mut self.tallies, (group + 1) * self.num_tallies, Tally::EMPTY);
        self.measures.iter_mut().for_each(|measure| measure.make_room(group));
    }

    /// Adds what a cell of a series holds to a group; `holds` says whether a filter does so there.
    pub fn add(
        &mut self,
        group: usize,
        places: &Places,
        place: Place,
        contents: &Contents,
        mut holds: impl FnMut(usize) -> bool,
    ) {
        let extents = &mut self.extents[group * self.num_extents..];
        let tallies = &mut self.tallies[group * self.num_tallies..];
        for filtered in &self.filters {
            if !filtered.filter.is_none_or(&mut holds) {
                continue;
            }
            if let Some(extent) = filtered.extent {
                extents[extent].merge(&contents.extent);
            }
            for &(tally, value) in &filtered.tallies {
                tallies[tally].merge(&contents.tallies[value]);
            }
            for &measure in &filtered.measures {
                self.measures[measure].add(group, places, place, contents);
            }
        }
    }

    /// The result of an aggregate for a group, in the current memory context.
    pub fn result(&self, group: usize, aggregate: usize) -> Result<Option<Datum>, Reason> {
        let extent = |place: usize| &self.extents[group * self.num_extents + place];
        let tally = |place: usize| &self.tallies[group * self.num_tallies + place];
        Ok(match &self.aggregates[aggregate] {
            SumSource::Extent(place, None) => Some(Datum::from(extent(*place).rows)),
            SumSource::Extent(place, _) if extent(*place).first > extent(*place).last => None,
            SumSource::Extent(place, Some(Statistic::Min)) => {
                Some(self.position.to_datum(extent(*place).first))
            }
            SumSource::Extent(place, _) => Some(self.position.to_datum(extent(*place).last)),
            SumSource::Tally(place, wanted) => results::value(wanted, 0, &tally(*place).renormalized())?,
            SumSource::Missing(rows, values) => {
                Some(Datum::from(extent(*rows).rows - tally(*values).num_vals()))
            }
            SumSource::Measure(place) => self.measures[*place].result(group)?,
        })
    }

    /// Forgets all groups.
    pub fn clear(&mut self) {
        self.extents.clear();
        self.tallies.clear();
        self.measures.iter_mut().for_each(|measure| measure.clear());
    }

    /// Bytes in use, apart from those in the memory context.
    pub fn memory(&self) -> usize {
        let measured: usize = self.measures.iter().map(|measure| measure.memory()).sum();
        self.extents.len() * size_of::<Extent>() + self.tallies.len() * size_of::<Tally>() + measured
    }
}

/// Makes as many sums, if there are fewer.
fn grow<T: Clone>(sums: &mut Vec<T>, count: usize, empty: T) {
    let more = count.saturating_sub(sums.len());
    heap::room(sums, more);
    sums.resize(sums.len() + more, empty);
}
