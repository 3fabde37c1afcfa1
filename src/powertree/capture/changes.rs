//! Changes of a statement, added up in memory by series and leaf before they go to the log.

use super::layout::RowOf;
use crate::pg::memory::heap;
use crate::powertree::model::key;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::log::{Change, LogWriter};
use std::collections::HashMap;
use tally_stats::tree::Contents;

/// The number of leaves that are kept in memory before they are written.
const FLUSH: usize = 10_000;

/// The changes of a statement, by series and leaf.
pub struct Changes<'t> {
    tree: &'t Tree,
    numbers: HashMap<Vec<u8>, usize>,
    series: Vec<ChangedSeries>,
    /// The place of the last row's series.
    recent: usize,
    leaves: usize,
}

struct ChangedSeries {
    key: Vec<u8>,
    hash: i64,
    leaves: HashMap<i64, Change>,
    /// The leaf of the last row that was added, and its sum, which is not in `leaves`.
    recent: Option<(i64, Contents)>,
}

impl ChangedSeries {
    fn put_away(&mut self) {
        if let Some((leaf, sum)) = self.recent.take() {
            self.change(leaf, Change::Add(sum));
        }
    }

    fn change(&mut self, leaf: i64, change: Change) {
        heap::check();
        heap::room(&mut self.leaves, 1);
        match self.leaves.entry(leaf) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(change);
            }
            std::collections::hash_map::Entry::Occupied(mut known) => known.get_mut().and(change),
        }
    }
}

impl<'t> Changes<'t> {
    pub fn new(tree: &'t Tree) -> Self {
        Changes { tree, numbers: HashMap::new(), series: Vec::new(), recent: 0, leaves: 0 }
    }

    fn series(&mut self, key: &[u8]) -> &mut ChangedSeries {
        if self.series.get(self.recent).is_none_or(|recent| recent.key != key) {
            self.recent = match self.numbers.get(key) {
                Some(&number) => number,
                None => {
                    let (key, hash, number) = (key.to_vec(), key::hash(key), self.series.len());
                    heap::room(&mut self.numbers, 1);
                    heap::room(&mut self.series, 1);
                    self.numbers.insert(key.clone(), number);
                    self.series.push(ChangedSeries { key, hash, leaves: HashMap::new(), recent: None });
                    number
                }
            };
        }
        &mut self.series[self.recent]
    }

    pub fn add(&mut self, row: &RowOf) {
        let tree = self.tree;
        let leaf = tree.leaves.of(row.position);
        let series = self.series(row.key);
        let mut new_leaf = false;
        if series.recent.as_ref().is_none_or(|(recent, _)| *recent != leaf) {
            series.put_away();
            series.recent = Some((leaf, Contents::empty(tree.values.len())));
            new_leaf = true;
        }
        if let Some((_, sum)) = &mut series.recent {
            sum.extent.observe(row.position);
            for (place, ((_, kind), tally)) in tree.values.iter().zip(&mut sum.tallies).enumerate() {
                if let Some(datum) = row.value(place) {
                    kind.observe(tally, datum);
                }
            }
        }
        if new_leaf {
            self.count_leaf();
        }
    }

    pub fn spoil(&mut self, row: &RowOf) {
        let leaf = self.tree.leaves.of(row.position);
        let series = self.series(row.key);
        let known = series.leaves.get(&leaf);
        if !matches!(known, Some(Change::Dirty)) {
            let new_leaf = known.is_none();
            series.change(leaf, Change::Dirty);
            if new_leaf {
                self.count_leaf();
            }
        }
    }

    fn count_leaf(&mut self) {
        self.leaves += 1;
        if self.leaves >= FLUSH {
            self.flush();
        }
    }

    /// Writes the changes in memory to the log. The sum of one leaf may become several entries.
    pub fn flush(&mut self) {
        if self.series.is_empty() {
            return;
        }
        // Sorted, so that neighbours in the index are written together.
        self.series.sort_unstable_by_key(|series| series.hash);
        let log = &LogWriter::new(self.tree.id);
        let rows = self.series.iter_mut().flat_map(|series| {
            if !series.leaves.is_empty() {
                series.put_away();
            }
            let recent = series.recent.take().map(|(leaf, sum)| (leaf, Change::Add(sum)));
            let mut leaves = heap::collect(series.leaves.drain().chain(recent));
            leaves.sort_unstable_by_key(|(leaf, _)| *leaf);
            let (hash, key) = (series.hash, &series.key);
            leaves.into_iter().map(move |(leaf, change)| log.row(hash, key, leaf, &change))
        });
        log.append(rows);
        (self.leaves, self.recent) = (0, 0);
        self.series.clear();
        self.numbers.clear();
    }
}
