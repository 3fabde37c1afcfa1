//! The rows of a dimension, in memory.

use super::{JoinedColumn, PreparedDimension};
use crate::pg::execution::scan_row::ScanRow;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::values::row::HasColumns;
use crate::pg::values::value::Value;
use crate::rewrite::rollups::answer::limits::memory as most_memory;
use crate::rewrite::rollups::terms::reason::Reason;

/// Rows, numbered as they came. The number after the last is that of a row of NULLs.
pub struct JoinedRows {
    columns: Vec<JoinedColumn>,
    /// All values of the first row, then those of the second, and so on.
    values: Vec<Option<Value>>,
    pub count: usize,
}

impl JoinedRows {
    /// Runs the plan, and keeps the columns that matter in the region.
    pub fn read(dimension: &PreparedDimension, region: Region) -> Result<JoinedRows, Reason> {
        let mut rows = JoinedRows { columns: dimension.columns.clone(), values: Vec::new(), count: 0 };
        let mut plan = dimension.plan.borrow_mut();
        let count = rows.columns.iter().map(|column| column.from).max().unwrap_or_default();
        while let Some(row) = plan.next() {
            let row = row.columns(count as usize);
            heap::check();
            heap::room(&mut rows.values, rows.columns.len());
            for column in &rows.columns {
                let value = row.value_at(column.from as usize - 1);
                rows.values.push(value.map(|value| value.copied(column.storage, region)));
            }
            rows.count += 1;
            if region.allocated_in_all() + rows.memory() > most_memory() || rows.count >= u32::MAX as usize {
                return Err(Reason::JoinedRows);
            }
        }
        Ok(rows)
    }

    /// Puts a row, or NULLs, into the row on which expressions are evaluated.
    pub fn set(&self, row: ScanRow, number: usize) {
        let values = self.values.get(number * self.columns.len()..).unwrap_or_default();
        for (place, column) in self.columns.iter().enumerate() {
            row.set(column.to, values.get(place).copied().flatten());
        }
    }

    /// Bytes in use, apart from those in the memory context.
    pub fn memory(&self) -> usize {
        self.values.capacity() * size_of::<Option<Value>>()
    }
}
