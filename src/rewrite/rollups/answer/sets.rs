//! Grouping sets: the keys of each, and the columns of a row that show which set its group is of.

use super::row::{Expression, PlaceRow};
use pgrx::pg_sys::Datum;

/// The groupings of a query, each by some of its keys.
pub struct Sets {
    /// The places of the keys of each set. A query without grouping sets has one set.
    pub all: Vec<Vec<usize>>,
    /// The places of the keys that each call of GROUPING() asks about.
    calls: Vec<Vec<usize>>,
    /// The column of the scan from which on the keys are shown, and after them the calls; None if results need none of them.
    first: Option<usize>,
}

impl Sets {
    /// One set of this many keys, which results make from the columns of the table.
    pub fn one(keys: usize) -> Sets {
        Sets { all: vec![(0..keys).collect()], calls: Vec::new(), first: None }
    }

    /// Sets whose keys are shown from this column on.
    pub fn shown(all: Vec<Vec<usize>>, calls: Vec<Vec<usize>>, first: usize) -> Sets {
        Sets { all, calls, first: Some(first) }
    }

    /// Fills the columns of a row, which is at a place of a group of the set.
    pub fn show(&self, set: usize, keys: impl Iterator<Item = Expression>, row: PlaceRow) {
        let Some(first) = self.first else { return };
        let has = |key: &usize| self.all[set].contains(key);
        let mut column = first;
        for (key, expression) in keys.enumerate() {
            row.set(column, if has(&key) { expression.value() } else { None });
            column += 1;
        }
        for call in &self.calls {
            // A bit for each key, the last one being the lowest, says that it is not one of the set's.
            let bits = call.iter().fold(0_i32, |bits, key| bits << 1 | i32::from(!has(key)));
            row.set(column, Some(Datum::from(bits)));
            column += 1;
        }
    }
}
