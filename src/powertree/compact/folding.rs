//! Folding the log into the nodes, for a compaction that has taken its lock and its snapshot.

use crate::pg::memory::heap;
use crate::pg::memory::scratch::Scratch;
use crate::pg::server::error::raise;
use crate::pg::server::process::now;
use crate::pg::server::transaction::oldest_running;
use crate::pg::tables::catalog::{advance, transaction_number};
use crate::pg::tables::table::{ScanKey, Snapshot, Table, Writer};
use crate::powertree::base::progress::Progress;
use crate::powertree::base::query::Base;
use crate::powertree::model::key::{self, SameHash};
use crate::powertree::model::question::Range;
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::log::{Change, Log};
use crate::powertree::store::nodes::{NewNodes, Nodes};
use crate::powertree::store::series;
use crate::powertree::store::span;
use crate::powertree::store::state;
use crate::powertree::store::state::{Totals, TreeState, FORMAT};
use crate::powertree::store::tables::Tables;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use tally_stats::tree::{Block, Contents};

/// The number of leaves of a series that are kept in memory while a span is recomputed.
const MOST_LEAVES: usize = 20_000;

/// A change of a leaf or of a node.
enum Update {
    Add(Contents),
    Set(Contents),
}

/// Updates by leaf, or by node of a level.
type Updates = BTreeMap<i64, Update>;

/// Folds what the active snapshot sees.
pub fn fold(tables: &Tables, tree: &Tree, mut state: TreeState) {
    state::require_format(tables);
    if rights::rows_are_hidden(tree.base) {
        raise(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "row security is forced on the table of a power tree",
            "Its owner does not see all rows.",
            "Reads go to the table. Undo FORCE ROW LEVEL SECURITY, or drop the tree.",
        );
    }
    let (nodes, series) = (Table::write(tables.node), Table::write(tables.series));
    let (log, spans) = (Table::write(tables.log), Table::write(tables.span));
    let folding = Folding {
        tables,
        tree,
        nodes: &nodes,
        node_writer: nodes.writer(),
        series: series.writer(),
        log: log.writer(),
        new_nodes: RefCell::default(),
        memory: Scratch::new("power tree compaction"),
        progress: RefCell::new(Progress::new(&tree.name)),
        totals: Cell::new(state.totals),
    };
    let seen = span::all(tables, tree.id, Snapshot::Active);
    let mut recomputed: Vec<(i64, i64)> = seen.iter().map(|span| (span.first, span.last)).collect();
    if state.format != FORMAT {
        recomputed = vec![(i64::MIN, i64::MAX)];
        // Earlier snapshots see nodes that this version does not read.
        state.horizon = transaction_number();
        state.format = FORMAT;
    }
    let mut done = Ok(());
    for &(first, last) in recomputed.iter().filter(|(first, last)| first <= last) {
        done = done.and_then(|()| folding.recompute(first, last));
    }
    let is_recomputed = |leaf: i64| recomputed.iter().any(|&(first, last)| first <= leaf && leaf <= last);
    let done = done.and_then(|()| folding.fold_log(is_recomputed));
    let span_writer = spans.writer();
    for span in &seen {
        state.horizon = state.horizon.max(span.barrier.unwrap_or(0));
        span_writer.delete(span.row);
    }
    state.stale = done.err().map(|SameHash| "two of its series have the same hash".to_owned());
    state.compactions += 1;
    state.totals = folding.totals.get();
    state.folded = oldest_running();
    state.compacted_at = Some(now());
    state.write(tables);
}

/// A reading of all leaves in a range: by series, and each leaf once.
type LeafReading<'t> = fn(Base<'t>, Range, &mut dyn FnMut(Vec<u8>, i64, Contents));

struct Folding<'a> {
    tables: &'a Tables,
    tree: &'a Tree,
    nodes: &'a Table,
    node_writer: Writer<'a>,
    series: Writer<'a>,
    log: Writer<'a>,
    new_nodes: RefCell<NewNodes>,
    /// The memory context for what is only needed while the nodes of one series are written.
    memory: Scratch,
    progress: RefCell<Progress>,
    totals: Cell<Totals>,
}

/// The log of one series.
#[derive(Default)]
struct Entries {
    series: i64,
    key: Vec<u8>,
    changes: BTreeMap<i64, Change>,
    rows: Vec<pg_sys::ItemPointerData>,
}

impl Folding<'_> {
    /// Folds the log and deletes what was folded; entries of recomputed leaves are only deleted.
    fn fold_log(&self, recomputed: impl Fn(i64) -> bool) -> Result<(), SameHash> {
        let mut entries = Entries::default();
        let mut result = Ok(());
        Log::seen(self.tables, self.tree.id).all(|row, entry| {
            if entries.rows.is_empty() || entries.series != entry.series {
                let before = std::mem::take(&mut entries);
                if result.is_ok() {
                    result = self.fold_entries(before);
                }
                (entries.series, entries.key) = (entry.series, entry.key.to_vec());
            }
            if entry.key != entries.key {
                result = Err(SameHash);
            }
            heap::room(&mut entries.rows, 1);
            entries.rows.push(row);
            if recomputed(entry.leaf) {
                return;
            }
            let change = entry.change(self.tree.values.len());
            match entries.changes.entry(entry.leaf) {
                std::collections::btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(change);
                }
                std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().and(change),
            }
        });
        let done = result.and_then(|()| self.fold_entries(entries));
        self.write_new_nodes();
        done
    }

    fn fold_entries(&self, entries: Entries) -> Result<(), SameHash> {
        if !entries.changes.is_empty() {
            self.know_series(entries.series, &entries.key)?;
            let key = key::decode(&self.tree.series, &entries.key);
            let leaves = self.tree.leaves;
            let mut updates = Updates::new();
            for (leaf, change) in entries.changes {
                heap::check();
                let update = match change {
                    Change::Add(contents) => Update::Add(contents),
                    Change::Dirty => {
                        let range = Range { first: leaves.first(leaf), last: leaves.last(leaf) };
                        Update::Set(Base(self.tree).read_leaf(&key, range))
                    }
                };
                updates.insert(leaf, update);
            }
            self.update(entries.series, updates);
        }
        entries.rows.into_iter().for_each(|row| self.log.delete(row));
        Ok(())
    }

    /// Computes the leaves `first ..= last` of all series from the base table.
    fn recompute(&self, first: i64, last: i64) -> Result<(), SameHash> {
        self.clear(first, last);
        let leaves = self.tree.leaves;
        let range = Range { first: leaves.first(first), last: leaves.last(last) };
        let (mut key, mut updates) = (Vec::new(), Updates::new());
        let write = |key: &[u8], updates: &mut Updates| -> Result<(), SameHash> {
            if !updates.is_empty() {
                self.know_series(key::hash(key), key)?;
                self.update(key::hash(key), std::mem::take(updates));
            }
            Ok(())
        };
        let readings: [LeafReading; 2] = [Base::read_groups, Base::read_archived];
        for read in readings {
            let mut result = Ok(());
            read(Base(self.tree), range, &mut |next_key, leaf, contents| {
                if result.is_ok() && (next_key != key || updates.len() >= MOST_LEAVES) {
                    result = write(&key, &mut updates);
                    key = next_key;
                }
                updates.insert(leaf, Update::Add(contents));
            });
            result.and_then(|()| write(&key, &mut updates))?;
            self.write_new_nodes();
        }
        Ok(())
    }

    /// Empties the leaves `first ..= last` of all series that have nodes.
    fn clear(&self, first: i64, last: i64) {
        let everything = (first, last) == (i64::MIN, i64::MAX);
        let mut known = Vec::new();
        let series = Table::read(self.tables.series);
        series.scan(self.tables.series_hash, Snapshot::Own, &[ScanKey::Integer(2, self.tree.id)], |row| {
            heap::room(&mut known, 1);
            known.push(row.integer(1));
            if everything {
                self.series.delete(row.id());
            }
            true
        });
        if everything {
            self.totals.set(Totals::default());
            let keys = [ScanKey::Integer(3, self.tree.id)];
            self.nodes.scan(self.tables.node_level, Snapshot::Own, &keys, |row| {
                self.node_writer.delete(row.id());
                true
            });
            advance();
            return;
        }
        for series in known {
            let mut updates = Updates::new();
            let nodes = self.nodes_of(series);
            nodes.read(Snapshot::Own, 1, first.div_euclid(10), last.div_euclid(10), |stored| {
                let begin = stored.node.saturating_mul(10);
                for leaf in (begin..=begin.saturating_add(9)).filter(|leaf| (first..=last).contains(leaf)) {
                    if stored.block.extent(leaf).rows > 0 {
                        updates.insert(leaf, Update::Set(Contents::empty(self.tree.values.len())));
                    }
                }
            });
            if !updates.is_empty() {
                self.update(series, updates);
            }
        }
    }

    /// Stores the key of a series if it is new.
    fn know_series(&self, series: i64, key: &[u8]) -> Result<(), SameHash> {
        match series::key_of(self.tables, self.tree.id, series, Snapshot::Own) {
            Some(known) if known == key => Ok(()),
            Some(_) => Err(SameHash),
            None => {
                self.series.insert(&[Some(series.into()), Some(self.tree.id.into()), Some(key.into())]);
                self.count(Totals { num_series: 1, ..Totals::default() });
                Ok(())
            }
        }
    }

    /// Updates leaves of a series, and all nodes above them.
    fn update(&self, series: i64, leaves: Updates) {
        pgrx::check_for_interrupts!();
        self.progress.borrow_mut().advance(leaves.len());
        if self.new_nodes.borrow().end_with(series) {
            self.write_new_nodes();
        }
        self.memory.with(|| {
            let mut updates = leaves;
            for level in 1..=self.tree.height {
                updates = self.update_level(series, level, updates);
            }
        });
        if self.new_nodes.borrow().are_many() {
            self.write_new_nodes();
        }
        // Makes what was written visible, so that it can be updated again.
        advance();
    }

    /// Writes the new nodes, which can be read from then on.
    fn write_new_nodes(&self) {
        let new = self.new_nodes.take();
        self.memory.with(|| new.write(&self.node_writer, self.tree.id));
        advance();
    }

    /// Updates the children of the nodes of a level. Returns the nodes' new sums.
    fn update_level(&self, series: i64, level: u32, children: Updates) -> Updates {
        let nodes = self.nodes_of(series);
        let mut totals = Updates::new();
        let mut children = children.into_iter().peekable();
        while let Some((first, _)) = children.peek() {
            let node = first.div_euclid(10);
            let (mut block, mut row, mut size) = (Block::empty(self.tree.values.len()), None, 0);
            nodes.read(Snapshot::Own, level, node, node, |stored| {
                (block, row, size) = (stored.block, Some(stored.row), stored.size)
            });
            let top = level == self.tree.height;
            let before = if top { block.total().tallies[0].num_vals() } else { 0 };
            while let Some((child, update)) = children.next_if(|(child, _)| child.div_euclid(10) == node) {
                match update {
                    Update::Add(more) => block.add(child, &more),
                    Update::Set(contents) => block.set(child, &contents),
                }
            }
            let new = &mut self.new_nodes.borrow_mut();
            let bytes = nodes.write(&self.node_writer, new, level, node, row, &block) - size;
            let total = block.total();
            let num_vals = if top { total.tallies[0].num_vals() - before } else { 0 };
            self.count(Totals { num_vals, bytes, ..Totals::default() });
            totals.insert(node, Update::Set(total));
        }
        totals
    }

    fn count(&self, more: Totals) {
        let totals = self.totals.get();
        self.totals.set(Totals {
            num_vals: totals.num_vals + more.num_vals,
            num_series: totals.num_series + more.num_series,
            bytes: totals.bytes + more.bytes,
        });
    }

    fn nodes_of(&self, series: i64) -> Nodes<'_> {
        let (tree, values) = (self.tree.id, self.tree.values.len());
        Nodes { tables: self.tables, table: self.nodes, tree, values, series }
    }
}
