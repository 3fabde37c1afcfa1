//! Work that may fail without failing the transaction.

use pgrx::pg_sys::panic::CaughtError;
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::prelude::*;
use pgrx::{pg_sys, PgSqlErrorCode};
use std::panic::AssertUnwindSafe;

/// Does `work` in a subtransaction. An error undoes the work and is returned, unless it is a request to cancel or to
/// terminate.
pub fn attempt<R>(work: impl FnOnce() -> R) -> Result<R, Box<ErrorReportWithLevel>> {
    // SAFETY: the subtransaction ends below in either case; memory context and resource owner are restored.
    unsafe {
        let (memory, owner) = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(memory);
        let result = PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
            .catch_others(
                |error| if is_a_wish_to_stop(&error) { error.rethrow() } else { Err(report(error)) },
            )
            .execute();
        match &result {
            Ok(_) => pg_sys::ReleaseCurrentSubTransaction(),
            Err(_) => pg_sys::RollbackAndReleaseCurrentSubTransaction(),
        }
        pg_sys::MemoryContextSwitchTo(memory);
        pg_sys::CurrentResourceOwner = owner;
        result
    }
}

/// Returns the report of an error, whoever raised it.
pub fn report(error: CaughtError) -> Box<ErrorReportWithLevel> {
    Box::new(match error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    })
}

fn is_a_wish_to_stop(error: &CaughtError) -> bool {
    let (CaughtError::PostgresError(report) | CaughtError::ErrorReport(report)) = error else { return false };
    report.sql_error_code() == PgSqlErrorCode::ERRCODE_QUERY_CANCELED
}
