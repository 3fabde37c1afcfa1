//! Values of the first and the last rows of groups. The nodes know their positions; the rows are looked up in the table.

use super::end_rows::{EndRows, Precedence};
use super::place::Places;
use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::values::value::Value;
use crate::rewrite::rollups::question::ends::TieBreaker;
use crate::rewrite::rollups::terms::reason::Reason;
use tally_stats::tree::Extent;

/// Spots that are looked up, however few rows there are.
const FEW: usize = 1000;

/// An end of groups: their last row or their first, of those with a condition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub is_last: bool,
    pub filter: Option<usize>,
}

/// A value that is wanted of the row at an end.
pub struct EndValue {
    pub end: End,
    pub expression: Expression,
    /// The column of the scan that shows it.
    pub column: usize,
    /// The order of rows at the end.
    pub ties: Vec<TieBreaker>,
}

/// The values that are wanted of rows at ends.
#[derive(Default)]
pub struct WantedEnds {
    pub values: Vec<EndValue>,
    /// The columns of the table that expressions and tie-breakers are about, by number, and those of the scan that hold them.
    pub columns: Vec<(i16, usize)>,
}

/// The spots of the ends of groups.
pub struct EndSpots<'a> {
    wanted: &'a WantedEnds,
    /// The ends, each once.
    ends: Vec<End>,
    /// All ends of the first group, then those of the second, and so on.
    spots: Vec<Option<EndSpot>>,
    rows: i64,
}

#[derive(Clone, Copy)]
struct EndSpot {
    series: usize,
    position: i64,
    /// Whether another series has rows at this position too.
    is_shared: bool,
}

impl<'a> EndSpots<'a> {
    pub fn new(wanted: &'a WantedEnds) -> EndSpots<'a> {
        let mut ends = Vec::new();
        for value in &wanted.values {
            if !ends.contains(&value.end) {
                ends.push(value.end);
            }
        }
        EndSpots { wanted, ends, spots: Vec::new(), rows: 0 }
    }

    /// Makes room for the group of this number.
    pub fn make_room(&mut self, group: usize) {
        let more = ((group + 1) * self.ends.len()).saturating_sub(self.spots.len());
        heap::room(&mut self.spots, more);
        self.spots.resize(self.spots.len() + more, None);
    }

    /// Bytes in use.
    pub fn memory(&self) -> usize {
        self.spots.capacity() * size_of::<Option<EndSpot>>()
    }

    /// Adds rows of a series to a group; `holds` says whether a filter does so there.
    pub fn add(
        &mut self,
        group: usize,
        series: usize,
        extent: &Extent,
        mut holds: impl FnMut(usize) -> bool,
    ) {
        let spots = &mut self.spots[group * self.ends.len()..];
        for (end, spot) in self.ends.iter().zip(spots) {
            if !end.filter.is_none_or(&mut holds) {
                continue;
            }
            let position = if end.is_last { extent.last } else { extent.first };
            match spot {
                Some(known) if known.position == position => known.is_shared |= known.series != series,
                Some(known) if (known.position < position) != end.is_last => {}
                _ => *spot = Some(EndSpot { series, position, is_shared: false }),
            }
        }
        self.rows += extent.rows;
    }

    /// Forgets all groups.
    pub fn clear(&mut self) {
        self.spots.clear();
        self.rows = 0;
    }

    /// Looks the rows up, and returns the values, all of the first group, then those of the second, and so on; and the number of spots.
    ///
    /// `most` is how many bytes they may take. Where several rows at an end differ and no
    /// tie-breaker decides, it is the table's order that does.
    pub fn values(
        &self,
        places: &Places,
        context: Region,
        most: usize,
    ) -> Result<(Vec<Option<Value>>, usize), Reason> {
        if self.ends.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let known = || self.spots.iter().flatten();
        if known().any(|spot| spot.is_shared) {
            return Err(Reason::Tie);
        }
        let mut spots = heap::collect(known().map(|spot| (spot.series, spot.position)));
        spots.sort_unstable();
        spots.dedup();
        if spots.len() > FEW.max(self.rows as usize / 2) {
            return Err(Reason::ManyCells);
        }
        let columns: Vec<i16> = self.wanted.columns.iter().map(|&(number, _)| number).collect();
        let rows = EndRows::read(&columns, places, &spots, context, most)?;
        let orders = heap::collect(self.wanted.values.iter().map(|value| self.order(value, &rows, context)));
        let mut values = Vec::new();
        heap::room(&mut values, self.spots.len() / self.ends.len() * self.wanted.values.len());
        for ends in self.spots.chunks(self.ends.len()) {
            heap::check();
            for (value, order) in self.wanted.values.iter().zip(&orders) {
                let number = self.ends.iter().position(|end| *end == value.end);
                let spot = number.and_then(|number| ends[number]);
                let spot = spot.and_then(|spot| spots.binary_search(&(spot.series, spot.position)).ok());
                let Some(spot) = spot else {
                    values.push(None);
                    continue;
                };
                let row = rows.first(spot, order)?;
                let columns = self.wanted.columns.iter().zip(row);
                columns.for_each(|(&(_, column), &value)| places.row.set(column, value));
                values.push(value.expression.copied(context));
            }
        }
        // The rows that were looked up may be gone before the row of the scan is copied.
        self.wanted.columns.iter().for_each(|&(_, column)| places.row.set(column, None));
        Ok((values, spots.len()))
    }

    /// The order in which rows at an end come.
    fn order(&self, value: &EndValue, rows: &EndRows, context: Region) -> Vec<Precedence> {
        let place = |tie: &TieBreaker| {
            self.wanted.columns.iter().position(|&(number, _)| number == tie.column).unwrap_or_default()
        };
        value.ties.iter().map(|tie| rows.precedence(tie, place(tie), context)).collect()
    }
}
