//! The rows that nodes and log leave to be read from the base table, with the rights of its owner.

use super::division::Part;
use super::refused::Refused;
use super::sweep::{Rest, Sweep};
use crate::pg::memory::heap::{self, room};
use crate::pg::server::function::may_be_executed_by;
use crate::pg::tables::catalog::is_partitioned;
use crate::pg::tables::column::Column;
use crate::pg::tables::fence::{self, owner};
use crate::pg::tables::spi::connected;
use crate::powertree::base::query::Base;
use crate::powertree::base::suitability::strangers;
use crate::powertree::model::key;
use crate::powertree::model::question::{self, Range};
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use crate::powertree::model::value::ValueType;
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys::AclResult;
use tally_stats::tree::Contents;

/// Pieces that are asked for at once.
const BATCH: usize = 10_000;

/// Queries about spans, and answers to them that are kept.
const MOST_SPANS: usize = 50;
const MOST_ANSWERS: usize = 100_000;

/// The most queries for pieces far apart, and how many leaves that is.
pub const FAR_APART: (usize, i64) = (4, 10);

impl<A: FnMut(&[u8]) -> bool, E: FnMut(usize, usize, &Contents)> Sweep<'_, A, E> {
    /// Reads what the sweep has left.
    ///
    /// The user of the query may have no rights on the table, or not on all of its columns, so that its owner reads it;
    /// what is told was checked by the query. No code of the user's runs meanwhile.
    pub fn read_rows(&mut self) -> Result<(), Refused> {
        let in_spans = &self.division.in_spans;
        if self.rest.is_empty() && in_spans.is_empty() {
            return Ok(());
        }
        if !is_readable(self.tree) {
            return Err(Refused::Rights);
        }
        if self.seen.series.is_some() {
            let more = in_spans.len().saturating_mul(self.roster.num_accepted());
            room(&mut self.rest, more);
            for number in 0..self.roster.num_accepted() {
                self.rest.extend(in_spans.iter().map(|&part| (number, part)));
            }
        } else if !in_spans.is_empty() {
            self.read_spans()?;
        }
        let (mut whole, mut cut) = (Vec::new(), Vec::new());
        for piece in stretches(std::mem::take(&mut self.rest)) {
            let pieces = if piece.is_cut() { &mut cut } else { &mut whole };
            room(pieces, 1);
            pieces.push(piece);
        }
        for mut pieces in [whole, cut] {
            pieces.sort_unstable_by_key(|piece| piece.range.first);
            for near in apart(&pieces, self.tree.leaves.width) {
                near.chunks(BATCH).for_each(|batch| self.read_pieces(batch));
            }
        }
        Ok(())
    }

    /// Reads pieces that are cut, or those that are not.
    fn read_pieces(&mut self, pieces: &[Stretch]) {
        let of = |piece: &Stretch| question::Piece { key: self.roster.key(piece.number), range: piece.range };
        let asked = heap::collect(pieces.iter().map(of));
        let are_cut = pieces.iter().any(|piece| piece.is_cut());
        let cells =
            pieces.iter().map(|piece| piece.cell).min().zip(pieces.iter().map(|piece| piece.last_cell).max());
        let (first, last) = cells.unwrap_or_default();
        let begins = if are_cut { self.division.begins(first, last) } else { Vec::new() };
        let mut answers = Vec::new();
        as_owner(self.tree, |base| {
            base.read_pieces(&asked, &begins, |piece, place, contents| {
                room(&mut answers, 1);
                answers.push((piece, place, contents));
            });
        });
        for (piece, place, contents) in answers {
            if let Some(piece) = pieces.get(piece) {
                let cell = if are_cut { first + place } else { piece.cell };
                self.tell(piece.number, cell, &contents);
            }
        }
    }

    /// Reads the rows of all series in spans.
    fn read_spans(&mut self) -> Result<(), Refused> {
        let in_spans = self.division.in_spans.iter().map(|&part| (0, part));
        let runs = stretches(heap::collect(in_spans));
        if runs.len() > MOST_SPANS {
            return Err(Refused::ToBeCompacted);
        }
        let mut answers = Vec::new();
        let mut are_all = true;
        for run in runs {
            let begins = self.division.begins(run.cell, run.last_cell);
            as_owner(self.tree, |base| {
                base.read_span(run.range, &begins, |place, key, contents| {
                    are_all = answers.len() < MOST_ANSWERS;
                    if are_all {
                        room(&mut answers, 1);
                        answers.push((run.cell + place, key, contents));
                    }
                    are_all
                });
            });
            if !are_all {
                return Err(Refused::TooMuch);
            }
        }
        for (cell, key, contents) in answers {
            let hash = key::hash(&key);
            let series = match self.roster.place(hash, &key)? {
                Some(series) => series,
                None => self.roster.add(hash, &key, false),
            };
            if let Some(number) = self.roster.at(series).number {
                self.tell(number, cell, &contents);
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

/// Neighbouring positions of a series, in one cell or in several neighbouring ones.
struct Stretch {
    number: usize,
    range: Range,
    cell: usize,
    last_cell: usize,
}

impl Stretch {
    fn is_cut(&self) -> bool {
        self.cell != self.last_cell
    }
}

/// Joins what is left of each series where it is next to each other.
fn stretches(mut rest: Vec<Rest>) -> Vec<Stretch> {
    rest.sort_unstable_by_key(|&(number, part)| (number, part.range.first));
    let mut pieces: Vec<Stretch> = Vec::new();
    for (number, Part { cell, range }) in rest {
        match pieces.last_mut() {
            Some(before)
                if before.number == number
                    && before.range.last.checked_add(1) == Some(range.first)
                    && cell - before.last_cell <= 1 =>
            {
                before.range.last = range.last;
                before.last_cell = cell;
            }
            _ => {
                room(&mut pieces, 1);
                pieces.push(Stretch { number, range, cell, last_cell: cell });
            }
        }
    }
    pieces
}

/// Asks the base table as its owner.
pub fn as_owner<R>(tree: &Tree, ask: impl FnOnce(Base) -> R) -> R {
    fence::as_owner(tree.base, || connected(|| ask(Base(tree))))
}

/// Whether the owner of the base table can read all of it, and runs no code of others by that.
pub fn is_readable(tree: &Tree) -> bool {
    let owner = owner(tree.base);
    let may_tally = |&(_, value): &(Column, ValueType)| {
        let function = Tables::get().tally_of(value.summarised());
        function.is_some_and(|function| may_be_executed_by(function, owner) == AclResult::ACLCHECK_OK)
    };
    rights::can_read(tree.base, owner)
        && tree.values.iter().all(may_tally)
        && !rights::rows_are_hidden_from(tree.base, owner)
        && (!is_partitioned(tree.base) || strangers(tree.base, tree.base).is_none())
}

/// Pieces in order, in parts that are far apart: few, since each takes a query.
fn apart(pieces: &[Stretch], width: i64) -> Vec<&[Stretch]> {
    let (most, leaves) = FAR_APART;
    let far = width.saturating_mul(leaves);
    let mut gaps: Vec<(i64, usize)> = Vec::new();
    let mut end = i64::MAX;
    for (place, Stretch { range, .. }) in pieces.iter().enumerate() {
        let gap = range.first.saturating_sub(end);
        if end < range.first && gap > far {
            room(&mut gaps, 1);
            gaps.push((gap, place));
        }
        end = if place == 0 { range.last } else { end.max(range.last) };
    }
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    gaps.truncate(most - 1);
    let mut places: Vec<usize> = gaps.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([pieces.len()]);
    let begins = [0].into_iter().chain(places.iter().copied());
    begins.zip(ends).map(|(begin, end)| &pieces[begin..end]).collect()
}
