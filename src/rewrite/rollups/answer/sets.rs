//! Grouping sets: the keys of each, and the columns of a row that show the keys and which of them a group has.

use crate::pg::execution::scan_row::ScanRow;
use crate::pg::values::value::Value;

/// The groupings of a query, each by some of its keys.
pub struct Sets {
    /// The places of the keys of each set. A query without grouping sets has one set.
    pub all: Vec<Vec<usize>>,
    /// The places of the keys that each call of GROUPING() asks about.
    pub calls: Vec<Vec<usize>>,
    pub num_keys: usize,
    /// The column of the scan from which on the keys are shown, and after them the calls.
    pub first: usize,
}

impl Sets {
    /// Fills the columns of a row for a group of a set; `value` returns the value of the set's key at this place.
    pub fn show(&self, set: usize, row: ScanRow, value: impl Fn(usize) -> Option<Value>) {
        let keys = &self.all[set];
        for key in 0..self.num_keys {
            let place = keys.iter().position(|&other| other == key);
            row.set(self.first + key, place.and_then(&value));
        }
        for (number, call) in self.calls.iter().enumerate() {
            // A bit for each key, the last one being the lowest, says that it is not one of the set's.
            let bits = call.iter().fold(0_i32, |bits, key| bits << 1 | i32::from(!keys.contains(key)));
            row.set(self.first + self.num_keys + number, Some(bits.into()));
        }
    }
}
