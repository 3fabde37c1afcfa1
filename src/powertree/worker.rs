//! The background workers: one for each database of `pg_tally.powertree_databases`, where the library is preloaded by the
//! server. They do what `CALL powertree_compact()` does, by rows and seconds.

use super::access::State;
use super::catalog::Tables;
use super::compaction::compact;
use super::definition::Definition;
use super::spi::connected;
use super::storage::Snapshot;
use super::{log, span};
use crate::pg::{session::discard_all, subtransaction::report};
use crate::settings;
use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, SignalWakeFlags};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::time::Duration;

/// How long a worker sleeps between looking.
const NAP: Duration = Duration::from_secs(1);
/// How long until one that failed is started again.
const PAUSE: Duration = Duration::from_secs(5);

/// Registers the workers; only while the server starts.
pub fn register() {
    // SAFETY: a flag of the server's.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        return;
    }
    for database in settings::powertree_databases() {
        BackgroundWorkerBuilder::new(&format!("pg_tally power trees of {database}"))
            .set_type("pg_tally power trees")
            .set_library("pg_tally")
            .set_function("powertree_worker")
            .set_extra(&database)
            .set_restart_time(Some(PAUSE))
            .enable_spi_access()
            .load();
    }
}

/// What a worker does until the server stops.
#[pg_guard]
#[no_mangle]
pub extern "C-unwind" fn powertree_worker(_argument: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGTERM);
    BackgroundWorker::connect_worker_to_spi(Some(BackgroundWorker::get_extra()), None);
    while BackgroundWorker::wait_latch(Some(NAP)) {
        if BackgroundWorker::sighup_received() {
            // SAFETY: reads the configuration files.
            unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) }
        }
        for tree in transaction(due).unwrap_or_default() {
            transaction(|| connected(|| compact(tree, false)));
            // What one owner's code has left in the session is not for the next owner's.
            transaction(discard_all);
        }
    }
    // Where not the server ends but only the worker, by pg_terminate_backend() or with its database, another one shall follow: for one
    // that ends without a failure PostgreSQL starts none.
    // SAFETY: outside of any transaction; a server that ends does not look at the status.
    unsafe { pg_sys::proc_exit(1) }
}

/// Runs `work` in a transaction of its own; None if it failed, which is logged: other trees have their turn.
fn transaction<R>(work: impl FnOnce() -> R + std::panic::UnwindSafe) -> Option<R> {
    // SAFETY: the worker is connected to its database and in no transaction.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let result = PgTryBuilder::new(std::panic::AssertUnwindSafe(|| Some(work())))
            .catch_others(|error| {
                log!("power tree worker: {}", report(error).message());
                None
            })
            .execute();
        if result.is_some() {
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        } else {
            pg_sys::AbortCurrentTransaction();
        }
        result
    }
}

/// The trees whose log is long or old enough.
fn due() -> Vec<i32> {
    let Some(tables) = Tables::known() else { return Vec::new() };
    let mut due = Vec::new();
    for tree in Definition::all(&tables) {
        let Some(state) = State::read(&tables, tree.id).filter(|state| state.stale.is_none()) else {
            continue;
        };
        let age = state.compacted_at.map_or(i64::MAX, |at| {
            // SAFETY: the clock.
            (unsafe { pg_sys::GetCurrentTimestamp() }).saturating_sub(at.value() as i64) / 1_000_000
        });
        let old = age >= i64::from(settings::powertree_compact_seconds());
        let any = || !span::all(&tables, tree.id, Snapshot::Active).is_empty();
        if old && (any() || log::has(&tables, tree.id, 1))
            || log::has(&tables, tree.id, settings::powertree_compact_rows() as u64)
        {
            due.push(tree.id);
        }
    }
    due
}
