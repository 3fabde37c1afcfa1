//! The rows of a dimension, in memory.

use super::{JoinedColumn, PreparedDimension};
use crate::pg::executor::{self, next_row};
use crate::pg::memory;
use crate::rewrite::rollups::answer::limits::memory as most_memory;
use crate::rewrite::rollups::answer::row::PlaceRow;
use crate::rewrite::rollups::terms::reason::Reason;
use pgrx::pg_sys::{self, Datum, MemoryContext};

/// Rows, numbered as they came. The number after the last is that of a row of NULLs.
pub struct JoinedRows {
    columns: Vec<JoinedColumn>,
    /// All values of the first row, then those of the second, and so on.
    values: Vec<Option<Datum>>,
    pub count: usize,
}

impl JoinedRows {
    /// Runs the plan, and keeps the columns that matter in the memory context.
    pub fn read(dimension: &PreparedDimension, context: MemoryContext) -> Result<JoinedRows, Reason> {
        let plan = dimension.plan;
        let mut rows = JoinedRows { columns: dimension.columns.clone(), values: Vec::new(), count: 0 };
        // SAFETY: the plan is initialised. What its nodes keep is in the memory of the query, and outlives the answer. The boundary turns an
        // error of PostgreSQL into a panic; the frames within own nothing.
        unsafe {
            let query = (*(*plan).state).es_query_cxt;
            loop {
                memory::check();
                let before = pg_sys::MemoryContextSwitchTo(query);
                let slot = pg_sys::ffi::pg_guard_ffi_boundary(|| next_row(plan));
                pg_sys::MemoryContextSwitchTo(before);
                let Some(slot) = slot else { return Ok(rows) };
                memory::room(&mut rows.values, rows.columns.len());
                for column in &rows.columns {
                    let value = pg_sys::ffi::pg_guard_ffi_boundary(|| executor::column(slot, column.from));
                    let before = pg_sys::MemoryContextSwitchTo(context);
                    let value = column.storage.copied(value);
                    pg_sys::MemoryContextSwitchTo(before);
                    rows.values.push(value);
                }
                rows.count += 1;
                let kept = pg_sys::MemoryContextMemAllocated(context, true);
                if kept + rows.memory() > most_memory() || rows.count >= u32::MAX as usize {
                    return Err(Reason::JoinedRows);
                }
            }
        }
    }

    /// Puts a row, or NULLs, into the row on which expressions are evaluated.
    pub fn set(&self, row: PlaceRow, number: usize) {
        let values = self.values.get(number * self.columns.len()..).unwrap_or_default();
        for (place, column) in self.columns.iter().enumerate() {
            row.set(column.to, values.get(place).copied().flatten());
        }
    }

    /// Bytes in use, apart from those in the memory context.
    pub fn memory(&self) -> usize {
        self.values.capacity() * size_of::<Option<Datum>>()
    }
}
