//! The division of cells into what nodes answer for, leaves that cells cut, and spans that the base table answers for.

use super::leaves::{contains, cover, gaps, within, Run};
use crate::pg::memory::heap::{collect, room};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use tally_stats::tree::Leaves;

/// Neighbouring nodes of a level, leaves being level 0, that lie in a cell; None for a leaf that cells cut.
#[derive(Clone, Copy, Debug)]
pub struct NodeRun {
    pub first: i64,
    pub last: i64,
    pub cell: Option<usize>,
}

/// A part of a cell.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub cell: usize,
    pub range: Range,
}

/// The place of a leaf, or of neighbouring positions, among cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// No cell holds any of it, or it lies in a span.
    Nowhere,
    /// All of it is in one cell.
    Inside(usize),
    /// Edges of cells cut it.
    Cut,
}

/// Cells, by who answers for them.
pub struct Division<'q> {
    cells: &'q [Range],
    leaves: Leaves,
    /// The first and the last position that there are.
    ends: (i64, i64),
    /// Leaves of all series that the base table answers for, in order and apart.
    spans: Vec<Run>,
    /// The positions between which all rows of nodes are; None if there are none.
    stored: Option<Range>,
    /// Leaves at the edges of cells whose nodes have no rows beyond the edge.
    open: Vec<i64>,
    /// The nodes that answer, by level; those of a level are in order and apart.
    pub levels: Vec<Vec<NodeRun>>,
    /// The parts of cells that lie in spans.
    pub in_spans: Vec<Part>,
}

impl<'q> Division<'q> {
    pub fn of(tree: &Tree, cells: &'q [Range], spans: Vec<Run>, stored: Option<Range>) -> Division<'q> {
        let levels = (0..tree.height).map(|_| Vec::new()).collect();
        let (leaves, ends) = (tree.leaves, tree.position.ends());
        let (open, in_spans) = (Vec::new(), Vec::new());
        let mut division = Division { cells, leaves, ends, spans, stored, open, levels, in_spans };
        for (cell, range) in cells.iter().enumerate().filter(|(_, range)| !range.is_empty()) {
            division.add(tree, cell, *range);
        }
        division
    }

    fn add(&mut self, tree: &Tree, cell: usize, range: Range) {
        let (begin, end) = (self.leaves.of(range.first), self.leaves.of(range.last));
        self.add_nodes(tree, cell, range);
        for span in within(&self.spans, begin, end) {
            let range = self.positions(span, range);
            if !range.is_empty() {
                room(&mut self.in_spans, 1);
                self.in_spans.push(Part { cell, range });
            }
        }
    }

    /// Adds the nodes of a cell. One beyond whose edge no node has rows goes on to the end of the line: that takes fewer of them.
    fn add_nodes(&mut self, tree: &Tree, cell: usize, range: Range) {
        let leaves = self.leaves;
        let (begin, end) = (leaves.of(range.first), leaves.of(range.last));
        let (mut first, mut last) = leaves.inside(range.first, range.last);
        let Some(stored) = self.stored else { return };
        if range.last < stored.first || range.first > stored.last {
            return;
        }
        let (is_first, is_last) = (range.first <= stored.first, range.last >= stored.last);
        // Another cell may have rows of the same leaf.
        let opens = is_first && (is_last || leaves.last(begin) <= range.last);
        let closes = is_last && (is_first || leaves.first(end) >= range.first);
        if opens {
            self.open.extend(Some(begin).filter(|&leaf| leaves.first(leaf) < range.first));
            first = leaves.of(self.ends.0);
        } else if begin < first || first > last && !closes {
            self.add_cut(begin);
        }
        if closes {
            self.open.extend(Some(end).filter(|&leaf| leaves.last(leaf) > range.last));
            last = leaves.of(self.ends.1);
        }
        if first <= last {
            for run in gaps(first, last, within(&self.spans, first, last)) {
                let nodes = cover(tree, run).into_iter();
                for nodes in nodes.filter(|nodes| reaches(nodes, leaves, stored)) {
                    let level = &mut self.levels[nodes.level as usize];
                    room(level, 1);
                    level.push(NodeRun { first: nodes.first, last: nodes.last, cell: Some(cell) });
                }
            }
        }
        if !closes && end > last {
            self.add_cut(end);
        }
    }

    /// Whether a leaf that cells cut is counted with all that nodes have of it.
    pub fn is_open(&self, leaf: i64) -> bool {
        self.open.contains(&leaf)
    }

    /// Adds a leaf that a cell cuts, once.
    fn add_cut(&mut self, leaf: i64) {
        let lowest = &mut self.levels[0];
        if lowest.last().is_none_or(|run| run.last < leaf) && !contains(&self.spans, leaf) {
            room(lowest, 1);
            lowest.push(NodeRun { first: leaf, last: leaf, cell: None });
        }
    }

    /// The positions of neighbouring leaves, as far as they are in a range.
    fn positions(&self, run: Run, range: Range) -> Range {
        Range {
            first: self.leaves.first(run.0).max(range.first).max(self.ends.0),
            last: self.leaves.last(run.1).min(range.last).min(self.ends.1),
        }
    }

    /// The first and the last leaf of all cells; None if there are no cells.
    pub fn leaves(&self) -> Option<Run> {
        let (first, last) = (self.cells.first()?, self.cells.last()?);
        Some((self.leaves.of(first.first), self.leaves.of(last.last)))
    }

    /// The first positions of neighbouring cells.
    pub fn begins(&self, first: usize, last: usize) -> Vec<i64> {
        collect(self.cells[first..=last].iter().map(|cell| cell.first))
    }

    /// The length of all cells.
    pub fn length(&self) -> f64 {
        length(self.cells.iter().filter(|cell| !cell.is_empty()).copied())
    }

    /// The length of what lies in spans.
    pub fn length_in_spans(&self) -> f64 {
        length(self.in_spans.iter().map(|part| part.range))
    }

    /// The length of what lies in leaves that cells cut.
    pub fn length_cut(&self) -> f64 {
        let cut = self.levels.first().into_iter().flatten().filter(|run| run.cell.is_none());
        length(cut.flat_map(|run| self.parts((run.first, run.last))).map(|part| part.range))
    }

    /// The cells that hold a position at or after this one, of which the first may hold it.
    fn from(&self, position: i64) -> impl Iterator<Item = (usize, Range)> + '_ {
        let first = self.cells.partition_point(|cell| cell.last < position);
        (first..).zip(self.cells[first..].iter().copied())
    }

    /// Finds out where a leaf lies.
    pub fn place(&self, leaf: i64) -> Whereabouts {
        let (first, last) = (self.leaves.first(leaf), self.leaves.last(leaf));
        match self.place_of(first, last) {
            Whereabouts::Nowhere => Whereabouts::Nowhere,
            _ if contains(&self.spans, leaf) => Whereabouts::Nowhere,
            place => place,
        }
    }

    /// Finds out where neighbouring positions lie, whatever the spans are.
    pub fn place_of(&self, first: i64, last: i64) -> Whereabouts {
        match self.from(first).next() {
            Some((cell, range)) if range.first <= first && last <= range.last => Whereabouts::Inside(cell),
            Some((_, range)) if range.first <= last => Whereabouts::Cut,
            _ => Whereabouts::Nowhere,
        }
    }

    /// The parts of cells in neighbouring leaves.
    pub fn parts(&self, run: Run) -> impl Iterator<Item = Part> + '_ {
        let last = self.leaves.last(run.1);
        self.from(self.leaves.first(run.0))
            .take_while(move |(_, range)| range.first <= last)
            .map(move |(cell, range)| Part { cell, range: self.positions(run, range) })
            .filter(|part| !part.range.is_empty())
    }

    /// The leaves below nodes `first ..= last` of a level, as far as there are such leaves.
    pub fn below(level: u32, node: i64) -> Run {
        let width = 10_i128.pow(level);
        let clamp = |leaf: i128| leaf.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let first = i128::from(node) * width;
        (clamp(first), clamp(first + width - 1))
    }
}

/// Whether some of these nodes may have rows.
fn reaches(nodes: &tally_stats::tree::Run, leaves: Leaves, stored: Range) -> bool {
    let (first, _) = Division::below(nodes.level, nodes.first);
    let (_, last) = Division::below(nodes.level, nodes.last);
    first <= leaves.of(stored.last) && leaves.of(stored.first) <= last
}

/// The length of ranges together.
pub fn length(ranges: impl Iterator<Item = Range>) -> f64 {
    ranges.map(|range| range.last.abs_diff(range.first) as f64 + 1.0).sum()
}
