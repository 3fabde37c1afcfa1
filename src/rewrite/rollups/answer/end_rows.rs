//! The rows at the ends of groups, looked up in the table, and their order where several are at one position.

use super::place::Places;
use crate::pg::memory;
use crate::pg::value::Storage;
use crate::powertree::cells::{read_spots, Spot};
use crate::rewrite::rollups::question::ends::TieBreaker;
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, Datum, FmgrInfo, MemoryContext, Oid};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Different rows at one spot that are compared.
const DIFFERENT: usize = 100;

/// The rows at spots.
pub struct EndRows {
    /// The number of columns of a row.
    count: usize,
    /// All columns of the first row that was read, then those of the second, and so on.
    columns: Vec<Option<Datum>>,
    /// A row at each spot.
    rows: Vec<Option<usize>>,
    /// Further rows at a spot that differ from it.
    others: HashMap<usize, Vec<usize>>,
}

impl EndRows {
    /// Reads these columns, by number, of the rows at all spots, of which each must have one.
    ///
    /// Spots are a series and a position; `most` is how many bytes the rows may take.
    pub fn read(
        numbers: &[i16],
        places: &Places,
        spots: &[(usize, i64)],
        context: MemoryContext,
        most: usize,
    ) -> Result<EndRows, Reason> {
        // SAFETY: PostgreSQL looks the types up.
        let type_of = |&number: &i16| unsafe { pg_sys::get_atttype(places.tree.base, number) };
        let storage: Vec<Storage> = numbers.iter().map(|number| Storage::of(type_of(number))).collect();
        let count = numbers.len();
        let mut found = EndRows { count, columns: Vec::new(), rows: Vec::new(), others: HashMap::new() };
        memory::room(&mut found.columns, spots.len() * count);
        memory::room(&mut found.rows, spots.len());
        found.rows.resize(spots.len(), None);

        let mut doubt = None;
        let asked = memory::collect(
            spots.iter().map(|&(series, position)| Spot { series: &places.series[series], position }),
        );
        read_spots(&places.tree, numbers, &asked, |spot, row| {
            let row = |place| row.get(place + 2);
            // SAFETY: both values are of the column.
            let same = |place: usize, known| unsafe { storage[place].is_alike(known, row(place)) };
            let is_alike = |&known: &usize| {
                let known = &found.columns[known * count..][..count];
                known.iter().enumerate().all(|(place, &known)| same(place, known))
            };
            let others = found.others.get(&spot).map_or(&[][..], Vec::as_slice);
            if found.rows[spot].iter().chain(others).any(is_alike) {
                return true;
            }
            if others.len() >= DIFFERENT {
                doubt = Some(Reason::Tie);
                return false;
            }
            let number = found.columns.len() / count.max(1);
            memory::room(&mut found.columns, count);
            // The reader is in memory of its own, which goes before the answer does.
            // SAFETY: the context is that of the answer, and the values are of the columns.
            unsafe {
                PgMemoryContexts::For(context).switch_to(|_| {
                    found.columns.extend((0..count).map(|place| storage[place].copied(row(place))));
                });
                if number.is_multiple_of(64) && pg_sys::MemoryContextMemAllocated(context, false) > most {
                    doubt = Some(Reason::Memory);
                }
            }
            if found.rows[spot].is_none() {
                found.rows[spot] = Some(number);
            } else {
                memory::room(&mut found.others, 1);
                let others = found.others.entry(spot).or_default();
                memory::room(others, 1);
                others.push(number);
            }
            doubt.is_none()
        })?;
        match doubt {
            Some(reason) => Err(reason),
            None if found.rows.contains(&None) => Err(Reason::Gone),
            None => Ok(found),
        }
    }

    /// The row at a spot that comes first in an order.
    pub fn first(&self, spot: usize, order: &mut [Precedence]) -> Result<&[Option<Datum>], Reason> {
        let row = |number: usize| &self.columns[number * self.count..][..self.count];
        let mut first = row(self.rows[spot].ok_or(Reason::Gone)?);
        let mut is_tied = false;
        for other in self.others.get(&spot).into_iter().flatten().map(|&other| row(other)) {
            match compare(other, first, order) {
                Ordering::Less => (first, is_tied) = (other, false),
                Ordering::Equal => is_tied = true,
                Ordering::Greater => {}
            }
        }
        if is_tied {
            Err(Reason::Tie)
        } else {
            Ok(first)
        }
    }
}

/// Compares two rows in an order.
fn compare(one: &[Option<Datum>], other: &[Option<Datum>], order: &mut [Precedence]) -> Ordering {
    let mut compared = order.iter_mut().map(|column| column.compare(one, other));
    compared.find(|compared| compared.is_ne()).unwrap_or(Ordering::Equal)
}

/// The order of rows by one column.
pub struct Precedence {
    /// The place of the column in a row.
    place: usize,
    comes_before: FmgrInfo,
    collation: Oid,
    nulls_first: bool,
}

impl Precedence {
    /// The order of a tie-breaker, whose column has this place in rows.
    pub fn new(tie: &TieBreaker, place: usize, context: MemoryContext) -> Precedence {
        let mut comes_before = FmgrInfo::default();
        // SAFETY: PostgreSQL looks the operator's function up, and keeps what it knows of it in the context.
        unsafe { pg_sys::fmgr_info_cxt(pg_sys::get_opcode(tie.operator), &mut comes_before, context) };
        Precedence { place, comes_before, collation: tie.collation, nulls_first: tie.nulls_first }
    }

    fn compare(&mut self, one: &[Option<Datum>], other: &[Option<Datum>]) -> Ordering {
        let (one, other) = match (one[self.place], other[self.place]) {
            (Some(one), Some(other)) => (one, other),
            (None, None) => return Ordering::Equal,
            (None, _) if self.nulls_first => return Ordering::Less,
            (_, None) if !self.nulls_first => return Ordering::Less,
            _ => return Ordering::Greater,
        };
        let mut is_before = |one, other| {
            // SAFETY: the function is that of the operator, whose values they are.
            let answer =
                unsafe { pg_sys::FunctionCall2Coll(&mut self.comes_before, self.collation, one, other) };
            answer.value() != 0
        };
        match () {
            () if is_before(one, other) => Ordering::Less,
            () if is_before(other, one) => Ordering::Greater,
            () => Ordering::Equal,
        }
    }
}
