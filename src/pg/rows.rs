//! Results of functions declared to return a table; large ones are kept on disk.

use super::error::raise;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo};
use pgrx::PgSqlErrorCode;
use std::cell::RefCell;

/// The rows that the running function returns.
pub struct ResultRows {
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
    /// The memory context in which a row is made.
    memory: RefCell<PgMemoryContexts>,
}

impl ResultRows {
    /// Begins a result without rows.
    pub fn of(fcinfo: FunctionCallInfo) -> ResultRows {
        // SAFETY: `fcinfo` belongs to the running call; the store and its descriptor live as long as its result.
        unsafe {
            pg_sys::InitMaterializedSRF(fcinfo, 0);
            let result = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            ResultRows {
                store: (*result).setResult,
                descriptor: (*result).setDesc,
                memory: RefCell::new(PgMemoryContexts::new("row of a result")),
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
        let mut memory = self.memory.borrow_mut();
        // SAFETY: the number of columns is checked; the store copies them before their memory is freed.
        unsafe {
            if (*self.descriptor).natts as usize != N {
                raise(
                    PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                    format!("the function returns rows of {N} columns"),
                    "",
                    "Declare the function as extension pg_tally does.",
                );
            }
            memory.switch_to(|_| {
                let columns: [Option<Datum>; N] = row().map(Into::into);
                let mut nulls = columns.map(|column| column.is_none());
                let mut columns = columns.map(|column| column.unwrap_or(Datum::null()));
                let (columns, nulls) = (columns.as_mut_ptr(), nulls.as_mut_ptr());
                pg_sys::tuplestore_putvalues(self.store, self.descriptor, columns, nulls);
            });
            memory.reset();
        }
    }
}
