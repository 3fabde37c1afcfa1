//! Answers for one series: nodes, the log and rows of the base table, all in the active snapshot.

use super::access::Access;
use super::leaves::cover;
use super::overlay::{Line, Overlay};
use crate::pg::memory::heap::room;
use crate::pg::server::error::raise;
use crate::pg::tables::table::{Snapshot, Table};
use crate::pg::values::value::Value;
use crate::powertree::base::query::{AmongArchived, Base};
use crate::powertree::model::key;
use crate::powertree::model::question::{LastValues, Query, Range};
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::nodes::Nodes;
use crate::powertree::store::series::key_of;
use crate::powertree::store::tables::Tables;
use pgrx::PgSqlErrorCode;
use std::collections::HashMap;
use std::rc::Rc;
use tally_stats::tree::{last, Block};
use tally_stats::Tally;

/// The number of leaves from which on their rows are read with a plan of their own.
const WIDE: i64 = 100;

/// Nodes that are remembered after they were read: some megabytes.
const MOST_BLOCKS: usize = 1000;

/// A reader of one value of one series. SPI is connected while it works.
pub struct Reader {
    tree: Rc<Tree>,
    tables: Tables,
    value: usize,
    key: Vec<Value>,
    series: i64,
    /// The overlay; None if the base table must answer alone.
    overlay: Option<Overlay>,
    nodes: Table,
    /// Nodes that were read.
    blocks: HashMap<(u32, i64), Option<Rc<Block>>>,
}

impl Reader {
    /// Returns what `ask` finds out about the leaves that `range` touches.
    ///
    /// A partition that is truncated at the same time would take rows from an answer whose nodes still count them: then the
    /// base table answers alone.
    pub fn answer<R>(
        tree: &Rc<Tree>,
        value: usize,
        key: &[Value],
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
    fn new(tree: Rc<Tree>, value: usize, key: Vec<Value>, range: Range) -> Reader {
        let tables = Tables::get();
        let mut bytes = Vec::new();
        tree.series.iter().zip(&key).for_each(|(column, &datum)| column.encode_parsed(datum, &mut bytes));
        let series = key::hash(&bytes);
        let line = Line { tree: tree.clone(), tables, value, series, key: bytes };
        let overlay = Reader::overlay(line, range);
        let nodes = Table::read(tables.node);
        Reader { tree, tables, value, key, series, overlay, nodes, blocks: HashMap::new() }
    }

    fn overlay(line: Line, range: Range) -> Option<Overlay> {
        let tree = &line.tree;
        if rights::rows_are_hidden(tree.base) {
            return None;
        }
        let Access::Tree(spans) = Access::of(&line.tables, tree.id) else { return None };
        let stored = key_of(&line.tables, tree.id, line.series, Snapshot::Active);
        if stored.as_ref().is_some_and(|stored| *stored != line.key) {
            return None;
        }
        let (first, end) = (tree.leaves.of(range.first), tree.leaves.of(range.last));
        Some(Overlay::new(line, &spans, stored.is_some(), first, end))
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
        Base(&self.tree).read_range(query, self.value, &self.key, range)
    }

    /// The tallies of the rows of a range, which is cut where each of `begins` is; the first place is 1.
    pub fn rows_between(&self, range: Range, begins: &[i64], each: impl FnMut(usize, Tally)) {
        Base(&self.tree).read_buckets(self.value, &self.key, range, begins, each);
    }

    /// Returns what is known without the base table, and the ranges that it must answer for, in order and apart.
    pub fn stored(&mut self, range: Range) -> (Tally, Vec<Range>) {
        let (mut tally, mut rows) = (Tally::EMPTY, Vec::new());
        let mut add_rows = |more: Range| match rows.last_mut() {
            _ if more.is_empty() => {}
            Some(Range { last, .. }) if i128::from(*last) + 1 >= i128::from(more.first) => {
                *last = more.last.max(*last);
            }
            _ => {
                room(&mut rows, 1);
                rows.push(more);
            }
        };
        let leaves = self.tree.leaves;
        let (first, last) = leaves.inside(range.first, range.last);
        if self.overlay.is_none() {
            add_rows(range);
            return (tally, rows);
        }
        if first > last {
            self.with_values(range).into_iter().for_each(add_rows);
            return (tally, rows);
        }
        if let Some(end) = leaves.first(first).checked_sub(1) {
            self.with_values(Range { first: range.first, last: end }).into_iter().for_each(&mut add_rows);
        }
        let mut next = Some(first);
        while let Some(from) = next.filter(|&from| from <= last) {
            let Some(overlay) = &mut self.overlay else { break };
            let until = overlay.load(from).min(last);
            let parts = overlay.parts(from, until);
            tally.merge(&parts.tally);
            for (begin, end) in parts.rows {
                add_rows(Range {
                    first: leaves.first(begin).max(range.first),
                    last: leaves.last(end).min(range.last),
                });
            }
            for (begin, end) in parts.nodes {
                self.add_nodes(begin, end, &mut tally);
            }
            next = until.checked_add(1);
        }
        if let Some(begin) = leaves.last(last).checked_add(1) {
            self.with_values(Range { first: begin, last: range.last }).into_iter().for_each(add_rows);
        }
        (tally, rows)
    }

    /// Returns a range of at most two leaves without those that are known to have no values.
    fn with_values(&mut self, range: Range) -> Vec<Range> {
        let leaves = self.tree.leaves;
        let mut rest = Vec::new();
        if range.is_empty() {
            return rest;
        }
        for leaf in leaves.of(range.first)..=leaves.of(range.last) {
            let Some(overlay) = &mut self.overlay else { break };
            overlay.load(leaf);
            let mut parts = overlay.parts(leaf, leaf);
            for (begin, end) in parts.nodes {
                self.add_nodes(begin, end, &mut parts.tally);
            }
            if !parts.rows.is_empty() || parts.tally.num_vals() > 0 {
                rest.push(Range {
                    first: leaves.first(leaf).max(range.first),
                    last: leaves.last(leaf).min(range.last),
                });
            }
        }
        rest
    }

    /// Adds the tallies of leaves as the nodes have them.
    fn add_nodes(&mut self, first: i64, last: i64, tally: &mut Tally) {
        let value = self.value;
        for run in cover(&self.tree, (first, last)) {
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

    /// The block of a node, None if nothing is below it.
    fn block(&mut self, level: u32, node: i64) -> Option<Rc<Block>> {
        if let Some(block) = self.blocks.get(&(level, node)) {
            return block.clone();
        }
        // What its parent, which is asked more often, knows to be empty need not be looked for.
        let is_empty = level < self.tree.height
            && self.block(level + 1, node.div_euclid(10)).is_none_or(|parent| parent.extent(node).rows == 0);
        let mut found = None;
        if !is_empty {
            self.nodes()
                .read(Snapshot::Active, level, node, node, |stored| found = Some(Rc::new(stored.block)));
        }
        if self.blocks.len() >= MOST_BLOCKS {
            self.blocks.clear();
        }
        room(&mut self.blocks, 1);
        self.blocks.insert((level, node), found.clone());
        found
    }

    /// The last `need` values, or all if there are fewer. O(log of the rows), and the rows of one leaf.
    pub fn last(&mut self, need: i64) -> LastValues {
        let (least, greatest) = self.tree.position.ends();
        let line = Range { first: least, last: greatest };
        let Some(overlay) = self.overlay.as_ref().filter(|overlay| !overlay.has_spans()) else {
            let found = Base(&self.tree).read_last(self.value, &self.key, line, need);
            return found.unwrap_or_else(|among| self.refuse_last(need, among));
        };
        let top = self.tree.height;
        let width = 10_i128.pow(top);
        let mut tops = overlay.wide_nodes(width);
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
        let after = cut.after.num_vals();
        let mut result = self.rows_of(cut.leaf, cut.need).unwrap_or_else(|AmongArchived { fewer, more }| {
            self.refuse_last(need, AmongArchived { fewer: after + fewer, more: after + more })
        });
        if after > 0 {
            let newest = last(1, &tops, top, |first, last| self.leaves(first, last));
            result.last = newest.and_then(|newest| self.rows_of(newest.leaf, 1).ok()?.last);
            result.tally.merge(&cut.after);
        }
        result
    }

    fn rows_of(&self, leaf: i64, need: i64) -> Result<LastValues, AmongArchived> {
        let leaves = self.tree.leaves;
        let range = Range { first: leaves.first(leaf), last: leaves.last(leaf) };
        Base(&self.tree).read_last(self.value, &self.key, range, need)
    }

    /// Raises the error that the last values begin among archived rows.
    fn refuse_last(&self, need: i64, AmongArchived { fewer, more }: AmongArchived) -> ! {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("the last {need} values begin among archived rows of power tree \"{}\"", self.tree.name),
            format!("After these rows there are {fewer} values, and {more} with them."),
            "Ask for one of these numbers, if it is not 0, or restore the rows.",
        )
    }

    /// The tally of whole leaves. Answers of the base table for dirty ones are remembered while their log is in memory.
    fn leaves(&mut self, first: i64, last: i64) -> Tally {
        let (tree, value) = (self.tree.clone(), self.value);
        let mut next = Some(first);
        while let (Some(from), Some(overlay)) = (next.filter(|&from| from <= last), &mut self.overlay) {
            let until = overlay.load(from).min(last);
            overlay.learn(from, until, |leaf| {
                let range = Range { first: tree.leaves.first(leaf), last: tree.leaves.last(leaf) };
                Base(&tree).read_range(Query::Range, value, &self.key, range)
            });
            next = until.checked_add(1);
        }
        let leaves = self.tree.leaves;
        self.range(Range { first: leaves.first(first), last: leaves.last(last) })
    }
}
