//! Results of functions declared to return a table; large ones are kept on disk.

use super::call::Call;
use super::error::raise;
use super::scratch::Scratch;
use pgrx::pg_sys::{self, Datum};
use pgrx::PgSqlErrorCode;

/// The rows that the running function returns.
pub struct ResultRows {
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
    columns: usize,
    /// The memory context in which a row is made.
    memory: Scratch,
}

impl ResultRows {
    /// Begins a result without rows.
    pub fn of(call: Call) -> ResultRows {
        // SAFETY: the call is the running one; the store and its descriptor live as long as its result.
        unsafe {
            pg_sys::InitMaterializedSRF(call.info(), 0);
            let result = (*call.info()).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            ResultRows {
                store: (*result).setResult,
                descriptor: (*result).setDesc,
                columns: (*(*result).setDesc).natts as usize,
                memory: Scratch::new("row of a result"),
            }
        }
    }

    /// Forgets all rows.
    pub fn clear(&self) {
        // SAFETY: the store belongs to the running call.
        unsafe { pg_sys::tuplestore_clear(self.store) }
    }

    /// Adds a row. `row` returns its columns, of the types that SQL declares; what it allocates is freed.
    pub fn add<const N: usize, D: Into<Option<Datum>>>(&self, row: impl FnOnce() -> [D; N]) {
        if self.columns != N {
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
            unsafe { pg_sys::tuplestore_putvalues(self.store, self.descriptor, columns, nulls) }
        });
    }
}
