//! Matching of the rows of the table in a cell of a series with the rows that they are joined with.

mod buckets;
mod candidates;

use super::joined::PreparedDimension;
use super::place::{Known, Place, Places};
use crate::pg::memory::heap;
use crate::powertree::model::question::Range;
use crate::rewrite::rollups::terms::join::JoinKind;
use crate::rewrite::rollups::terms::shape::Shape;
use candidates::Candidates;

/// Matches of all dimensions.
pub struct Matching<'a> {
    dimensions: Vec<Matches<'a>>,
    /// The rows of each dimension at the place in question.
    found: Vec<Vec<u32>>,
    /// Rows of the only dimension that match no row of the table; empty unless they are asked for.
    unmatched: Vec<bool>,
}

/// Matches of one dimension.
struct Matches<'a> {
    place: usize,
    dimension: &'a PreparedDimension,
    /// The shape of the conditions of the join, but for the joined rows.
    shape: Shape,
    /// The rows that may match; None until the first place is asked for.
    candidates: Option<Candidates>,
    /// The bytes that these take.
    bytes: usize,
    /// The places in `rows` of those that match: from and to.
    known: Known<(usize, usize)>,
    rows: Vec<u32>,
}

impl<'a> Matching<'a> {
    pub fn new(dimensions: &'a [PreparedDimension], places: &Places) -> Matching<'a> {
        let mut all = Vec::new();
        let mut unmatched = Vec::new();
        for (place, dimension) in dimensions.iter().enumerate() {
            let shapes = dimension.clauses.iter().map(|(_, shape)| *shape);
            let shape = Shape { joined: false, ..shapes.fold(Shape::FREE, Shape::and) };
            all.push(Matches {
                place,
                dimension,
                shape,
                candidates: None,
                bytes: 0,
                known: Known::new(shape),
                rows: Vec::new(),
            });
            if dimension.kind == JoinKind::Gaps {
                let count = places.joined.num_rows(place);
                heap::room(&mut unmatched, count);
                unmatched.resize(count, true);
            }
        }
        Matching { found: vec![Vec::new(); all.len()], dimensions: all, unmatched }
    }

    /// The cells in which a row may be joined, as far as comparisons tell: they cannot fail where the table has no row.
    pub fn cells(&mut self, places: &Places) -> Vec<Range> {
        let mut may_match = Vec::new();
        heap::room(&mut may_match, places.cells.len());
        may_match.resize(places.cells.len(), true);
        for one in self.dimensions.iter_mut().filter(|one| one.dimension.kind.needs_match()) {
            if one.dimension.hashed.is_empty() {
                if let Candidates::ByCell(cells) = one.candidates(places) {
                    cells
                        .iter()
                        .zip(&mut may_match)
                        .for_each(|(rows, may_match)| *may_match &= !rows.is_empty());
                }
            }
        }
        let cells = places.cells.iter().zip(may_match);
        heap::collect(cells.filter(|(_, may_match)| *may_match).map(|(cell, _)| *cell))
    }

    /// Whether the newest series can match, as far as that depends on the series alone. What is found out about one that cannot is
    /// forgotten.
    pub fn accepts(&mut self, places: &Places) -> bool {
        let place = Place { series: places.series.len() - 1, cell: 0, joined: 0 };
        let mut found = Vec::new();
        let accepts = self.dimensions.iter_mut().filter(|one| one.shape.is_of_series_alone()).all(|one| {
            found.clear();
            one.find(places, place, &mut found);
            !found.is_empty()
        });
        if !accepts {
            self.dimensions.iter_mut().for_each(|one| one.known.forget(place));
        }
        accepts
    }

    /// Finds the combinations of rows that are joined with those at a place.
    pub fn find(&mut self, places: &mut Places, place: Place, combinations: &mut Vec<usize>) {
        combinations.clear();
        for (one, found) in self.dimensions.iter_mut().zip(&mut self.found) {
            found.clear();
            one.find(places, place, found);
        }
        if self.found.iter().any(Vec::is_empty) {
            return;
        }
        let count: usize = self.found.iter().map(Vec::len).product();
        heap::room(combinations, count);
        let mut rows = vec![0; self.found.len()];
        for number in 0..count {
            let mut rest = number;
            for (row, found) in rows.iter_mut().zip(&self.found) {
                *row = found[rest % found.len()];
                rest /= found.len();
            }
            combinations.push(places.joined.number(&rows));
        }
    }

    /// Notes that a combination has rows of the table.
    pub fn note(&mut self, combination: usize) {
        if let Some(unmatched) = self.unmatched.get_mut(combination) {
            *unmatched = false;
        }
    }

    /// The joined rows to be kept that have no row of the table.
    pub fn unmatched(&self) -> Vec<usize> {
        let unmatched = self.unmatched.iter().enumerate();
        heap::collect(unmatched.filter(|(_, &is_unmatched)| is_unmatched).map(|(row, _)| row))
    }

    /// Bytes in use.
    pub fn memory(&self) -> usize {
        self.dimensions.iter().map(Matches::memory).sum::<usize>() + self.unmatched.capacity()
    }
}

impl Matches<'_> {
    /// Finds the rows that are joined with those at a place; the number after the last is that of NULLs.
    fn find(&mut self, places: &Places, place: Place, found: &mut Vec<u32>) {
        self.candidates(places);
        let Matches { place: number, dimension, shape, candidates, known, rows, .. } = self;
        let Some(candidates) = candidates else { return };
        let before = rows.len();
        let mut search = || {
            candidates.search(dimension, *number, places, place, rows);
            (before, rows.len())
        };
        // What depends on both is hardly asked twice.
        let is_kept = !(shape.series && shape.depends_on_time());
        let (from, to) = if is_kept { known.at(place, search) } else { search() };
        heap::room(found, to - from);
        found.extend_from_slice(&rows[from..to]);
        if !is_kept {
            rows.truncate(before);
        }
    }

    /// The rows that may match, found out at the first question.
    fn candidates(&mut self, places: &Places) -> &Candidates {
        self.candidates.get_or_insert_with(|| {
            let candidates = Candidates::of(self.dimension, self.place, places);
            self.bytes = candidates.memory();
            candidates
        })
    }

    fn memory(&self) -> usize {
        self.bytes + self.rows.capacity() * size_of::<u32>()
    }
}
