//! The answers of a tree's base table: those of its rows, and of the leaves whose rows are archived.

use super::archived::{key_of, Archived};
use super::rows::BaseRows;
use crate::pg::memory::heap::room;
use crate::pg::values::value::Value;
use crate::powertree::model::question::{LastValues, Measure, Measured, Piece, Query, Range};
use crate::powertree::model::tree::Tree;
use std::collections::HashMap;
use tally_stats::tree::{Contents, Extent};
use tally_stats::Tally;

pub use super::archived::archived_leaves;

/// The base table of a tree with its archived leaves. SPI is connected.
///
/// A range that cuts the archived rows of a leaf is an error, wherever rows are asked for.
#[derive(Clone, Copy)]
pub struct Base<'t>(pub &'t Tree);

/// The error that the first of the last values is among archived rows, which have no order: the most that begin after
/// these rows, and the fewest that begin with them.
#[derive(Clone, Copy, Debug)]
pub struct AmongArchived {
    pub fewer: i64,
    pub more: i64,
}

const NO_VALUES: LastValues = LastValues { tally: Tally::EMPTY, first: None, last: None };

impl<'t> Base<'t> {
    fn rows(self) -> BaseRows<'t> {
        BaseRows(self.0)
    }

    /// The tally of a value between two positions.
    pub fn read_range(self, query: Query, value: usize, key: &[Value], range: Range) -> Tally {
        let mut tally = self.rows().read_range(query, value, key, range);
        if let Some(archived) = Archived::of(self.0, range) {
            archived.of_series(&key_of(self.0, key), range, |leaf, contents| {
                let part = &contents.tallies[value];
                if part.num_vals() > 0 && archived.has(range, leaf, &contents.extent) {
                    tally.merge(part);
                }
            });
        }
        tally
    }

    /// The contents of a series between two positions.
    pub fn read_leaf(self, key: &[Value], range: Range) -> Contents {
        let mut contents = self.rows().read_leaf(key, range);
        if let Some(archived) = Archived::of(self.0, range) {
            archived.of_series(&key_of(self.0, key), range, |_, leaf| contents.merge(&leaf));
        }
        contents
    }

    /// The last `need` of a value between two positions, which cut no leaf. Where the first or the last of them is
    /// archived, nobody knows it.
    pub fn read_last(
        self,
        value: usize,
        key: &[Value],
        range: Range,
        need: i64,
    ) -> Result<LastValues, AmongArchived> {
        let mut leaves: Vec<(Extent, Tally)> = Vec::new();
        if let Some(archived) = Archived::of(self.0, range) {
            archived.of_series(&key_of(self.0, key), range, |_, contents| {
                if contents.tallies[value].num_vals() > 0 {
                    room(&mut leaves, 1);
                    leaves.push((contents.extent, contents.tallies[value]));
                }
            });
        }
        let mut found = NO_VALUES;
        let mut end = range.last;
        for (extent, tally) in leaves.into_iter().rev() {
            if let Some(after) = extent.last.checked_add(1) {
                self.take_last(&mut found, value, key, Range { first: after, last: end }, need);
            }
            let taken = found.tally.num_vals();
            if taken >= need {
                return Ok(found);
            }
            let among = Range { first: extent.first, last: extent.last };
            let mut more = self.rows().read_range(Query::WideRange, value, key, among);
            more.merge(&tally);
            if taken + more.num_vals() > need {
                return Err(AmongArchived { fewer: taken, more: taken + more.num_vals() });
            }
            found.tally.merge(&more);
            found.first = None;
            end = extent.first.saturating_sub(1);
        }
        self.take_last(&mut found, value, key, Range { first: range.first, last: end }, need);
        Ok(found)
    }

    /// Adds the last values before those that were found.
    fn take_last(self, found: &mut LastValues, value: usize, key: &[Value], range: Range, need: i64) {
        let taken = found.tally.num_vals();
        if taken < need && !range.is_empty() {
            let more = self.rows().read_last(value, key, range, need - taken);
            if taken == 0 {
                *found = more;
            } else if more.tally.num_vals() > 0 {
                found.tally.merge(&more.tally);
                found.first = more.first;
            }
        }
    }

    /// Calls `each` with the series, the leaf and the contents of every leaf of all series between two positions,
    /// sorted by series and leaf: what rows there are in the table.
    pub fn read_groups(self, range: Range, each: &mut dyn FnMut(Vec<u8>, i64, Contents)) {
        self.rows().read_groups(range, each);
    }

    /// Calls `each` with the series, the leaf and the contents of every archived leaf between two positions, series by
    /// series.
    pub fn read_archived(self, range: Range, each: &mut dyn FnMut(Vec<u8>, i64, Contents)) {
        if let Some(archived) = Archived::of(self.0, range) {
            archived.of_all(|key, leaf, contents| each(key.to_vec(), leaf, contents));
        }
    }

    /// Calls `each` with the key and the measure, between two positions, of every series whose first columns have these
    /// values.
    pub fn read_below(
        self,
        measure: Measure,
        prefix: &[Value],
        range: Range,
        mut each: impl FnMut(Vec<u8>, Measured),
    ) {
        let mut kept: HashMap<Vec<u8>, Measured> = HashMap::new();
        if let Some(archived) = Archived::of(self.0, range) {
            let begin = key_of(self.0, prefix);
            archived.of_all(|key, leaf, contents| {
                let part = measured(measure, &contents);
                let has_any = part.extent.rows > 0 || part.tally.num_vals() > 0;
                if key.starts_with(&begin) && has_any && archived.has(range, leaf, &contents.extent) {
                    room(&mut kept, 1);
                    merge(kept.entry(key.to_vec()).or_insert(Measured::NOTHING), &part);
                }
            });
        }
        self.rows().read_below(measure, prefix, range, |key, mut found| {
            kept.remove(&key).iter().for_each(|part| merge(&mut found, part));
            each(key, found);
        });
        kept.into_iter().for_each(|(key, found)| each(key, found));
    }

    /// Calls `each` with the number of a piece, from 0, the place of the positions among `begins`, from 0, and the
    /// contents, perhaps in parts. If there is only one begin, no rows are before it.
    pub fn read_pieces(self, pieces: &[Piece], begins: &[i64], mut each: impl FnMut(usize, usize, Contents)) {
        self.rows().read_pieces(pieces, begins, &mut each);
        let ends = pieces.iter().map(|piece| piece.range);
        let all = ends.reduce(|a, b| Range { first: a.first.min(b.first), last: a.last.max(b.last) });
        let Some(archived) = all.and_then(|all| Archived::of(self.0, all)) else { return };
        for (number, piece) in pieces.iter().enumerate() {
            archived.of_series(piece.key, piece.range, |leaf, contents| {
                if let Some(place) = archived.place(piece.range, begins, leaf, &contents.extent) {
                    each(number, if begins.len() > 1 { place.saturating_sub(1) } else { 0 }, contents);
                }
            });
        }
    }

    /// Calls `each` with the place of the positions among `begins`, from 0, the key of a series, and the contents, for
    /// all that have rows between two positions, perhaps in parts, until it returns false.
    pub fn read_span(
        self,
        range: Range,
        begins: &[i64],
        mut each: impl FnMut(usize, Vec<u8>, Contents) -> bool,
    ) {
        let mut goes_on = true;
        self.rows().read_span(range, begins, |place, key, contents| {
            goes_on = each(place, key, contents);
            goes_on
        });
        if let Some(archived) = Archived::of(self.0, range).filter(|_| goes_on) {
            archived.of_all(|key, leaf, contents| {
                if let Some(place) = archived.place(range, begins, leaf, &contents.extent) {
                    goes_on = goes_on && each(place.saturating_sub(1), key.to_vec(), contents);
                }
            });
        }
    }

    /// Calls `each` with the place of a bucket and the tally of a value, perhaps in parts, for all buckets with values
    /// between two positions.
    pub fn read_buckets(
        self,
        value: usize,
        key: &[Value],
        range: Range,
        begins: &[i64],
        mut each: impl FnMut(usize, Tally),
    ) {
        self.rows().read_buckets(value, key, range, begins, &mut each);
        if let Some(archived) = Archived::of(self.0, range) {
            archived.of_series(&key_of(self.0, key), range, |leaf, contents| {
                let tally = contents.tallies[value];
                if tally.num_vals() > 0 {
                    let place = archived.place(range, begins, leaf, &contents.extent);
                    place.into_iter().for_each(|place| each(place, tally));
                }
            });
        }
    }
}

/// The measure of contents.
fn measured(measure: Measure, contents: &Contents) -> Measured {
    match measure {
        Measure::Extent => Measured { extent: contents.extent, ..Measured::NOTHING },
        Measure::Tally(value) => Measured { tally: contents.tallies[value], ..Measured::NOTHING },
    }
}

fn merge(sum: &mut Measured, part: &Measured) {
    sum.extent.merge(&part.extent);
    sum.tally.merge(&part.tally);
}
