//! The launcher, which runs where the server preloads the library. Every `pg_tally.powertree_compact_seconds` it starts
//! a worker for each database of `pg_tally.powertree_databases`. A worker that finds nothing to do exits, so that the
//! database can be dropped, renamed or copied.

use super::worker;
use crate::pg::calls::worker::StartedWorker;
use crate::pg::server::process::PROCESS;
use crate::pg::server::session::{is_preloading, log_error, wait, wind_up_on_sigterm};
use crate::pg::server::transaction::transaction;
use crate::pg::tables::catalog::{name_text, scan};
use crate::settings;
use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, BgWorkerStartTime, SignalWakeFlags};
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The time between two rounds of the launcher.
const NAP: Duration = Duration::from_secs(1);
/// The time after which the postmaster restarts a launcher that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Registers the launcher, but only while the server starts and if there is a database to serve.
pub fn register() {
    if !is_preloading() || settings::powertree_databases().is_empty() {
        return;
    }
    BackgroundWorkerBuilder::new("pg_tally launcher of power tree workers")
        .set_type("pg_tally launcher")
        .set_library("pg_tally")
        .set_function("powertree_launcher")
        .set_restart_time(Some(PAUSE))
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .enable_spi_access()
        .load();
}

/// Runs the launcher until the server stops.
#[pg_guard]
#[no_mangle]
pub extern "C-unwind" fn powertree_launcher(_argument: pg_sys::Datum) {
    wind_up_on_sigterm();
    BackgroundWorker::attach_signal_handlers(SignalWakeFlags::SIGHUP);
    // Without a database only the shared catalogs can be read.
    BackgroundWorker::connect_worker_to_spi(None, None);
    let mut places: HashMap<String, WorkerPlace> = HashMap::new();
    loop {
        match transaction(databases) {
            Ok(databases) => {
                for name in settings::powertree_databases() {
                    let database = databases.get(&name).copied();
                    places.entry(name.clone()).or_default().serve(&name, database);
                }
            }
            Err(error) => log_error("pg_tally launcher", &error),
        }
        wait(NAP);
    }
}

/// The databases that allow connections.
fn databases() -> HashMap<String, Oid> {
    let mut databases = HashMap::new();
    scan(pg_sys::DatabaseRelationId, None, None, |row| {
        let database = row.form::<pg_sys::FormData_pg_database>();
        if database.datallowconn {
            databases.insert(name_text(&database.datname), database.oid);
        }
        true
    });
    databases
}

/// A database that is to be served.
#[derive(Default)]
struct WorkerPlace {
    worker: Option<StartedWorker>,
    /// The time from which the next worker may be started.
    next: Option<Instant>,
    /// The last complaint, which is not repeated.
    said: Option<&'static str>,
}

impl WorkerPlace {
    fn serve(&mut self, name: &str, database: Option<Oid>) {
        if self.is_served() || self.next.is_some_and(|next| Instant::now() < next) {
            return;
        }
        let Some(database) = database else {
            return self.say(name, "does not exist, or takes no connections");
        };
        let seconds = settings::powertree_compact_seconds().max(1) as u64;
        self.next = Some(Instant::now() + Duration::from_secs(seconds));
        self.worker = start(name, database);
        match self.worker {
            Some(_) => self.said = None,
            None => self.say(name, "has no worker: raise max_worker_processes"),
        }
    }

    /// Whether the database's worker is still running.
    fn is_served(&mut self) -> bool {
        self.worker = self.worker.take().and_then(StartedWorker::running);
        self.worker.is_some()
    }

    fn say(&mut self, name: &str, what: &'static str) {
        if self.said != Some(what) {
            self.said = Some(what);
            log!("pg_tally launcher: database \"{name}\" of pg_tally.powertree_databases {what}");
        }
    }
}

/// Asks the postmaster to start a worker; None if there are `max_worker_processes` already.
fn start(name: &str, database: Oid) -> Option<StartedWorker> {
    let builder = BackgroundWorkerBuilder::new(&format!("pg_tally power trees of {name}"))
        .set_type(worker::TYPE)
        .set_library("pg_tally")
        .set_function("powertree_worker")
        .set_argument(Some(database.into()))
        .set_restart_time(None)
        .set_notify_pid(PROCESS)
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .enable_spi_access();
    StartedWorker::start(&builder)
}
