//! A sweep over the log and the nodes of a tree, which finds what they know of cells, and which rows are left to read.

use super::asked::Counts;
use super::division::{Division, NodeRun, Part, Whereabouts};
use super::leaves::{cover, gaps, Run};
use super::refused::Refused;
use super::roster::Roster;
use super::seen::Seen;
use super::way::Way;
use crate::pg::memory::heap::{self, room};
use crate::pg::tables::table::{Snapshot, Table};
use crate::powertree::model::key;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::log::{Change, Entry};
use crate::powertree::store::nodes::{about_how_many, Level, Nodes, Unread};
use crate::powertree::store::series;
use crate::powertree::store::state::{Totals, TreeState};
use crate::powertree::store::tables::Tables;
use std::collections::HashMap;
use tally_stats::tree::{Chosen, Contents};

/// Parts and log entries of cut leaves that are remembered: some hundred megabytes.
const MOST: usize = 500_000;

/// The rows of a series in a part of a cell.
pub type Rest = (usize, Part);

/// A sweep and what it has found.
pub struct Sweep<'q, A, E> {
    pub seen: &'q Seen<'q>,
    pub tree: &'q Tree,
    tables: Tables,
    pub division: &'q Division<'q>,
    pub roster: Roster<A>,
    pub each: E,
    /// The values whose tallies are needed.
    chosen: Chosen,
    pub counts: Counts,
    /// Sums of the log for leaves that are cut, by the number of the series and the leaf.
    cut: HashMap<(usize, i64), Contents>,
    /// Nodes above dirty leaves: the number of the series, their leaves, the cell.
    above_dirty: Vec<(usize, Run, usize)>,
    /// Rows that are left to read.
    pub rest: Vec<Rest>,
    /// One child of a node, and several.
    child: Contents,
    sum: Contents,
}

/// The leaf of the last entries of the log that were added up, and their sum.
struct Recent {
    series: usize,
    leaf: i64,
    place: Whereabouts,
    sum: Contents,
}

impl<'q, A: FnMut(&[u8]) -> bool, E: FnMut(usize, usize, &Contents)> Sweep<'q, A, E> {
    pub fn new(seen: &'q Seen<'q>, division: &'q Division, chosen: Chosen, accept: A, each: E) -> Self {
        let nothing = Contents::empty(seen.tree.values.len());
        Sweep {
            seen,
            tree: &seen.tree,
            tables: seen.tables,
            division,
            roster: Roster::new(accept),
            each,
            chosen,
            counts: Counts::default(),
            cut: HashMap::new(),
            above_dirty: Vec::new(),
            rest: Vec::new(),
            child: nothing.clone(),
            sum: nothing,
        }
    }

    /// Sweeps over the series that are asked for.
    pub fn run(&mut self) -> Result<(), Refused> {
        match self.seen.series {
            Some(keys) => self.meet(keys)?,
            None => self.meet_all(),
        }
        self.add_log()?;
        self.add_nodes()?;
        self.end_cut_leaves()?;
        self.end_dirty_leaves()?;
        self.counts.series = self.roster.num_accepted() as u64;
        Ok(())
    }

    fn meet(&mut self, keys: &[Vec<u8>]) -> Result<(), Refused> {
        for key in keys {
            let hash = key::hash(key);
            let stored = series::key_of(&self.tables, self.tree.id, hash, Snapshot::Active);
            if stored.as_ref().is_some_and(|stored| stored != key) {
                return Err(Refused::SameHash);
            }
            if self.roster.place(hash, key)?.is_none() {
                self.roster.add(hash, key, stored.is_some());
            }
        }
        Ok(())
    }

    /// Meets the series that have nodes.
    fn meet_all(&mut self) {
        let roster = &mut self.roster;
        series::all(&self.tables, self.tree.id, |hash, key| {
            roster.add(hash, key, true);
        });
    }

    /// Adds the log. Unless series are given, those that are only in it are met too.
    fn add_log(&mut self) -> Result<(), Refused> {
        let Some((first, last)) = self.division.leaves() else { return Ok(()) };
        let (seen, mut recent) = (self.seen, None);
        let done = seen.logged.visit(first, last, |entry| self.add_entry(entry, &mut recent));
        self.end_leaf(recent)?;
        done
    }

    /// Adds an entry of the log; they come by series and leaf.
    fn add_entry(&mut self, entry: Entry, recent: &mut Option<Recent>) -> Result<(), Refused> {
        heap::check();
        let leaf = entry.leaf;
        let place = self.division.place(leaf);
        if place == Whereabouts::Nowhere {
            return Ok(());
        }
        let series = match self.roster.place(entry.series, entry.key)? {
            Some(series) => series,
            None if self.seen.series.is_some() => return Ok(()),
            None => self.roster.add(entry.series, entry.key, false),
        };
        let known = self.roster.at_mut(series);
        if known.number.is_none() || known.dirty.last() == Some(&leaf) {
            return Ok(());
        }
        self.counts.log_rows += 1;
        let is_more = recent.as_ref().is_some_and(|recent| (recent.series, recent.leaf) == (series, leaf));
        match entry.change(self.tree.values.len()) {
            Change::Add(part) if is_more => {
                recent.iter_mut().for_each(|recent| recent.sum.merge_chosen(&part, self.chosen));
            }
            Change::Add(sum) => {
                let before = recent.replace(Recent { series, leaf, place, sum });
                self.end_leaf(before)?;
            }
            Change::Dirty => {
                let before = recent.take().filter(|_| !is_more);
                self.end_leaf(before)?;
                self.add_dirty(series, leaf);
            }
        }
        Ok(())
    }

    /// Adds a leaf that the base table must answer for; they come in order.
    fn add_dirty(&mut self, series: usize, leaf: i64) {
        let dirty = &mut self.roster.at_mut(series).dirty;
        room(dirty, 1);
        dirty.push(leaf);
    }

    fn end_leaf(&mut self, recent: Option<Recent>) -> Result<(), Refused> {
        let Some(Recent { series, leaf, place, sum }) = recent else { return Ok(()) };
        let Some(number) = self.roster.at(series).number else { return Ok(()) };
        match place {
            Whereabouts::Inside(cell) => (self.each)(number, cell, &sum),
            _ if self.division.is_open(leaf) => {
                match self.division.place_of(sum.extent.first, sum.extent.last) {
                    Whereabouts::Nowhere => {}
                    Whereabouts::Inside(cell) => (self.each)(number, cell, &sum),
                    Whereabouts::Cut => self.add_dirty(series, leaf),
                }
            }
            _ => {
                within_limit(self.cut.len())?;
                room(&mut self.cut, 1);
                self.cut.insert((number, leaf), sum);
            }
        }
        Ok(())
    }

    /// Adds what the nodes know.
    fn add_nodes(&mut self) -> Result<(), Refused> {
        let (tables, tree) = (self.tables, self.tree);
        let table = Table::read(tables.node);
        let totals = TreeState::read(&tables, tree.id).map_or(Totals::default(), |state| state.totals);
        let with_nodes = self.roster.accepted().filter(|(_, known)| known.has_nodes);
        let with_nodes = heap::collect(with_nodes.map(|(number, known)| (number, known.hash)));
        for (level, runs) in (0..).zip(&self.division.levels) {
            let block_level = level + 1;
            let about = about_how_many(totals, tree.values.len(), block_level);
            let mut done = Ok(());
            let nodes = Level { tables: &tables, table: &table, tree: tree.id, level: block_level };
            match Way::cheapest(runs, about, with_nodes.len() as i64) {
                Way::Pass(groups) => {
                    for (first, last) in groups {
                        let (mut hash, mut series) = (None, None);
                        nodes.read(first, last, |node| {
                            if hash != Some(node.series()) {
                                hash = Some(node.series());
                                series = self.roster.number(node.series());
                            }
                            if let (Some(number), Ok(())) = (series, done) {
                                done = self.add_node(level, runs, number, &node);
                            }
                        });
                    }
                }
                Way::LookUp(groups) => {
                    let of_series = |&(_, series): &(usize, i64)| {
                        groups.iter().map(move |&(first, last)| (series, first, last))
                    };
                    nodes.look_up(with_nodes.iter().flat_map(of_series), |place, node| {
                        if done.is_ok() {
                            let (number, _) = with_nodes[place / groups.len()];
                            done = self.add_node(level, runs, number, &node);
                        }
                    });
                }
            }
            done?;
        }
        self.add_nodes_below_dirty(&table)
    }

    /// Adds the children of a node that belong to runs of their level.
    fn add_node(
        &mut self,
        level: u32,
        runs: &[NodeRun],
        number: usize,
        node: &Unread,
    ) -> Result<(), Refused> {
        let begin = i128::from(node.node()) * 10;
        let mut next = runs.partition_point(|run| i128::from(run.last) < begin);
        let after = runs.partition_point(|run| i128::from(run.first) < begin + 10);
        if next >= after {
            return Ok(());
        }
        self.counts.nodes += 1;
        let first = (i128::from(runs[next].first) - begin).max(0) as usize;
        let last = (i128::from(runs[after - 1].last) - begin).min(9) as usize;
        let (mut child, mut sum) = (taken(&mut self.child), taken(&mut self.sum));
        let (mut cell, mut done) = (None, Ok(()));
        let has_dirty = self.is_dirty(number, level + 1, node.node());
        let chosen = self.chosen;
        node.children(first, last, chosen, &mut child, |place, contents| {
            let child = (begin + place as i128) as i64;
            while runs[next].last < child {
                next += 1;
            }
            if child < runs[next].first || done.is_err() {
                return;
            }
            match runs[next].cell {
                None => done = self.add_cut_leaf(number, child, contents),
                Some(_) if has_dirty && self.is_dirty(number, level, child) => {
                    if level > 0 {
                        room(&mut self.above_dirty, 1);
                        self.above_dirty.push((
                            number,
                            Division::below(level, child),
                            runs[next].cell.unwrap_or_default(),
                        ));
                    }
                }
                Some(of) if cell == Some(of) => sum.merge_chosen(contents, chosen),
                Some(of) => {
                    if let Some(before) = cell.replace(of) {
                        (self.each)(number, before, &sum);
                    }
                    sum.clone_from(contents);
                }
            }
        });
        if let Some(cell) = cell {
            (self.each)(number, cell, &sum);
        }
        (self.child, self.sum) = (child, sum);
        done
    }

    /// Whether one of the leaves below a node is dirty.
    fn is_dirty(&self, number: usize, level: u32, node: i64) -> bool {
        let dirty = &self.roster.numbered(number).dirty;
        !dirty.is_empty() && {
            let (first, last) = Division::below(level, node);
            dirty.get(dirty.partition_point(|&leaf| leaf < first)).is_some_and(|&leaf| leaf <= last)
        }
    }

    /// Adds what nodes above dirty leaves know of the others.
    fn add_nodes_below_dirty(&mut self, table: &Table) -> Result<(), Refused> {
        let (tables, tree) = (self.tables, self.tree);
        for (number, (first, last), cell) in std::mem::take(&mut self.above_dirty) {
            let known = self.roster.numbered(number);
            let from = known.dirty.partition_point(|&leaf| leaf < first);
            let dirty =
                known.dirty[from..].iter().take_while(|&&leaf| leaf <= last).map(|&leaf| (leaf, leaf));
            let nodes = Nodes {
                tables: &tables,
                table,
                tree: tree.id,
                values: tree.values.len(),
                series: known.hash,
            };
            for run in gaps(first, last, dirty).into_iter().flat_map(|leaves| cover(tree, leaves)) {
                let runs = [NodeRun { first: run.first, last: run.last, cell: Some(cell) }];
                let (first, last) = (run.first.div_euclid(10), run.last.div_euclid(10));
                let mut done = Ok(());
                nodes.visit(run.level + 1, first, last, |node| {
                    if done.is_ok() {
                        done = self.add_node(run.level, &runs, number, &node);
                    }
                });
                done?;
            }
        }
        Ok(())
    }

    /// Adds a leaf at the edge of a cell, as the nodes have it.
    fn add_cut_leaf(&mut self, number: usize, leaf: i64, contents: &Contents) -> Result<(), Refused> {
        if self.is_dirty(number, 0, leaf) {
            return Ok(());
        }
        match self.cut.remove(&(number, leaf)) {
            Some(mut sum) => {
                sum.merge_chosen(contents, self.chosen);
                self.decide(number, leaf, &sum)
            }
            None => self.decide(number, leaf, contents),
        }
    }

    /// Adds leaves at the edges of cells that are only in the log.
    fn end_cut_leaves(&mut self) -> Result<(), Refused> {
        for ((number, leaf), sum) in std::mem::take(&mut self.cut) {
            self.decide(number, leaf, &sum)?;
        }
        Ok(())
    }

    /// Adds a leaf at the edge of a cell: all of it if its rows are in one cell, otherwise row by row.
    fn decide(&mut self, number: usize, leaf: i64, contents: &Contents) -> Result<(), Refused> {
        let extent = &contents.extent;
        match self.division.place_of(extent.first, extent.last) {
            Whereabouts::Nowhere => Ok(()),
            Whereabouts::Inside(cell) => {
                (self.each)(number, cell, contents);
                Ok(())
            }
            Whereabouts::Cut => self.leave((leaf, leaf), number),
        }
    }

    /// Leaves the rows of neighbouring leaves of a series to be read.
    fn leave(&mut self, leaves: Run, number: usize) -> Result<(), Refused> {
        self.division.parts(leaves).try_for_each(|part| {
            within_limit(self.rest.len())?;
            room(&mut self.rest, 1);
            self.rest.push((number, part));
            Ok(())
        })
    }

    fn end_dirty_leaves(&mut self) -> Result<(), Refused> {
        for number in 0..self.roster.num_accepted() {
            let mut run: Option<Run> = None;
            for i in 0..self.roster.numbered(number).dirty.len() {
                let leaf = self.roster.numbered(number).dirty[i];
                match &mut run {
                    Some((_, last)) if last.checked_add(1) == Some(leaf) => *last = leaf,
                    _ => {
                        let before = run.replace((leaf, leaf));
                        before.map_or(Ok(()), |before| self.leave(before, number))?;
                    }
                }
            }
            run.map_or(Ok(()), |run| self.leave(run, number))?;
        }
        Ok(())
    }
}

/// Takes contents out of their place.
fn taken(place: &mut Contents) -> Contents {
    std::mem::replace(place, Contents::empty(0))
}

/// Refuses to remember more.
fn within_limit(remembered: usize) -> Result<(), Refused> {
    if remembered < MOST {
        Ok(())
    } else {
        Err(Refused::TooMuch)
    }
}
