//! The overlay of the nodes: spans, and the log of one series, of which a part at a time is in memory.

use super::leaves::{contains, gaps, together, within, Run};
use crate::pg::memory::heap::{self, room};
use crate::powertree::model::tree::Tree;
use crate::powertree::store::log::{Change, Log, LoggedSeries};
use crate::powertree::store::span::Span;
use crate::powertree::store::tables::Tables;
use std::collections::btree_map::{BTreeMap, Entry};
use std::rc::Rc;
use tally_stats::Tally;

/// Leaves of the log that are in memory at most: some ten megabytes.
const MOST_LEAVES: usize = 100_000;

/// One value of one series of a tree.
pub struct Line {
    pub tree: Rc<Tree>,
    pub tables: Tables,
    pub value: usize,
    /// The hash of the key.
    pub series: i64,
    pub key: Vec<u8>,
}

impl Line {
    fn series(&self) -> LoggedSeries<'_> {
        LoggedSeries { hash: self.series, key: &self.key }
    }
}

pub struct Overlay {
    line: Line,
    log: Log,
    /// Leaves that the base table must answer for, of all series; in order and apart.
    spans: Vec<Run>,
    /// Whether there are nodes of the series at all.
    nodes: bool,
    /// The last leaf that is asked for.
    end: i64,
    /// The log of the leaves `loaded`, first and last.
    leaves: BTreeMap<i64, Leaf>,
    loaded: (i64, i64),
}

enum Leaf {
    /// A tally to add to that of the node.
    Add(Tally),
    /// The base table must answer.
    Dirty,
    /// The base table has answered.
    Known(Tally),
}

/// Neighbouring leaves, sorted by who answers for them.
pub struct Parts {
    /// The tally that is known without nodes and rows.
    pub tally: Tally,
    /// Leaves that the nodes answer for: from one to another.
    pub nodes: Vec<Run>,
    /// Leaves that the base table must answer for, in order and apart.
    pub rows: Vec<Run>,
}

impl Overlay {
    /// The overlay of the leaves `first ..= end`.
    pub fn new(line: Line, spans: &[Span], nodes: bool, first: i64, end: i64) -> Overlay {
        let (spans, leaves) = (together(spans), BTreeMap::new());
        let log = Log::seen(&line.tables, line.tree.id);
        let mut overlay = Overlay { line, log, spans, nodes, end, leaves, loaded: (0, -1) };
        overlay.load(first);
        overlay
    }

    /// Whether the base table must answer for any leaves of all series.
    pub fn has_spans(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Loads the log of a leaf and of those after it. Returns the last leaf whose log is in memory.
    pub fn load(&mut self, first: i64) -> i64 {
        if (self.loaded.0..=self.loaded.1).contains(&first) {
            return self.loaded.1;
        }
        self.leaves.clear();
        // After the last leaf there is nothing.
        self.loaded = (first, if first > self.end { i64::MAX } else { self.end });
        let (leaves, loaded, line) = (&mut self.leaves, &mut self.loaded, &self.line);
        self.log.of_series(line.series(), first, loaded.1, |entry| {
            heap::check();
            let change = entry.change(line.tree.values.len());
            heap::check();
            let is_full = leaves.len() >= MOST_LEAVES;
            match leaves.entry(entry.leaf) {
                Entry::Vacant(_) if is_full => {
                    loaded.1 = entry.leaf - 1;
                    return false;
                }
                Entry::Vacant(vacant) => {
                    vacant.insert(match change {
                        Change::Add(sum) => Leaf::Add(sum.tallies[line.value]),
                        Change::Dirty => Leaf::Dirty,
                    });
                }
                Entry::Occupied(mut known) => match (known.get_mut(), change) {
                    (Leaf::Add(sum), Change::Add(part)) => sum.merge(&part.tallies[line.value]),
                    (known, _) => *known = Leaf::Dirty,
                },
            }
            true
        });
        loaded.1
    }

    /// Sorts loaded leaves by who answers for them.
    pub fn parts(&self, first: i64, last: i64) -> Parts {
        let mut parts = Parts { tally: Tally::EMPTY, nodes: Vec::new(), rows: Vec::new() };
        // Leaves that the nodes do not answer for, and whether the base table must.
        let mut apart: Vec<(Run, bool)> = Vec::new();
        for span in within(&self.spans, first, last) {
            room(&mut apart, 1);
            apart.push((span, true));
        }
        for (&leaf, what) in self.leaves.range(first..=last) {
            room(&mut apart, 1);
            match what {
                _ if contains(&self.spans, leaf) => {}
                Leaf::Add(part) => parts.tally.merge(part),
                Leaf::Dirty => apart.push(((leaf, leaf), true)),
                Leaf::Known(part) => {
                    parts.tally.merge(part);
                    apart.push(((leaf, leaf), false));
                }
            }
        }
        apart.sort_unstable();
        if self.nodes {
            parts.nodes = gaps(first, last, apart.iter().map(|(run, _)| *run));
        }
        parts.rows = heap::collect(apart.into_iter().filter(|(_, read)| *read).map(|(run, _)| run));
        parts
    }

    /// Asks once for each dirty leaf among the loaded ones `first ..= last`.
    pub fn learn(&mut self, first: i64, last: i64, ask: impl Fn(i64) -> Tally) {
        for (&leaf, what) in self.leaves.range_mut(first..=last) {
            if matches!(what, Leaf::Dirty) {
                *what = Leaf::Known(ask(leaf));
            }
        }
    }

    /// Returns the numbers of the nodes of this width, in leaves, that have entries in the log.
    pub fn wide_nodes(&self, width: i128) -> Vec<i64> {
        let mut nodes = Vec::new();
        let mut from = Some(i64::MIN);
        while let Some(first) = from {
            let mut found = None;
            self.log.of_series(self.line.series(), first, i64::MAX, |entry| {
                found = Some(entry.leaf);
                false
            });
            let node = found.map(|leaf| i128::from(leaf).div_euclid(width));
            room(&mut nodes, 1);
            nodes.extend(node.map(|node| node as i64));
            from = node.and_then(|node| i64::try_from((node + 1) * width).ok());
        }
        nodes
    }
}
