//! Statements that have begun to write and are not logged yet.
//!
//! Rows can be seen as soon as they are written, by volatile functions and by triggers that fire before ours; what they did to
//! the tree is only logged when their statement ends. Until then this session reads the table. A trigger before each
//! statement says so, also where a foreign key cascades; PostgreSQL fires it once for each time that ours fires after it.

use pgrx::pg_sys;
use std::cell::RefCell;

thread_local! {
    /// The tree that each statement writes to, and the nesting level of its transaction.
    static WRITING: RefCell<Vec<(i32, i32)>> = const { RefCell::new(Vec::new()) };
}

/// A statement is about to write.
pub fn begin(tree: i32) {
    // SAFETY: a counter of the running transaction's.
    let level = unsafe { pg_sys::GetCurrentTransactionNestLevel() };
    WRITING.with_borrow_mut(|writing| writing.push((tree, level)));
}

/// What the innermost statement did is logged.
pub fn end(tree: i32) {
    WRITING.with_borrow_mut(|writing| {
        if let Some(place) = writing.iter().rposition(|(writes, _)| *writes == tree) {
            writing.remove(place);
        }
    });
}

/// Might the session see rows that are not logged yet? Where a replica applies changes no statement says that it begins.
pub fn is_under_way(tree: i32) -> bool {
    // SAFETY: a setting of the session's.
    let replica =
        unsafe { pg_sys::SessionReplicationRole } == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as i32;
    replica || WRITING.with_borrow(|writing| writing.iter().any(|(writes, _)| *writes == tree))
}

/// Forgets statements whose transaction ends; once, when the library is loaded.
pub fn watch() {
    // SAFETY: only called from `_PG_init`; the functions live as long as the process.
    unsafe {
        pg_sys::RegisterXactCallback(Some(transaction_ends), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(subtransaction_ends), std::ptr::null_mut());
    }
}

// Called while transactions end: they call nothing that could fail.
unsafe extern "C-unwind" fn transaction_ends(event: pg_sys::XactEvent::Type, _: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::*;
    if matches!(event, XACT_EVENT_ABORT | XACT_EVENT_COMMIT | XACT_EVENT_PREPARE) {
        WRITING.with(|writing| writing.take());
    }
}

unsafe extern "C-unwind" fn subtransaction_ends(
    event: pg_sys::SubXactEvent::Type,
    _: pg_sys::SubTransactionId,
    _: pg_sys::SubTransactionId,
    _: *mut std::ffi::c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        // SAFETY: a counter; the transaction that fails is still the current one.
        let failed = unsafe { pg_sys::GetCurrentTransactionNestLevel() };
        WRITING.with(|writing| writing.borrow_mut().retain(|(_, level)| *level < failed));
    }
}
