//! Answers for one series: nodes, the log and rows of the base table, all in the active snapshot.

use super::access::Access;
use super::base::{LastValues, Query, Range};
use super::catalog::Tables;
use super::definition::Tree;
use super::key;
use super::log::{self, Change};
use super::nodes::{series_key, Nodes};
use super::rights;
use super::storage::{Snapshot, Table};
use crate::pg::memory::{self, room};
use pgrx::pg_sys::Datum;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use tally_stats::tree::{cover, last, Block};
use tally_stats::Tally;

/// Rows of so many leaves are read with a plan of their own.
const WIDE: i64 = 100;

/// A reader of one value of one series. SPI is connected while it works.
pub struct Reader {
    tree: Rc<Tree>,
    tables: Tables,
    value: usize,
    key: Vec<Datum>,
    series: i64,
    /// None if the base table must answer alone.
    overlay: Option<Overlay>,
    nodes: Table,
    /// Nodes that were read.
    blocks: HashMap<(u32, i64), Option<Rc<Block>>>,
}

/// What lies over the nodes.
#[derive(Default)]
struct Overlay {
    leaves: BTreeMap<i64, Leaf>,
    /// Leaves that the base table must answer for, of all series.
    spans: Vec<(i64, i64)>,
    /// Are there nodes of the series at all?
    nodes: bool,
}

enum Leaf {
    /// Add this to what the node says.
    Add(Tally),
    /// The base table must say.
    Dirty,
    /// The base table has said.
    Known(Tally),
}

impl Reader {
    /// What `ask` learns of the leaves that `range` touches.
    ///
    /// A partition that is truncated meanwhile would take rows from an answer whose nodes still count them: then the
    /// base table answers alone.
    pub fn answer<R>(
        tree: &Rc<Tree>,
        value: usize,
        key: &[Datum],
        range: Range,
        ask: impl Fn(&mut Reader) -> R,
    ) -> R {
        let mut reader = Reader::new(tree.clone(), value, key.to_vec(), range);
        let answer = ask(&mut reader);
        if reader.overlay.is_none() || matches!(Access::of(&reader.tables, tree.id), Access::Tree(_)) {
            return answer;
        }
        reader.overlay = None;
        ask(&mut reader)
    }

    /// A reader of the leaves that `range` touches.
    fn new(tree: Rc<Tree>, value: usize, key: Vec<Datum>, range: Range) -> Reader {
        let tables = Tables::get();
        let mut bytes = Vec::new();
        tree.series.iter().zip(&key).for_each(|(column, &datum)| column.encode(datum, &mut bytes));
        let series = key::hash(&bytes);
        let overlay = Reader::overlay(&tree, &tables, value, series, &bytes, range);
        let nodes = Table::read(tables.node);
        Reader { tree, tables, value, key, series, overlay, nodes, blocks: HashMap::new() }
    }

    fn overlay(
        tree: &Tree,
        tables: &Tables,
        value: usize,
        series: i64,
        key: &[u8],
        range: Range,
    ) -> Option<Overlay> {
        if rights::rows_are_hidden(tree.base) {
            return None;
        }
        let Access::Tree(spans) = Access::of(tables, tree.id) else { return None };
        let stored = series_key(tables, tree.id, series, Snapshot::Active);
        if stored.as_deref().is_some_and(|stored| stored != key) {
            return None;
        }
        let (first, last) = (tree.leaves.of(range.first), tree.leaves.of(range.last));
        let changes = log::pending(tables, tree.id, tree.values.len(), series, key, first, last);
        let mut leaves = BTreeMap::new();
        for (leaf, change) in changes {
            memory::check();
            let known = match change {
                Change::Add(tallies) => Leaf::Add(tallies[value]),
                Change::Dirty => Leaf::Dirty,
            };
            leaves.insert(leaf, known);
        }
        Some(Overlay {
            leaves,
            spans: memory::collect(spans.iter().map(|span| (span.first, span.last))),
            nodes: stored.is_some(),
        })
    }

    /// The tally of the values between two positions. O(log of the range), and the rows of the two leaves that it cuts.
    pub fn range(&mut self, range: Range) -> Tally {
        let (tally, rest) = self.stored(range);
        self.with_rows(tally, &rest)
    }

    /// Adds the rows of the base table in these ranges.
    fn with_rows(&self, mut tally: Tally, ranges: &[Range]) -> Tally {
        for &range in ranges {
            tally.merge(&self.rows(range));
        }
        tally
    }

    /// The tally of the rows of the base table in a range.
    pub fn rows(&self, range: Range) -> Tally {
        let leaves = self.tree.leaves.of(range.last).saturating_sub(self.tree.leaves.of(range.first));
        let query = if leaves < WIDE { Query::Range } else { Query::WideRange };
        self.tree.read_range(query, self.value, &self.key, range)
    }

    /// The tallies of the rows of a range, which is cut where each of `begins` is; the first place is 1.
    pub fn rows_between(&self, range: Range, begins: &[i64], each: impl FnMut(usize, Tally)) {
        self.tree.read_buckets(self.value, &self.key, range, begins, each);
    }

    /// What is known without the base table, and the ranges that it must answer for, in order and apart.
    pub fn stored(&mut self, range: Range) -> (Tally, Vec<Range>) {
        if range.is_empty() {
            return (Tally::EMPTY, Vec::new());
        }
        let Some(overlay) = &self.overlay else { return (Tally::EMPTY, vec![range]) };
        let leaves = self.tree.leaves;
        let (first, last) = leaves.inside(range.first, range.last);
        if first > last {
            return (Tally::EMPTY, vec![range]);
        }
        let mut tally = Tally::EMPTY;
        // Leaves that the nodes do not answer for.
        let mut apart: Vec<(i64, i64, bool)> = Vec::new();
        for &(begin, end) in &overlay.spans {
            if begin <= last && first <= end {
                room(&mut apart, 1);
                apart.push((begin.max(first), end.min(last), true));
            }
        }
        let spanned = |leaf| overlay.spans.iter().any(|&(begin, end)| begin <= leaf && leaf <= end);
        for (&leaf, what) in overlay.leaves.range(first..=last) {
            room(&mut apart, 1);
            match what {
                _ if spanned(leaf) => {}
                Leaf::Add(part) => tally.merge(part),
                Leaf::Dirty => apart.push((leaf, leaf, true)),
                Leaf::Known(part) => {
                    tally.merge(part);
                    apart.push((leaf, leaf, false));
                }
            }
        }
        apart.sort_unstable();
        let mut rows: Vec<Range> = Vec::new();
        let mut add_rows = |more: Range| match rows.last_mut() {
            _ if more.is_empty() => {}
            Some(before) if i128::from(before.last) + 1 >= i128::from(more.first) => {
                before.last = before.last.max(more.last);
            }
            _ => {
                room(&mut rows, 1);
                rows.push(more);
            }
        };
        if leaves.first(first) > range.first {
            add_rows(Range { first: range.first, last: leaves.first(first) - 1 });
        }
        let mut clean = Vec::new();
        // The next leaf to account for; none after the last leaf of the line.
        let mut next = Some(first);
        for (begin, end, read) in apart {
            let Some(from) = next else { break };
            if begin > from {
                room(&mut clean, 1);
                clean.push((from, begin - 1));
            }
            if read {
                add_rows(Range {
                    first: leaves.first(begin).max(range.first),
                    last: leaves.last(end).min(range.last),
                });
            }
            next = if end >= from { end.checked_add(1) } else { next };
        }
        if let Some(from) = next.filter(|&from| from <= last) {
            clean.push((from, last));
        }
        if let Some(begin) = leaves.last(last).checked_add(1).filter(|&begin| begin <= range.last) {
            add_rows(Range { first: begin, last: range.last });
        }
        if overlay.nodes {
            for (first, last) in clean {
                self.add_nodes(first, last, &mut tally);
            }
        }
        (tally, rows)
    }

    /// Adds what the nodes say of leaves.
    fn add_nodes(&mut self, first: i64, last: i64, tally: &mut Tally) {
        let value = self.value;
        for run in cover(first, last, self.tree.height) {
            let level = run.level + 1;
            let (begin, end) = (run.first.div_euclid(10), run.last.div_euclid(10));
            let mut add = |node: i64, block: &Block| {
                let children = node.saturating_mul(10)..=node.saturating_mul(10).saturating_add(9);
                for child in children.filter(|child| (run.first..=run.last).contains(child)) {
                    tally.merge(&block.child(child)[value]);
                }
            };
            if begin == end {
                if let Some(block) = self.block(level, begin) {
                    add(begin, &block);
                }
            } else {
                self.nodes()
                    .read(Snapshot::Active, level, begin, end, |stored| add(stored.node, &stored.block));
            }
        }
    }

    fn nodes(&self) -> Nodes<'_> {
        let (tree, values) = (self.tree.id, self.tree.values.len());
        Nodes { tables: &self.tables, table: &self.nodes, tree, values, series: self.series }
    }

    fn block(&mut self, level: u32, node: i64) -> Option<Rc<Block>> {
        if let Some(block) = self.blocks.get(&(level, node)) {
            return block.clone();
        }
        let mut found = None;
        self.nodes().read(Snapshot::Active, level, node, node, |stored| found = Some(Rc::new(stored.block)));
        room(&mut self.blocks, 1);
        self.blocks.insert((level, node), found.clone());
        found
    }

    /// The last `need` values, or all if there are fewer. O(log of the rows), and the rows of one leaf.
    pub fn last(&mut self, need: i64) -> LastValues {
        let (least, greatest) = self.tree.position.ends();
        let line = Range { first: least, last: greatest };
        let Some(overlay) = self.overlay.as_ref().filter(|overlay| overlay.spans.is_empty()) else {
            return self.tree.read_last(self.value, &self.key, line, need);
        };
        let top = self.tree.height;
        let width = 10_i128.pow(top);
        let of_leaf = |leaf: i64| i128::from(leaf).div_euclid(width) as i64;
        let mut tops = memory::collect(overlay.leaves.keys().map(|&leaf| of_leaf(leaf)));
        self.nodes().read(Snapshot::Active, top, i64::MIN, i64::MAX, |stored| {
            room(&mut tops, 1);
            tops.push(stored.node);
        });
        tops.sort_unstable_by(|a, b| b.cmp(a));
        tops.dedup();
        let cut = last(need, &tops, top, |first, last| self.leaves(first, last)).or_else(|| {
            let all = self.leaves(self.tree.leaves.of(least), self.tree.leaves.of(greatest)).num_vals();
            (all > 0).then(|| last(all, &tops, top, |first, last| self.leaves(first, last))).flatten()
        });
        let Some(cut) = cut else {
            return LastValues { tally: Tally::EMPTY, first: None, last: None };
        };
        let mut result = self.rows_of(cut.leaf, cut.need);
        if cut.after.num_vals() > 0 {
            let newest = last(1, &tops, top, |first, last| self.leaves(first, last));
            result.last = newest.and_then(|newest| self.rows_of(newest.leaf, 1).last);
            result.tally.merge(&cut.after);
        }
        result
    }

    fn rows_of(&self, leaf: i64, need: i64) -> LastValues {
        let leaves = self.tree.leaves;
        let range = Range { first: leaves.first(leaf), last: leaves.last(leaf) };
        self.tree.read_last(self.value, &self.key, range, need)
    }

    /// The tally of whole leaves; what the base table says of a dirty one is remembered.
    fn leaves(&mut self, first: i64, last: i64) -> Tally {
        let (tree, value) = (self.tree.clone(), self.value);
        if let Some(overlay) = &mut self.overlay {
            for (&leaf, what) in overlay.leaves.range_mut(first..=last) {
                if matches!(what, Leaf::Dirty) {
                    let range = Range { first: tree.leaves.first(leaf), last: tree.leaves.last(leaf) };
                    *what = Leaf::Known(tree.read_range(Query::Range, value, &self.key, range));
                }
            }
        }
        let leaves = self.tree.leaves;
        self.range(Range { first: leaves.first(first), last: leaves.last(last) })
    }
}
