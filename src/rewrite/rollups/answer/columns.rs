//! The columns of the scan that a position and a series fill.

use crate::pg::execution::scan_row::ScanRow;
use crate::pg::values::value::Value;
use crate::powertree::model::tree::Tree;

/// The columns, counted from 1; 0 where one is not needed.
pub struct Columns {
    at: usize,
    series: Vec<usize>,
}

impl Columns {
    pub fn of(mut columns: impl Iterator<Item = usize>) -> Columns {
        Columns { at: columns.next().unwrap_or_default(), series: columns.collect() }
    }

    /// Puts a position, or NULL, into the row.
    pub fn set_position(&self, row: ScanRow, tree: &Tree, position: Option<i64>) {
        row.set(self.at, position.map(|position| tree.position.to_value(position)));
    }

    /// Puts a series, or NULLs, into the row.
    pub fn set_series(&self, row: ScanRow, values: Option<&[Value]>) {
        for (place, &column) in self.series.iter().enumerate() {
            row.set(column, values.and_then(|values| values.get(place)).copied());
        }
    }

    /// Whether it is the column of the position.
    pub fn is_position(&self, column: i16) -> bool {
        self.at > 0 && column as usize == self.at
    }
}
