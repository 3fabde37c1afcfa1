//! The session as a whole.

use pgrx::pg_sys;

extern "C-unwind" {
    // The bindings of pgrx do not name it.
    fn DiscardCommand(statement: *mut pg_sys::DiscardStmt, is_top_level: bool);
}

/// Forgets all that was left in the session, as DISCARD ALL does: settings, advisory locks, prepared statements,
/// cursors, temporary tables, LISTEN. In a transaction that has done nothing else.
pub fn discard_all() {
    let mut statement = pg_sys::DiscardStmt {
        type_: pg_sys::NodeTag::T_DiscardStmt,
        target: pg_sys::DiscardMode::DISCARD_ALL,
    };
    // SAFETY: PostgreSQL only reads the statement; its errors come out as those of all its functions do.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| DiscardCommand(&mut statement, true)) };
}
