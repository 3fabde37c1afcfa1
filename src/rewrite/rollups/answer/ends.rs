//! Values of the first and the last rows of groups. The nodes know their positions; the rows are looked up in the table.

use super::place::Places;
use super::row::Expression;
use crate::pg::memory;
use crate::pg::value::Storage;
use crate::powertree::cells::{read_spots, Spot};
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, Datum, MemoryContext};
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
}

/// The values that are wanted of rows at ends.
#[derive(Default)]
pub struct WantedEnds {
    pub values: Vec<EndValue>,
    /// The columns of the table that the expressions are about, by number, and those of the scan that hold them.
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
        memory::room(&mut self.spots, more);
        self.spots.resize(self.spots.len() + more, None);
    }

    /// Bytes in use.
    pub fn memory(&self) -> usize {
        self.spots.capacity() * size_of::<Option<EndSpot>>()
    }

    /// Adds rows of a series to a group, under one filter or without any.
    pub fn add(&mut self, group: usize, filter: Option<usize>, series: usize, extent: &Extent) {
        let count = self.ends.len();
        for (number, end) in self.ends.iter().enumerate().filter(|(_, end)| end.filter == filter) {
            let position = if end.is_last { extent.last } else { extent.first };
            let spot = &mut self.spots[group * count + number];
            match spot {
                Some(known) if known.position == position => known.is_shared |= known.series != series,
                Some(known) if (known.position < position) != end.is_last => {}
                _ => *spot = Some(EndSpot { series, position, is_shared: false }),
            }
        }
        self.rows += extent.rows;
    }

    /// Looks the rows up, and returns the values, all of the first group, then those of the second, and so on; and the number of spots.
    ///
    /// `most` is how many bytes they may take. Where several rows at an end differ, their order decides, which is the table's.
    pub fn values(
        &self,
        places: &Places,
        context: MemoryContext,
        most: usize,
    ) -> Result<(Vec<Option<Datum>>, usize), Reason> {
        if self.ends.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let known = || self.spots.iter().flatten();
        if known().any(|spot| spot.is_shared) {
            return Err(Reason::Tie);
        }
        let mut spots = memory::collect(known().map(|spot| (spot.series, spot.position)));
        spots.sort_unstable();
        spots.dedup();
        if spots.len() > FEW.max(self.rows as usize / 2) {
            return Err(Reason::ManyCells);
        }
        let rows = EndRows::read(self.wanted, places, &spots, context, most)?;
        let mut values = Vec::new();
        memory::room(&mut values, self.spots.len() / self.ends.len() * self.wanted.values.len());
        for ends in self.spots.chunks(self.ends.len()) {
            memory::check();
            for value in &self.wanted.values {
                let number = self.ends.iter().position(|end| *end == value.end);
                let spot = number.and_then(|number| ends[number]);
                values.push(spot.and_then(|spot| {
                    let place = spots.binary_search(&(spot.series, spot.position)).ok()?;
                    rows.show(place, self.wanted, places);
                    value.expression.copied(places.row, context)
                }));
            }
        }
        Ok((values, spots.len()))
    }
}

/// The rows at spots.
struct EndRows {
    /// All columns of the row at the first spot, then those of the second, and so on.
    columns: Vec<Option<Datum>>,
}

impl EndRows {
    /// Reads the rows at all spots, of which each must have one, or several that are alike.
    fn read(
        wanted: &WantedEnds,
        places: &Places,
        spots: &[(usize, i64)],
        context: MemoryContext,
        most: usize,
    ) -> Result<EndRows, Reason> {
        let numbers: Vec<i16> = wanted.columns.iter().map(|&(number, _)| number).collect();
        // SAFETY: PostgreSQL looks the types up.
        let type_of = |&number: &i16| unsafe { pg_sys::get_atttype(places.tree.base, number) };
        let storage: Vec<Storage> = numbers.iter().map(|number| Storage::of(type_of(number))).collect();
        let count = numbers.len();
        let mut columns = Vec::new();
        memory::room(&mut columns, spots.len() * count);
        columns.resize(spots.len() * count, None);
        let mut is_read = Vec::new();
        memory::room(&mut is_read, spots.len());
        is_read.resize(spots.len(), false);

        let mut doubt = None;
        let asked = memory::collect(
            spots.iter().map(|&(series, position)| Spot { series: &places.series[series], position }),
        );
        read_spots(places.tree, &numbers, &asked, |spot, row| {
            let known = &mut columns[spot * count..][..count];
            let mut found =
                storage.iter().enumerate().map(|(place, storage)| (place, storage, row.get(place + 2)));
            if std::mem::replace(&mut is_read[spot], true) {
                // SAFETY: both values are of the column.
                let is_alike =
                    unsafe { found.all(|(place, storage, value)| storage.is_alike(known[place], value)) };
                if !is_alike {
                    doubt = Some(Reason::Tie);
                }
            } else {
                // The reader is in memory of its own, which goes before the answer does.
                // SAFETY: the context is that of the answer, and the values are of the columns.
                unsafe {
                    PgMemoryContexts::For(context).switch_to(|_| {
                        found.for_each(|(place, storage, value)| known[place] = storage.copied(value));
                    });
                    if spot % 64 == 0 && pg_sys::MemoryContextMemAllocated(context, true) > most {
                        doubt = Some(Reason::Memory);
                    }
                }
            }
            doubt.is_none()
        })?;
        match doubt {
            Some(reason) => Err(reason),
            None if is_read.contains(&false) => Err(Reason::Gone),
            None => Ok(EndRows { columns }),
        }
    }

    /// Puts the columns of the row at a spot into the row.
    fn show(&self, spot: usize, wanted: &WantedEnds, places: &Places) {
        let columns = &self.columns[spot * wanted.columns.len()..];
        for (&(_, column), &value) in wanted.columns.iter().zip(columns) {
            places.row.set(column, value);
        }
    }
}
