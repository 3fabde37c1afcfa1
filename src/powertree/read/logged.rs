//! The log of a tree as a question sees it: read once, and kept in memory unless it is long.

use super::refused::Refused;
use crate::pg::memory::heap::{self, room};
use crate::powertree::model::key;
use crate::powertree::store::log::{Entry, Log, LoggedSeries};

/// Series that are looked up one by one.
const FEW: usize = 50;

/// Bytes of entries that are kept.
const MOST_BYTES: usize = 4 << 20;

/// Entries that the active snapshot sees, of given series or of all.
pub struct Logged<'q> {
    log: Log,
    /// The keys of the series that are looked up; None if all are read.
    series: Option<&'q [Vec<u8>]>,
    /// The entries in memory; None if they are too long for that.
    kept: Option<KeptEntries>,
    /// The first and the last leaf with entries.
    pub leaves: Option<(i64, i64)>,
    pub count: u64,
}

impl<'q> Logged<'q> {
    /// Reads the entries.
    pub fn read(log: Log, series: Option<&'q [Vec<u8>]>) -> Logged<'q> {
        let series = series.filter(|keys| keys.len() <= FEW);
        let mut logged = Logged { log, series, kept: None, leaves: None, count: 0 };
        let (mut kept, mut leaves, mut count) = (Some(KeptEntries::default()), None, 0);
        let each = |entry: Entry| {
            heap::check();
            count += 1;
            let (first, last) = leaves.unwrap_or((entry.leaf, entry.leaf));
            leaves = Some((entry.leaf.min(first), entry.leaf.max(last)));
            kept = kept.take().and_then(|kept| kept.with(&entry));
            true
        };
        match series {
            Some(_) => logged.scan(i64::MIN, i64::MAX, each),
            None => log.of_tree(each),
        }
        // They are told by series and leaf, in whatever order they were read.
        if let (None, Some(kept)) = (series, &mut kept) {
            kept.entries.sort_unstable_by_key(|entry| (entry.series, entry.leaf));
        }
        (logged.kept, logged.leaves, logged.count) = (kept, leaves, count);
        logged
    }

    /// Calls `each` with the entries of the leaves `first ..= last`, by series and leaf, until it fails.
    pub fn visit(
        &self,
        first: i64,
        last: i64,
        mut each: impl FnMut(Entry) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        if let Some(kept) = &self.kept {
            return kept.all().filter(|entry| (first..=last).contains(&entry.leaf)).try_for_each(each);
        }
        let mut done = Ok(());
        self.scan(first, last, |entry| {
            done = each(entry);
            done.is_ok()
        });
        done
    }

    /// Calls `each` with stored entries of the leaves `first ..= last`, by series and leaf, until it returns false.
    fn scan(&self, first: i64, last: i64, mut each: impl FnMut(Entry) -> bool) {
        let Some(series) = self.series else { return self.log.of_leaves(first, last, each) };
        let mut goes_on = true;
        for key in series {
            if goes_on {
                self.log.of_series(LoggedSeries { hash: key::hash(key), key }, first, last, |entry| {
                    goes_on = each(entry);
                    goes_on
                });
            }
        }
    }
}

/// Entries in memory.
#[derive(Default)]
struct KeptEntries {
    entries: Vec<KeptEntry>,
    bytes: Vec<u8>,
}

/// An entry, and where its key and its delta begin and end.
struct KeptEntry {
    series: i64,
    leaf: i64,
    key: (usize, usize),
    delta: Option<(usize, usize)>,
}

impl KeptEntries {
    /// Keeps another entry; None if there is no room.
    fn with(mut self, entry: &Entry) -> Option<KeptEntries> {
        // Neighbours mostly have the same key.
        let same = self.entries.last().map(|last| last.key).filter(|&key| self.at(key) == entry.key);
        let key = same.unwrap_or_else(|| self.add(entry.key));
        let delta = entry.delta.map(|delta| self.add(delta));
        room(&mut self.entries, 1);
        self.entries.push(KeptEntry { series: entry.series, leaf: entry.leaf, key, delta });
        (self.bytes.len() + self.entries.len() * size_of::<KeptEntry>() <= MOST_BYTES).then_some(self)
    }

    fn add(&mut self, bytes: &[u8]) -> (usize, usize) {
        let begin = self.bytes.len();
        room(&mut self.bytes, bytes.len());
        self.bytes.extend(bytes);
        (begin, self.bytes.len())
    }

    fn at(&self, (begin, end): (usize, usize)) -> &[u8] {
        &self.bytes[begin..end]
    }

    fn all(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(|place| Entry {
            series: place.series,
            leaf: place.leaf,
            key: self.at(place.key),
            delta: place.delta.map(|delta| self.at(delta)),
        })
    }
}
