//! Results of functions declared to return a table; large ones are kept on disk.

use super::call::{Call, CallPointer};
use crate::pg::memory::scratch::Scratch;
use crate::pg::server::error::{defect, raise};
use crate::pg::server::lookup::caught;
use crate::pg::tables::tuplestore::{tuplestore_clear, Store};
use crate::pg::values::row::RowType;
use pgrx::pg_sys::{self, Datum};
use pgrx::PgSqlErrorCode;

// PostgreSQL defines this function with these arguments, and raises an error in a call that returns no rows.
unsafe extern "C-unwind" {
    safe fn InitMaterializedSRF(call: CallPointer, flags: u32);
}

/// The rows that the running function returns.
pub struct ResultRows {
    store: Store,
    row_type: RowType<'static>,
    /// The memory context in which a row is made.
    memory: Scratch,
}

impl ResultRows {
    /// Begins a result without rows.
    pub fn of(call: Call) -> ResultRows {
        caught(|| InitMaterializedSRF(call.pointer(), 0));
        // SAFETY: the call is the running one, for which PostgreSQL has made the store and its description; both live as long as
        // its result.
        let (store, row_type) = unsafe {
            let result = (*call.info()).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            (Store::new((*result).setResult), RowType::new((*result).setDesc))
        };
        let store = store.unwrap_or_else(|| defect("a result without a store"));
        ResultRows { store, row_type, memory: Scratch::new("row of a result") }
    }

    /// Forgets all rows.
    pub fn clear(&self) {
        caught(|| tuplestore_clear(self.store));
    }

    /// Adds a row. `row` returns its columns, of the types that SQL declares; what it allocates is freed.
    pub fn add<const N: usize, D: Into<Option<Datum>>>(&self, row: impl FnOnce() -> [D; N]) {
        if self.row_type.count() != N {
            raise(
                PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                format!("the function returns rows of {N} columns"),
                "",
                "Declare the function as extension pg_tally does.",
            );
        }
        self.memory.with(|| {
            let columns: [Option<Datum>; N] = row().map(Into::into);
            let mut nulls = columns.map(|column| column.is_none());
            let mut columns = columns.map(|column| column.unwrap_or(Datum::null()));
            let (columns, nulls) = (columns.as_mut_ptr(), nulls.as_mut_ptr());
            // SAFETY: there are as many columns as the result has; the store copies them before their memory is freed.
            unsafe {
                pg_sys::tuplestore_putvalues(self.store.pointer(), self.row_type.pointer(), columns, nulls)
            }
        });
    }
}
