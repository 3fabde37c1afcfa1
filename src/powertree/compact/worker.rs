//! A background worker: compacts the trees of its database whose logs are long or old enough, as
//! `CALL powertree_compact()` does, until all logs are empty.

use super::compaction::{compact, is_impatience, note_failure};
use crate::pg::server::process::now;
use crate::pg::server::session::{
    discard_all, log_error, report_activity, report_changes, set_for_process, wait, wind_up_on_sigterm,
};
use crate::pg::server::transaction::transaction;
use crate::pg::tables::spi::connected;
use crate::pg::tables::table::Snapshot;
use crate::powertree::model::tree::definitions;
use crate::powertree::store::definition::Definition;
use crate::powertree::store::failure;
use crate::powertree::store::log::Log;
use crate::powertree::store::span;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use crate::settings;
use pgrx::bgworkers::{BackgroundWorker, SignalWakeFlags};
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use std::ffi::CString;
use std::time::Duration;

/// The `backend_type` of a worker in `pg_stat_activity`.
pub const TYPE: &str = "pg_tally power trees";

/// The time between two rounds of a worker.
const NAP: Duration = Duration::from_secs(1);

/// The time that a worker waits for a lock before it turns to the next tree.
const PATIENCE: &std::ffi::CStr = c"1s";

/// Serves the database whose OID is the argument until there is nothing to do.
#[pg_guard]
#[no_mangle]
pub extern "C-unwind" fn powertree_worker(argument: pg_sys::Datum) {
    wind_up_on_sigterm();
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP);
    BackgroundWorker::connect_worker_to_spi_by_oid(Some(Oid::from(argument.value() as u32)), None);
    set_for_process(c"lock_timeout", PATIENCE);
    loop {
        let work = match transaction(look) {
            Ok(work) => work,
            Err(error) => return log_error("power tree worker", &error),
        };
        for tree in &work.due {
            serve(tree);
        }
        if !work.any {
            return;
        }
        wait(NAP);
    }
}

/// Compacts a tree, unless another session is doing so or has locked its table. The session is reset afterwards: the
/// code of the next tree's owner must not find what this owner's code has left.
fn serve(tree: &Definition) {
    let doing = CString::new(format!("compacting power tree {}", tree.name)).unwrap_or_default();
    report_activity(pg_sys::BackendState::STATE_RUNNING, Some(&doing));
    let id = tree.id;
    match transaction(|| connected(|| compact(id, false))) {
        Err(error) if !is_impatience(&error) => {
            log_error(&format!("power tree \"{}\" was not compacted", tree.name), &error);
            if let Err(error) = transaction(|| note_failure(id, &error)) {
                log_error("power tree worker", &error);
            }
        }
        _ => {}
    }
    if let Err(error) = transaction(discard_all) {
        log_error("power tree worker", &error);
    }
    report_changes();
    report_activity(pg_sys::BackendState::STATE_IDLE, None);
}

/// The work of one round.
struct Work {
    /// The trees whose log is long or old enough.
    due: Vec<Definition>,
    /// Whether any log has entries.
    any: bool,
}

fn look() -> Work {
    let mut work = Work { due: Vec::new(), any: false };
    let Some(tables) = Tables::known() else { return work };
    let resting = failure::resting(&tables);
    for tree in definitions().iter().filter(|tree| !resting.contains(&tree.id)) {
        let Some(state) = TreeState::read(&tables, tree.id).filter(|state| state.stale.is_none()) else {
            continue;
        };
        let log = Log::seen(&tables, tree.id);
        if span::all(&tables, tree.id, Snapshot::Active).is_empty() && !log.has(1) {
            continue;
        }
        work.any = true;
        let age = state.compacted_at.map_or(i64::MAX, |at| now().saturating_sub(at) / 1_000_000);
        if age >= i64::from(settings::powertree_compact_seconds())
            || log.has(settings::powertree_compact_rows() as u64)
        {
            work.due.push(tree.clone());
        }
    }
    work
}
