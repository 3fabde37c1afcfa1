//! Transactions of a background worker, and snapshots.

use super::subtransaction::report;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;

/// Does `work` in a transaction of its own; an error rolls it back and is returned. The process is connected to a
/// database and not in a transaction.
pub fn transaction<R>(work: impl FnOnce() -> R) -> Result<R, Box<ErrorReportWithLevel>> {
    // SAFETY: the transaction that is begun here is also ended here.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let result = PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
            .catch_others(|error| Err(report(error)))
            .execute();
        if result.is_ok() {
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        } else {
            pg_sys::AbortCurrentTransaction();
        }
        result
    }
}

/// Runs `work` in a new snapshot of the transaction.
pub fn in_new_snapshot<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: the snapshot is pushed and popped here; an error leaves it to the end of the transaction.
    unsafe {
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let result = work();
        pg_sys::PopActiveSnapshot();
        result
    }
}
