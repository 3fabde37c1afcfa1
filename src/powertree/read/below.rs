//! Answers for all series below a prefix at once: each level of the nodes is read in one ordered pass, the log in another, and the rows of
//! all series that a range cuts in one query.

use super::access::Access;
use super::leaves::{contains, cover, gaps, together, within, Run};
use crate::pg::memory;
use crate::pg::table::{Snapshot, Table};
use crate::pg::value::Value;
use crate::powertree::base::query::Base;
use crate::powertree::model::key::{self, SameHash};
use crate::powertree::model::question::{Measure, Measured, Piece, Range};
use crate::powertree::model::rights;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::log::{self, Change};
use crate::powertree::store::nodes::{about_how_many, Level, Nodes, Stored};
use crate::powertree::store::series;
use crate::powertree::store::state::{Totals, TreeState};
use crate::powertree::store::tables::Tables;
use std::collections::btree_map::{BTreeMap, Entry};
use std::rc::Rc;
use tally_stats::tree::{Extent, Leaves};
use tally_stats::Tally;

/// Nodes of other series that are passed over in the time that it takes to look one up.
const PASSED_OVER: i64 = 30;

/// A measure of all series whose first columns have given values. SPI is connected while it is asked.
pub struct Below {
    tree: Rc<Tree>,
    tables: Tables,
    measure: Measure,
    prefix: Vec<Value>,
    /// The bytes with which the keys of these series begin.
    begin: Vec<u8>,
}

/// The series that were found, by the hash of their keys.
type AllSeries = BTreeMap<i64, SeriesBelow>;

/// A series and what is known of it so far.
pub struct SeriesBelow {
    pub key: Vec<u8>,
    pub measured: Measured,
    /// Whether there are nodes.
    has_nodes: bool,
    /// The leaf of the last entry of the log that was added up, and the sum of its entries, which is not in `measured` yet.
    recent: Option<(i64, Measured)>,
    /// Leaves that the base table must answer for, in order.
    dirty: Vec<Run>,
}

impl SeriesBelow {
    fn new(key: Vec<u8>, has_nodes: bool) -> SeriesBelow {
        SeriesBelow { key, measured: Measured::NOTHING, has_nodes, recent: None, dirty: Vec::new() }
    }

    /// Adds an entry of the log; they come in the order of leaves.
    fn add(&mut self, leaf: i64, change: Change, measure: Measure) {
        let is_dirty = self.dirty.last().is_some_and(|dirty| dirty.1 == leaf);
        match change {
            _ if is_dirty => {}
            Change::Add(contents) => {
                let part = measured(measure, &contents.extent, &contents.tallies);
                match &mut self.recent {
                    Some((recent, sum)) if *recent == leaf => sum.merge(&part),
                    _ => {
                        self.end_leaf();
                        self.recent = Some((leaf, part));
                    }
                }
            }
            Change::Dirty => {
                if self.recent.is_some_and(|(recent, _)| recent != leaf) {
                    self.end_leaf();
                }
                self.recent = None;
                memory::room(&mut self.dirty, 1);
                self.dirty.push((leaf, leaf));
            }
        }
    }

    fn end_leaf(&mut self) {
        if let Some((_, sum)) = self.recent.take() {
            self.measured.merge(&sum);
        }
    }
}

/// Takes the measure of some rows.
fn measured(measure: Measure, extent: &Extent, tallies: &[Tally]) -> Measured {
    match measure {
        Measure::Extent => Measured { extent: *extent, ..Measured::NOTHING },
        Measure::Tally(value) => Measured { tally: tallies[value], ..Measured::NOTHING },
    }
}

/// A range, by who answers for it.
struct RangeParts {
    /// The leaves that lie in the range with all that they hold, none if the first is after the last.
    inner: Run,
    /// Leaves of all series that the base table must answer for.
    spans: Vec<Run>,
    /// Inner leaves that nodes and log answer for.
    nodes: Vec<Run>,
    /// The parts in the range of leaves that it cuts.
    cut: Vec<Range>,
}

impl RangeParts {
    fn of(leaves: Leaves, range: Range, spans: Vec<Run>) -> RangeParts {
        let inner = leaves.inside(range.first, range.last);
        let (first, last) = (leaves.of(range.first), leaves.of(range.last));
        let mut ends = vec![first, last];
        ends.dedup();
        ends.retain(|leaf| !(inner.0..=inner.1).contains(leaf) && !contains(&spans, *leaf));
        let cut = ends.into_iter().map(|leaf| positions(leaves, (leaf, leaf), range)).collect();
        let nodes = match inner {
            (first, last) if first <= last => gaps(first, last, within(&spans, first, last)),
            _ => Vec::new(),
        };
        let spans = within(&spans, first, last).collect();
        RangeParts { inner, spans, nodes, cut }
    }
}

/// The positions of leaves, as far as they are in the range.
fn positions(leaves: Leaves, run: Run, range: Range) -> Range {
    Range { first: leaves.first(run.0).max(range.first), last: leaves.last(run.1).min(range.last) }
}

impl Below {
    pub fn new(tree: Rc<Tree>, measure: Measure, prefix: Vec<Value>) -> Below {
        let mut begin = Vec::new();
        tree.series.iter().zip(&prefix).for_each(|(column, &datum)| column.encode_parsed(datum, &mut begin));
        Below { tables: Tables::get(), tree, measure, prefix, begin }
    }

    /// Measures each series between two positions; some may have no rows there.
    ///
    /// A partition that is truncated at the same time would take rows from an answer whose nodes still count them: then the
    /// base table answers alone.
    pub fn measure(&self, range: Range) -> Vec<SeriesBelow> {
        self.ask_tree(range)
            .filter(|_| matches!(Access::of(&self.tables, self.tree.id), Access::Tree(_)))
            .unwrap_or_else(|| self.ask_base(range))
    }

    /// The series as the base table has them.
    fn ask_base(&self, range: Range) -> Vec<SeriesBelow> {
        let mut all = Vec::new();
        Base(&self.tree).read_below(self.measure, &self.prefix, range, |key, measured| {
            memory::room(&mut all, 1);
            all.push(SeriesBelow { measured, ..SeriesBelow::new(key, false) });
        });
        all
    }

    /// The series as the tree has them; None if it must not be asked, or cannot tell.
    fn ask_tree(&self, range: Range) -> Option<Vec<SeriesBelow>> {
        if rights::rows_are_hidden(self.tree.base) {
            return None;
        }
        let Access::Tree(spans) = Access::of(&self.tables, self.tree.id) else { return None };
        let parts = RangeParts::of(self.tree.leaves, range, together(&spans));
        let mut all = self.stored_series();
        self.add_log(&parts, range, &mut all).ok()?;
        self.add_nodes(&parts, &mut all);
        self.add_spans(&parts, range, &mut all).ok()?;
        self.add_pieces(&parts, range, &mut all);
        Some(memory::collect(all.into_values()))
    }

    /// The series that have nodes.
    fn stored_series(&self) -> AllSeries {
        let mut all = AllSeries::new();
        series::all(&self.tables, self.tree.id, |hash, key| {
            memory::check();
            if key.starts_with(&self.begin) {
                all.insert(hash, SeriesBelow::new(key.to_vec(), true));
            }
        });
        all
    }

    /// Finds a series, which is new if it is not among those with nodes.
    fn found<'a>(&self, all: &'a mut AllSeries, key: &[u8]) -> Result<&'a mut SeriesBelow, SameHash> {
        memory::check();
        let hash = key::hash(key);
        match all.entry(hash) {
            Entry::Occupied(known) if known.get().key == key => Ok(known.into_mut()),
            Entry::Occupied(_) => Err(SameHash),
            Entry::Vacant(vacant) => {
                // One that is not below the prefix may have nodes under this hash.
                match series::key_of(&self.tables, self.tree.id, hash, Snapshot::Active) {
                    Some(_) => Err(SameHash),
                    None => Ok(vacant.insert(SeriesBelow::new(key.to_vec(), false))),
                }
            }
        }
    }

    /// Adds the log of the inner leaves. Those who are only in it, anywhere in the range, are found too.
    fn add_log(&self, parts: &RangeParts, range: Range, all: &mut AllSeries) -> Result<(), SameHash> {
        let leaves = self.tree.leaves;
        let (first, last) = (leaves.of(range.first), leaves.of(range.last));
        let mut done = Ok(());
        log::of_leaves(&self.tables, self.tree.id, first, last, |row, key| {
            let leaf = log::leaf(row);
            if !key.starts_with(&self.begin) || contains(&parts.spans, leaf) {
                return true;
            }
            match self.found(all, key) {
                Ok(found) if (parts.inner.0..=parts.inner.1).contains(&leaf) => {
                    found.add(leaf, log::entry(row, self.tree.values.len()).change, self.measure);
                }
                Ok(_) => {}
                Err(same) => done = Err(same),
            }
            done.is_ok()
        });
        all.values_mut().for_each(SeriesBelow::end_leaf);
        done
    }

    /// Adds the nodes of leaves that are neither in a span nor dirty.
    fn add_nodes(&self, parts: &RangeParts, all: &mut AllSeries) {
        let table = Table::read(self.tables.node);
        let totals =
            TreeState::read(&self.tables, self.tree.id).map_or(Totals::default(), |state| state.totals);
        let many = all.values().filter(|found| found.has_nodes && found.dirty.is_empty()).count() as i64;
        for run in parts.nodes.iter().flat_map(|&leaves| cover(&self.tree, leaves)) {
            if about_how_many(totals, self.tree.values.len(), run.level + 1)
                < PASSED_OVER.saturating_mul(many)
            {
                self.pass(&table, run, all);
            } else {
                for (&series, found) in all.iter_mut().filter(|(_, found)| found.dirty.is_empty()) {
                    self.look_up(&table, run, series, found);
                }
            }
        }
        for (&series, found) in all.iter_mut().filter(|(_, found)| !found.dirty.is_empty()) {
            let dirty = std::mem::take(&mut found.dirty);
            for &(first, last) in &parts.nodes {
                for run in gaps(first, last, within(&dirty, first, last))
                    .into_iter()
                    .flat_map(|leaves| cover(&self.tree, leaves))
                {
                    self.look_up(&table, run, series, found);
                }
            }
            found.dirty = dirty;
        }
    }

    /// Adds nodes of all series without dirty leaves.
    fn pass(&self, table: &Table, run: tally_stats::tree::Run, all: &mut AllSeries) {
        let (tree, values, level) = (self.tree.id, self.tree.values.len(), run.level + 1);
        let (first, last) = (run.first.div_euclid(10), run.last.div_euclid(10));
        Level { tables: &self.tables, table, tree, values, level }.read(first, last, |series, stored| {
            if let Some(found) = all.get_mut(&series).filter(|found| found.dirty.is_empty()) {
                self.add_children(run, &stored, &mut found.measured);
            }
        });
    }

    /// Adds nodes of one series.
    fn look_up(&self, table: &Table, run: tally_stats::tree::Run, series: i64, found: &mut SeriesBelow) {
        if !found.has_nodes {
            return;
        }
        let (tree, values) = (self.tree.id, self.tree.values.len());
        let (first, last) = (run.first.div_euclid(10), run.last.div_euclid(10));
        let nodes = Nodes { tables: &self.tables, table, tree, values, series };
        nodes.read(Snapshot::Active, run.level + 1, first, last, |stored| {
            self.add_children(run, &stored, &mut found.measured)
        });
    }

    fn add_children(&self, run: tally_stats::tree::Run, stored: &Stored, sum: &mut Measured) {
        let first = stored.node.saturating_mul(10);
        let children = first.max(run.first)..=first.saturating_add(9).min(run.last);
        children.for_each(|child| match self.measure {
            Measure::Extent => sum.extent.merge(stored.block.extent(child)),
            Measure::Tally(value) => sum.tally.merge(&stored.block.child(child)[value]),
        });
    }

    /// Adds the rows of spans.
    fn add_spans(&self, parts: &RangeParts, range: Range, all: &mut AllSeries) -> Result<(), SameHash> {
        let mut done = Ok(());
        for &span in &parts.spans {
            let range = positions(self.tree.leaves, span, range);
            Base(&self.tree).read_below(self.measure, &self.prefix, range, |key, measured| {
                match self.found(all, &key) {
                    Ok(found) => found.measured.merge(&measured),
                    Err(same) => done = Err(same),
                }
            });
        }
        done
    }

    /// Adds the rows of cut and of dirty leaves.
    fn add_pieces(&self, parts: &RangeParts, range: Range, all: &mut AllSeries) {
        let mut series = memory::collect(all.values_mut());
        let leaves = self.tree.leaves;
        let cut = parts.cut.iter().map(|&range| memory::collect((0..series.len()).map(|i| (i, range))));
        let mut all_pieces = memory::collect(cut);
        let dirty =
            series.iter().enumerate().flat_map(|(i, found)| found.dirty.iter().map(move |&run| (i, run)));
        all_pieces.push(memory::collect(dirty.map(|(i, run)| (i, positions(leaves, run, range)))));
        for pieces in all_pieces {
            let asked =
                memory::collect(pieces.iter().map(|&(i, range)| Piece { key: &series[i].key, range }));
            let mut answers = Vec::new();
            Base(&self.tree).read_pieces(self.measure, &asked, |piece, measured| {
                memory::room(&mut answers, 1);
                answers.push((piece, measured));
            });
            for (piece, measured) in answers {
                if let Some(&(i, _)) = pieces.get(piece) {
                    series[i].measured.merge(&measured);
                }
            }
        }
    }
}
