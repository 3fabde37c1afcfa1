//! The rows that nodes and log leave to be read from the base table, with the rights of its owner.

use super::asked::Refused;
use super::division::Part;
use super::sweep::{Rest, Sweep};
use crate::pg::catalog::is_partitioned;
use crate::pg::fence::{self, owner};
use crate::pg::memory::{self, room};
use crate::pg::spi::connected;
use crate::powertree::base::query::Base;
use crate::powertree::base::suitability::strangers;
use crate::powertree::model::key;
use crate::powertree::model::question;
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use tally_stats::tree::Contents;

/// Pieces that are asked for at once.
const BATCH: usize = 10_000;

/// Answers about spans that are kept.
const MOST_ANSWERS: usize = 100_000;

/// The most queries for pieces far apart, and how many leaves that is.
const FAR_APART: (usize, i64) = (4, 10);

impl<A: FnMut(&[u8]) -> bool, E: FnMut(usize, usize, &Contents)> Sweep<'_, A, E> {
    /// Reads what the sweep has left, of given series or of all.
    ///
    /// The user of the query may have no rights on the table, or not on all of its columns, so that its owner reads it;
    /// what is told was checked by the query. No code of the user's runs meanwhile.
    pub fn read_rows(&mut self, are_given: bool) -> Result<(), Refused> {
        let in_spans = &self.division.in_spans;
        if self.pieces.is_empty() && in_spans.is_empty() {
            return Ok(());
        }
        if !is_readable(self.tree) {
            return Err(Refused::Rights);
        }
        if are_given {
            let more = in_spans.len().saturating_mul(self.roster.num_accepted());
            room(&mut self.pieces, more);
            for number in 0..self.roster.num_accepted() {
                self.pieces.extend(in_spans.iter().map(|&part| (number, part)));
            }
        } else if !in_spans.is_empty() {
            self.read_spans(in_spans)?;
        }
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.sort_unstable_by_key(|(_, part)| part.range.first);
        for near in apart(&pieces, self.tree.leaves.width) {
            near.chunks(BATCH).for_each(|batch| self.read_pieces(batch));
        }
        Ok(())
    }

    fn read_pieces(&mut self, pieces: &[Rest]) {
        let piece =
            |&(number, part): &Rest| question::Piece { key: self.roster.key(number), range: part.range };
        let asked = memory::collect(pieces.iter().map(piece));
        let mut answers = Vec::new();
        as_owner(self.tree, |base| {
            base.read_pieces(&asked, |place, contents| {
                room(&mut answers, 1);
                answers.push((place, contents));
            });
        });
        for (place, contents) in answers {
            if let Some(&(number, part)) = pieces.get(place) {
                self.tell(number, part.cell, &contents);
            }
        }
    }

    /// Reads the rows of all series in spans.
    fn read_spans(&mut self, parts: &[Part]) -> Result<(), Refused> {
        let ranges = memory::collect(parts.iter().map(|part| part.range));
        let mut answers = Vec::new();
        let mut are_all = true;
        as_owner(self.tree, |base| {
            base.read_spans(&ranges, |place, key, contents| {
                are_all = answers.len() < MOST_ANSWERS;
                if are_all {
                    room(&mut answers, 1);
                    answers.push((place, key, contents));
                }
                are_all
            });
        });
        if !are_all {
            return Err(Refused::TooMuch);
        }
        for (place, key, contents) in answers {
            let hash = key::hash(&key);
            let series = match self.roster.place(hash, &key)? {
                Some(series) => series,
                None => self.roster.add(hash, &key, false),
            };
            if let (Some(number), Some(part)) = (self.roster.at(series).number, parts.get(place)) {
                self.tell(number, part.cell, &contents);
            }
        }
        self.counts.series = self.roster.num_accepted() as u64;
        Ok(())
    }

    fn tell(&mut self, number: usize, cell: usize, contents: &Contents) {
        if contents.extent.rows > 0 {
            self.counts.rows_read += contents.extent.rows as u64;
            (self.each)(number, cell, contents);
        }
    }
}

/// Asks the base table as its owner.
fn as_owner<R>(tree: &Tree, ask: impl FnOnce(Base) -> R) -> R {
    fence::as_owner(tree.base, || connected(|| ask(Base(tree))))
}

/// Whether the owner of the base table can read all of it, and runs no code of others by that.
fn is_readable(tree: &Tree) -> bool {
    let owner = owner(tree.base);
    rights::can_read(tree.base, owner)
        && !rights::rows_are_hidden_from(tree.base, owner)
        && (!is_partitioned(tree.base) || strangers(tree.base, tree.base).is_none())
}

/// Pieces in order, in parts that are far apart: few, since each takes a query.
fn apart(pieces: &[Rest], width: i64) -> Vec<&[Rest]> {
    let (most, leaves) = FAR_APART;
    let far = width.saturating_mul(leaves);
    let mut gaps: Vec<(i64, usize)> = Vec::new();
    let mut end = i64::MAX;
    for (place, (_, part)) in pieces.iter().enumerate() {
        let gap = part.range.first.saturating_sub(end);
        if end < part.range.first && gap > far {
            room(&mut gaps, 1);
            gaps.push((gap, place));
        }
        end = if place == 0 { part.range.last } else { end.max(part.range.last) };
    }
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    gaps.truncate(most - 1);
    let mut places: Vec<usize> = gaps.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([pieces.len()]);
    let begins = [0].into_iter().chain(places.iter().copied());
    begins.zip(ends).map(|(begin, end)| &pieces[begin..end]).collect()
}
