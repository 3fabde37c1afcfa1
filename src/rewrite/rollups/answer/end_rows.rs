//! The rows at the ends of groups, looked up in the table, and their order where several are at one position.

use super::place::Places;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::server::lookup::atttype;
use crate::pg::values::kept_function::Comparing;
use crate::pg::values::value::{Storage, Value};
use crate::powertree::cells::{read_spots, Spot};
use crate::rewrite::rollups::question::ends::TieBreaker;
use crate::rewrite::rollups::terms::reason::Reason;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Different rows at one spot that are compared.
const DIFFERENT: usize = 100;

/// The rows at spots.
pub struct EndRows {
    /// The columns of a row.
    storage: Vec<Storage>,
    /// All columns of the first row that was read, then those of the second, and so on.
    columns: Vec<Option<Value>>,
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
        context: Region,
        most: usize,
    ) -> Result<EndRows, Reason> {
        let storage = |&number: &i16| Storage::of(atttype(places.tree.base, number));
        let storage: Vec<Storage> = numbers.iter().map(storage).collect();
        let count = numbers.len();
        let (columns, rows, others) = (Vec::new(), Vec::new(), HashMap::new());
        let mut found = EndRows { storage, columns, rows, others };
        heap::room(&mut found.columns, spots.len() * count);
        heap::room(&mut found.rows, spots.len());
        found.rows.resize(spots.len(), None);

        let mut doubt = None;
        let asked = heap::collect(
            spots.iter().map(|&(series, position)| Spot { series: &places.series[series], position }),
        );
        read_spots(&places.tree, numbers, &asked, |spot, row| {
            let row = |place| row.value(place + 2);
            let storage = &found.storage;
            let is_alike = |&known: &usize| {
                let known = &found.columns[known * count..][..count];
                let mut columns = known.iter().zip(storage).enumerate();
                columns.all(|(place, (&known, &storage))| match (known, row(place)) {
                    (Some(known), Some(value)) => value.is_alike(storage, known),
                    (known, value) => known.is_none() && value.is_none(),
                })
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
            heap::room(&mut found.columns, count);
            // The reader is in memory of its own, which goes before the answer does.
            let columns = storage.iter().enumerate();
            let copied = |(place, &storage): (usize, &Storage)| Some(row(place)?.copied(storage, context));
            found.columns.extend(columns.map(copied));
            if number.is_multiple_of(64) && context.allocated() > most {
                doubt = Some(Reason::Memory);
            }
            if found.rows[spot].is_none() {
                found.rows[spot] = Some(number);
            } else {
                heap::room(&mut found.others, 1);
                let others = found.others.entry(spot).or_default();
                heap::room(others, 1);
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
    pub fn first(&self, spot: usize, order: &[Precedence]) -> Result<&[Option<Value>], Reason> {
        let row = |number: usize| &self.columns[number * self.storage.len()..][..self.storage.len()];
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
fn compare(one: &[Option<Value>], other: &[Option<Value>], order: &[Precedence]) -> Ordering {
    let mut compared = order.iter().map(|column| column.compare(one, other));
    compared.find(|compared| compared.is_ne()).unwrap_or(Ordering::Equal)
}

/// The order of rows by one column.
pub struct Precedence {
    /// The place of the column in a row.
    place: usize,
    precedes: Comparing,
    nulls_first: bool,
}

impl EndRows {
    /// The order of a tie-breaker, whose column has this place in rows.
    pub fn precedence(&self, tie: &TieBreaker, place: usize, context: Region) -> Precedence {
        let type_oid = self.storage[place].type_oid();
        let precedes = Comparing::of(tie.operator, tie.collation, type_oid, context);
        Precedence { place, precedes, nulls_first: tie.nulls_first }
    }
}

impl Precedence {
    fn compare(&self, one: &[Option<Value>], other: &[Option<Value>]) -> Ordering {
        let (one, other) = match (one[self.place], other[self.place]) {
            (Some(one), Some(other)) => (one, other),
            (None, None) => return Ordering::Equal,
            (None, _) if self.nulls_first => return Ordering::Less,
            (_, None) if !self.nulls_first => return Ordering::Less,
            _ => return Ordering::Greater,
        };
        match () {
            () if self.precedes.holds(one, other) => Ordering::Less,
            () if self.precedes.holds(other, one) => Ordering::Greater,
            () => Ordering::Equal,
        }
    }
}
