//! The numbers of groups, found by those of the combinations of keys that make them.

use crate::pg::memory::heap;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;

/// The numbers of combinations of each class: of time, of series, of joined rows, of several of these.
pub type ClassNumbers = [u32; 4];

/// No group.
const NONE: u32 = u32::MAX;

/// Columns that a row has, however few of them have a group.
const FEW: usize = 16;

/// A table with a row for each combination of anything but time, and a column for each of time.
///
/// Mostly nearly all combinations of both have groups. A group far beyond the others of its row is kept apart.
pub struct GroupNumbers {
    /// Whether more than one class beside time has keys: their combinations have rows by this map.
    are_several: bool,
    by_classes: HashMap<[u32; 3], u32, FxBuildHasher>,
    rows: Vec<GroupRow>,
    apart: HashMap<(u32, u32), u32, FxBuildHasher>,
    bytes: usize,
}

#[derive(Clone, Default)]
struct GroupRow {
    columns: Vec<u32>,
    filled: u32,
}

impl GroupNumbers {
    pub fn new(are_several: bool) -> GroupNumbers {
        GroupNumbers {
            are_several,
            by_classes: HashMap::default(),
            rows: Vec::new(),
            apart: HashMap::default(),
            bytes: 0,
        }
    }

    /// The number of a group; None if it has none yet.
    #[inline]
    pub fn get(&self, classes: ClassNumbers) -> Option<u32> {
        let (row, column) = (self.row(classes)?, classes[0]);
        let known = self.rows.get(row as usize).and_then(|row| row.columns.get(column as usize));
        match known {
            Some(&number) if number != NONE => Some(number),
            _ if self.apart.is_empty() => None,
            _ => self.apart.get(&(row, column)).copied(),
        }
    }

    /// Numbers a group that has no number yet.
    pub fn insert(&mut self, classes: ClassNumbers, number: u32) {
        let (row, column) = (self.row_or_new(classes), classes[0]);
        let more = (row as usize + 1).saturating_sub(self.rows.len());
        heap::room(&mut self.rows, more);
        self.rows.resize(self.rows.len() + more, GroupRow::default());
        let GroupRow { columns, filled } = &mut self.rows[row as usize];
        let place = column as usize;
        if place >= FEW + 4 * *filled as usize {
            heap::room(&mut self.apart, 1);
            self.apart.insert((row, column), number);
            self.bytes += 2 * size_of::<((u32, u32), u32)>();
            return;
        }
        if place >= columns.len() {
            let before = columns.capacity();
            let more = place + 1 - columns.len();
            heap::room(columns, more);
            columns.resize(place + 1, NONE);
            self.bytes += (columns.capacity() - before) * size_of::<u32>();
        }
        columns[place] = number;
        *filled += 1;
    }

    /// The row of a combination of anything but time.
    fn row(&self, [_, series, joined, several]: ClassNumbers) -> Option<u32> {
        if self.are_several {
            self.by_classes.get(&[series, joined, several]).copied()
        } else {
            Some(series.max(joined).max(several))
        }
    }

    fn row_or_new(&mut self, classes: ClassNumbers) -> u32 {
        if let Some(row) = self.row(classes) {
            return row;
        }
        let [_, series, joined, several] = classes;
        let next = self.by_classes.len() as u32;
        heap::room(&mut self.by_classes, 1);
        self.by_classes.insert([series, joined, several], next);
        self.bytes += 2 * size_of::<([u32; 3], u32)>();
        next
    }

    /// Forgets all groups.
    pub fn clear(&mut self) {
        *self = GroupNumbers::new(self.are_several);
    }

    /// Bytes in use.
    pub fn memory(&self) -> usize {
        self.bytes + self.rows.len() * size_of::<GroupRow>()
    }
}
