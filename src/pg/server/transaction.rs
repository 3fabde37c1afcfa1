//! Transactions of a background worker, and snapshots.

use super::lookup::{caught, next_transaction};
use super::subtransaction::report;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};

// PostgreSQL defines the variable, which only the one thread of this process changes, and the functions with these arguments. Those that
// begin and end a transaction raise errors where that is not possible.
unsafe extern "C-unwind" {
    safe fn SetCurrentStatementStartTimestamp();
    safe fn StartTransactionCommand();
    safe fn CommitTransactionCommand();
    safe fn AbortCurrentTransaction();
    safe fn XidInMVCCSnapshot(transaction: pg_sys::TransactionId, snapshot: &pg_sys::SnapshotData) -> bool;
    safe static XactReadOnly: AtomicBool;
    safe static XactIsoLevel: AtomicI32;
}

/// Does `work` in a transaction of its own; an error rolls it back and is returned. The process is connected to a
/// database and not in a transaction.
pub fn transaction<R>(work: impl FnOnce() -> R) -> Result<R, Box<ErrorReportWithLevel>> {
    caught(|| {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
    });
    let result = PgTryBuilder::new(AssertUnwindSafe(|| Ok(in_new_snapshot(work))))
        .catch_others(|error| Err(report(error)))
        .execute();
    match &result {
        Ok(_) => caught(|| CommitTransactionCommand()),
        Err(_) => caught(|| AbortCurrentTransaction()),
    }
    result
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

/// Whether the transaction is read-only.
pub fn is_read_only() -> bool {
    XactReadOnly.load(Relaxed)
}

/// Whether the transaction conflicts with those that write what it has read.
pub fn is_serializable() -> bool {
    XactIsoLevel.load(Relaxed) == pg_sys::XACT_SERIALIZABLE as i32
}

/// Whether all statements of the transaction have the snapshot of the first.
pub fn has_one_snapshot() -> bool {
    XactIsoLevel.load(Relaxed) >= pg_sys::XACT_REPEATABLE_READ as i32
}

/// Whether the active snapshot, if it is an ordinary one, sees the changes of a transaction that has committed.
pub fn is_seen(transaction: pg_sys::TransactionId) -> bool {
    in_active(|snapshot| !caught(|| XidInMVCCSnapshot(transaction, snapshot))).unwrap_or_default()
}

/// The ID from which on transactions may have been running when the active snapshot was taken: it sees all earlier ones that have
/// committed.
pub fn oldest_running() -> u64 {
    let next = next_transaction();
    let behind = in_active(|snapshot| (next as u32).wrapping_sub(snapshot.xmin.into())).unwrap_or(u32::MAX);
    next.saturating_sub(behind.into())
}

/// The command of the active snapshot; 0 without one.
pub fn command_of_snapshot() -> pg_sys::CommandId {
    in_active(|snapshot| snapshot.curcid).unwrap_or_default()
}

/// Looks at the active snapshot; None if there is none.
fn in_active<R>(look: impl FnOnce(&pg_sys::SnapshotData) -> R) -> Option<R> {
    // SAFETY: the active snapshot is null, or lives as long as it is the active one.
    unsafe { pg_sys::GetActiveSnapshot().as_ref() }.map(look)
}

/// Does `work` in a transaction that is read-only for so long.
pub fn only_reading<R>(work: impl FnOnce() -> R) -> R {
    /// Lets the transaction be what it was.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            XactReadOnly.store(self.0, Relaxed);
        }
    }
    // From version 16 on PostgreSQL refuses to set it for the time of a function, as it sets others. Where a transaction or
    // subtransaction ends it restores it itself.
    let _before = Before(is_read_only());
    XactReadOnly.store(true, Relaxed);
    work()
}
