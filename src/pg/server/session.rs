//! The session as a whole, and the sessions of background workers.

use super::ctext::CText;
use super::lookup::caught;
pub use super::setting::set_for_process;
use pgrx::bgworkers::BackgroundWorker;
use pgrx::pg_sys::panic::ErrorReportWithLevel;
use pgrx::pg_sys::{self, BackendState};
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::{c_long, CStr};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::Relaxed};
use std::time::Duration;

/// The latch of this process, which is set up before any of our code runs. A pointer, as C sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct OwnLatch(*mut pg_sys::Latch);

/// PostgreSQL's variable with the latch.
#[repr(transparent)]
struct LatchVariable(Cell<OwnLatch>);

// SAFETY: only the one thread of a process of PostgreSQL reads and sets the variable.
unsafe impl Sync for LatchVariable {}

unsafe extern "C-unwind" {
    // The bindings of pgrx do not name it. PostgreSQL only reads the statement.
    safe fn DiscardCommand(statement: &pg_sys::DiscardStmt, is_top_level: bool);
    safe fn pgstat_report_activity(state: BackendState::Type, text: Option<CText>);
    safe fn pgstat_report_stat(force: bool) -> i64;
    safe static SessionReplicationRole: AtomicI32;
    safe static process_shared_preload_libraries_in_progress: AtomicBool;
    safe static MyLatch: LatchVariable;
    safe fn WaitLatch(latch: OwnLatch, events: i32, milliseconds: c_long, doing: u32) -> i32;
    safe fn ResetLatch(latch: OwnLatch);
    safe fn ProcessConfigFile(context: pg_sys::GucContext::Type);
    // PostgreSQL's own handler of signals, and the function that sets one.
    safe fn die(signal: i32);
    #[cfg_attr(feature = "pg18", link_name = "pqsignal_be")]
    safe fn pqsignal(signal: i32, handler: Option<extern "C-unwind" fn(i32)>);
}

/// Resets the session, as DISCARD ALL does: settings, advisory locks, prepared statements, cursors, temporary tables,
/// LISTEN. Called in a transaction that has done nothing else.
pub fn discard_all() {
    let statement = pg_sys::DiscardStmt {
        type_: pg_sys::NodeTag::T_DiscardStmt,
        target: pg_sys::DiscardMode::DISCARD_ALL,
    };
    caught(|| DiscardCommand(&statement, true));
}

/// Makes SIGTERM end a background worker at its next check for interrupts, as in any session.
pub fn wind_up_on_sigterm() {
    pqsignal(pg_sys::SIGTERM as i32, Some(die));
}

/// Sleeps until the time is over, the server stops or the latch is set, and reloads the configuration if it has
/// changed.
pub fn wait(time: Duration) {
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    let milliseconds = time.as_millis() as c_long;
    caught(|| WaitLatch(MyLatch.0.get(), events as i32, milliseconds, pg_sys::PG_WAIT_EXTENSION));
    caught(|| ResetLatch(MyLatch.0.get()));
    pgrx::check_for_interrupts!();
    if BackgroundWorker::sighup_received() {
        // A worker calls this between its tasks and outside of transactions, where PostgreSQL itself reloads its files.
        caught(|| ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP));
    }
}

/// Whether the server is loading its libraries, before there are any sessions.
pub fn is_preloading() -> bool {
    process_shared_preload_libraries_in_progress.load(Relaxed)
}

/// Whether the session applies the changes of another server, which ordinary triggers do not fire for.
pub fn is_replica() -> bool {
    SessionReplicationRole.load(Relaxed) == pg_sys::SESSION_REPLICATION_ROLE_REPLICA as i32
}

/// Shows in `pg_stat_activity` what the process is doing.
pub fn report_activity(state: BackendState::Type, doing: Option<&CStr>) {
    let doing = doing.map(CText::from);
    caught(|| pgstat_report_activity(state, doing));
}

/// Reports to autovacuum what the process has changed; outside of transactions.
pub fn report_changes() {
    caught(|| pgstat_report_stat(true));
}

/// Writes an error to the server's log.
pub fn log_error(what: &str, error: &ErrorReportWithLevel) {
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    log!("{what}: {}{detail}", error.message());
}
