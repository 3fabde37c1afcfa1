//! Jobs: connections and threads that take a run's slots to proved objects, beside one another.

use std::sync::{Arc, Mutex, PoisonError};

use tally_postgres::{Connector, Failure};
use tally_program::Stop;
use tokio_postgres::Client;

use crate::ledger::{self, Entry};
use crate::session::connect_beside;
use crate::slot::Slot;
use crate::step;
use crate::stretch::{Next, Source};
use crate::work::{Task, Work};

/// Number of slots, rows and bytes that were archived.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub slots: u64,
    pub rows: i64,
    pub bytes: i64,
}

/// State that the jobs of a run share.
struct Shared {
    connector: Connector,
    source: Source,
    stop: Stop,
    work: Mutex<Work>,
}

/// Does the work with this many jobs; returns what they have archived, and the first failure.
pub async fn run(
    connector: &Connector,
    source: Source,
    stop: &Stop,
    work: Work,
    jobs: usize,
) -> (Counts, Result<(), Failure>) {
    let (connector, stop) = (connector.clone(), stop.clone());
    let shared = Arc::new(Shared { connector, source, stop, work: Mutex::new(work) });
    let begin = |_| {
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || thread(&shared))
    };
    let (mut counts, mut outcome) = (Counts::default(), Ok(()));
    for job in (0..jobs).map(begin).collect::<Vec<_>>() {
        let (more, result) = job.await.unwrap_or_else(|e| (Counts::default(), Err(Failure::new(e))));
        counts.slots += more.slots;
        counts.rows += more.rows;
        counts.bytes += more.bytes;
        outcome = outcome.and(result);
    }
    (counts, outcome)
}

fn thread(shared: &Shared) -> (Counts, Result<(), Failure>) {
    let mut counts = Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(work(shared, &mut counts)),
        Err(error) => Err(Failure::new(error)),
    };
    // What is left to the others goes on faster.
    shared.source.helpers.add();
    if outcome.is_err() {
        // The others would meet the same fault.
        *shared.work() = Work::new(1);
    }
    (counts, outcome)
}

async fn work(shared: &Shared, counts: &mut Counts) -> Result<(), Failure> {
    // One connection sends rows while the ledger is told by the other one.
    let mut connections = None;
    loop {
        let task = shared.work().next();
        let Some(task) = task.filter(|_| !shared.stop.is_requested()) else { return Ok(()) };
        let (client, mut reader) = match connections.take() {
            Some(connections) => connections,
            None => (connect_beside(&shared.connector).await?, connect_beside(&shared.connector).await?),
        };
        match task {
            Task::Prove(proof) => end(shared, &client, &proof.0, &proof.1, counts).await?,
            Task::Write(slots) => {
                let entries = plan(shared, &client, &slots).await?;
                if !write(shared, &client, &mut reader, &entries, counts).await? {
                    continue;
                }
            }
        }
        connections = Some((client, reader));
    }
}

/// Writes the objects of a stretch, each as soon as its rows are there; returns whether the reading connection is still of use.
async fn write(
    shared: &Shared,
    client: &Client,
    reader: &mut Client,
    entries: &[Entry],
    counts: &mut Counts,
) -> Result<bool, Failure> {
    let mut stretch = shared.source.read(reader, entries).await?;
    loop {
        match stretch.next().await? {
            Next::Slot(whole) => {
                let Some(entry) = entries.iter().find(|entry| entry.slot.from == whole.from) else {
                    continue;
                };
                let written = shared.source.write(entry, whole)?;
                ledger::written(client, entry, &written).await?;
                end(shared, client, entry, &written, counts).await?;
            }
            Next::TooMuch => {
                let (slots, row_bytes) = stretch.left();
                shared.work().take_back(slots, row_bytes);
                return Ok(false);
            }
            Next::End => return stretch.end().await.map(|()| true),
        }
        if shared.stop.is_requested() {
            return Ok(false);
        }
    }
}

async fn plan(shared: &Shared, client: &Client, slots: &[Slot]) -> Result<Vec<Entry>, Failure> {
    let Source { table, place, .. } = &shared.source;
    ledger::plan(client, table, slots, &place.to_string()).await
}

async fn end(
    shared: &Shared,
    client: &Client,
    entry: &Entry,
    written: &ledger::Written,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let Source { table, place, helpers, .. } = &shared.source;
    step::verify(client, table, place, entry, written, helpers).await?;
    counts.slots += 1;
    counts.rows += written.rows;
    counts.bytes += written.bytes;
    Ok(())
}

impl Shared {
    fn work(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
