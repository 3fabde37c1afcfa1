//! One connection: batches of one part after the other, each in a transaction with the part's position.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio_postgres::{Client, Error};

use super::batch::Batch;
use super::counts::Counts;
use super::dead_letter::{self, DeadLetter};
use super::ledger::{self, Entry, Key};
use super::left_out::LeftOut;
use super::narrow::Narrow;
use crate::definition::Definition;
use crate::failure::Failure;
use crate::load::{copy, copy_around, Path, Stop};
use crate::pg::{self, verdict, Connector, Verdict};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the connections of a run share.
pub struct Run {
    /// The database.
    pub connector: Connector,
    /// The job's name.
    pub job: String,
    /// How many bad rows are too many.
    pub max_bad_rows: u64,
    /// Rows stored.
    pub rows: AtomicU64,
    /// Dead letters stored.
    pub dead_letters: AtomicU64,
    /// The wish to stop.
    pub stop: Stop,
    /// The run has failed: its other parts need not go on.
    pub failed: AtomicBool,
    /// The files that could not be loaded.
    pub left_out: LeftOut,
    /// What became of the rows of each file.
    pub counts: Counts,
    /// The columns that did not hold all numbers.
    pub narrow: Narrow,
}

impl Run {
    /// Whether to begin nothing new.
    pub fn is_over(&self) -> bool {
        self.stop.is_requested() || self.failed.load(Ordering::Relaxed)
    }
}

/// How the rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// All at once: no row is expected to be refused.
    None,
    /// So that refused rows are found and taken out.
    RowByRow,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is committed.
    Stored,
    /// It was left, because the run was told to stop while PostgreSQL was away.
    Dropped,
    /// The batch was left, because it is the first of its part and none of its rows can be stored: that is no matter of single
    /// rows. Here is the first of them.
    NoneGood(String),
}

/// Owns a connection.
pub struct Writer<'r> {
    run: &'r Run,
    client: Client,
}

enum Attempt {
    Stored {
        rows: u64,
        dead_letters: u64,
        /// The first of those.
        first_bad: Option<String>,
    },
    /// None of the rows is good, and none was before; here is the first.
    NoneGood(String),
    /// The part is not where it should be.
    Elsewhere,
    /// There are too many bad rows; here is the last one.
    TooMany(String),
}

impl<'r> Writer<'r> {
    /// Connects, whatever time it takes; none if the run was told to stop meanwhile.
    pub async fn connect(run: &'r Run) -> Result<Option<Self>, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            match run.connector.connect().await {
                Ok(client) => return Ok(Some(Self { run, client })),
                Err(error) if verdict(&error) == Verdict::Outage => {
                    if !wait(run, &mut pause, &error).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(run.connector.failure(&error)),
            }
        }
    }

    /// Takes the lock on a part, and gives its position and line; none if all of it is stored, or if the run was told to
    /// stop while PostgreSQL was away.
    pub async fn begin(&mut self, key: Key<'_>) -> Result<Option<(i64, i64)>, Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_to_begin(key).await {
                Ok(Some(entry)) => return Ok((!entry.done).then_some(entry.next)),
                Ok(None) => return Err(moved(key)),
                Err(error) if !self.is_passing(key, &error, &mut pause).await? => return Ok(None),
                Err(_) => {}
            }
        }
    }

    async fn try_to_begin(&mut self, key: Key<'_>) -> Result<Option<Entry>, Error> {
        if self.client.is_closed() {
            self.client = self.run.connector.connect().await?;
        }
        ledger::lock(&self.client, key).await?;
        let tx = self.client.transaction().await?;
        let entry = ledger::stand(&tx, key).await?;
        tx.rollback().await?;
        Ok(entry)
    }

    /// Notes the end of a part, if it was reached, and gives the lock back.
    pub async fn end(&mut self, key: Key<'_>, reached: Option<i64>) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_to_end(key, reached).await {
                Ok(()) => return Ok(()),
                Err(error) if !self.is_passing(key, &error, &mut pause).await? => return Ok(()),
                Err(_) => {}
            }
        }
    }

    async fn try_to_end(&mut self, key: Key<'_>, reached: Option<i64>) -> Result<(), Error> {
        // With its connection a lock is gone as well.
        let is_locked = !self.client.is_closed();
        if !is_locked {
            self.client = self.run.connector.connect().await?;
        }
        if let Some(next) = reached {
            ledger::finish(&self.client, key, next).await?;
        }
        if is_locked {
            ledger::unlock(&self.client, key).await?;
        }
        Ok(())
    }

    /// Waits where an error passes; false if the run was told to stop meanwhile.
    async fn is_passing(&self, key: Key<'_>, error: &Error, pause: &mut Duration) -> Result<bool, Failure> {
        match verdict(error) {
            Verdict::Outage => Ok(wait(self.run, pause, error).await),
            _ => Err(pg::failure(&format!("{} in loader.files", key.path), error)),
        }
    }

    /// Stores a batch, whatever it takes.
    pub async fn store(
        &mut self,
        key: Key<'_>,
        definition: &Definition,
        batch: &Batch,
    ) -> Result<Fate, Failure> {
        let mut care = Care::None;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.attempt(key, definition, batch, care).await {
                Ok(Attempt::Stored { rows, dead_letters, first_bad }) => {
                    self.run.counts.add(key.path, rows, dead_letters, first_bad);
                    self.run.rows.fetch_add(rows, Ordering::Relaxed);
                    self.run.dead_letters.fetch_add(dead_letters, Ordering::Relaxed);
                    return Ok(Fate::Stored);
                }
                Ok(Attempt::NoneGood(first)) => return Ok(Fate::NoneGood(first)),
                Ok(Attempt::Elsewhere) => return Err(moved(key)),
                Ok(Attempt::TooMany(last)) => return Err(self.too_many(key, &last)),
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Row if care == Care::None => care = Care::RowByRow,
                Verdict::Outage => {
                    tracing::warn!(error = %pg::explain(&error), "the database is in trouble; trying again");
                    match self.recover(key, batch, &mut pause).await? {
                        Recovered::Again => {}
                        Recovered::AlreadyStored => {
                            self.run.rows.fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
                            self.run
                                .dead_letters
                                .fetch_add(batch.dead_letters.len() as u64, Ordering::Relaxed);
                            return Ok(Fate::Stored);
                        }
                        Recovered::Stopped => return Ok(Fate::Dropped),
                    }
                }
                Verdict::Row | Verdict::Stop => {
                    return Err(pg::failure(&format!("{}, table {}", key.path, definition.table), &error));
                }
            }
        }
    }

    async fn attempt(
        &mut self,
        key: Key<'_>,
        definition: &Definition,
        batch: &Batch,
        care: Care,
    ) -> Result<Attempt, Error> {
        let mut tx = self.client.transaction().await?;
        let is_first = match ledger::stand(&tx, key).await? {
            Some(entry) if entry.next.0 == batch.from => batch.from == entry.part.from,
            _ => return Ok(Attempt::Elsewhere),
        };
        let bad = self.run.dead_letters.load(Ordering::Relaxed) + batch.dead_letters.len() as u64;
        let most = self.run.max_bad_rows.saturating_sub(bad);
        let mut refused = Vec::new();
        if batch.rows.len() > 0 {
            let path = Path::open(&tx, &mut HashMap::new(), definition).await?;
            match care {
                Care::None => path.send(&tx, [batch.rows.slice(0, batch.rows.len())]).await?,
                Care::RowByRow => {
                    let table = &definition.table.name;
                    let all: Vec<usize> = (0..batch.rows.len()).collect();
                    let found = copy_around(&mut tx, &path, table, &batch.rows, &all, most).await?;
                    refused.extend(found.into_iter().map(|(row, reject)| batch.refused(row, reject)));
                }
            }
        }
        let letters: Vec<&DeadLetter> = batch.dead_letters.iter().chain(&refused).collect();
        let first_bad = letters.iter().min_by_key(|letter| letter.line).map(|letter| letter.to_string());
        if let (true, Some(first)) = (is_first && refused.len() == batch.rows.len(), &first_bad) {
            return Ok(Attempt::NoneGood(first.clone()));
        }
        let bad = bad + refused.len() as u64;
        if let (true, Some(letter)) = (bad > self.run.max_bad_rows, letters.first()) {
            return Ok(Attempt::TooMany(letter.to_string()));
        }
        if !letters.is_empty() {
            let mut bytes = Vec::new();
            letters.iter().for_each(|letter| letter.append(key.job, key.path, &mut bytes));
            let statement = tx.prepare(dead_letter::COPY).await?;
            copy(&tx, &statement, [bytes.as_slice()]).await?;
        }
        let (rows, dead_letters) = ((batch.rows.len() - refused.len()) as u64, letters.len() as u64);
        ledger::advance(&tx, key, batch.next, rows, dead_letters).await?;
        tx.commit().await?;
        Ok(Attempt::Stored { rows, dead_letters, first_bad })
    }

    /// Waits for the database, and asks it whether the last attempt was committed after all.
    async fn recover(
        &mut self,
        key: Key<'_>,
        batch: &Batch,
        pause: &mut Duration,
    ) -> Result<Recovered, Failure> {
        let mut stop = self.run.stop.clone();
        loop {
            tokio::select! {
                () = stop.requested() => return Ok(Recovered::Stopped),
                () = tokio::time::sleep(*pause) => {}
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            match self.reconnect_and_look(key).await {
                Ok(Some(next)) if next == batch.from => return Ok(Recovered::Again),
                Ok(Some(next)) if next == batch.next.0 => return Ok(Recovered::AlreadyStored),
                Ok(_) => return Err(moved(key)),
                Err(error) if verdict(&error) == Verdict::Outage => {
                    tracing::warn!(error = %pg::explain(&error), "the database is away");
                }
                Err(error) => return Err(pg::failure("reconnecting to the database", &error)),
            }
        }
    }

    async fn reconnect_and_look(&mut self, key: Key<'_>) -> Result<Option<i64>, Error> {
        if self.client.is_closed() {
            self.client = self.run.connector.connect().await?;
            ledger::lock(&self.client, key).await?;
        }
        let tx = self.client.transaction().await?;
        let entry = ledger::stand(&tx, key).await?;
        tx.rollback().await?;
        Ok(entry.map(|entry| entry.next.0))
    }

    fn too_many(&self, key: Key<'_>, first: &str) -> Failure {
        let most = self.run.max_bad_rows;
        Failure::new(format!("more than {most} bad rows; in this batch the first is on {first}"))
            .at(key.path)
            .mend("mend the file or the options; or allow more with --max-bad-rows, and the run goes on where it stopped")
    }
}

/// Waits a while for PostgreSQL; false if the run was told to stop meanwhile.
async fn wait(run: &Run, pause: &mut Duration, error: &Error) -> bool {
    tracing::warn!(error = %pg::explain(error), "the database is away; trying again");
    let mut stop = run.stop.clone();
    tokio::select! {
        () = stop.requested() => return false,
        () = tokio::time::sleep(*pause) => {}
    }
    *pause = (*pause * 2).min(LONGEST_PAUSE);
    true
}

enum Recovered {
    Again,
    AlreadyStored,
    Stopped,
}

fn moved(key: Key<'_>) -> Failure {
    Failure::new("its position in loader.files was moved by someone else")
        .at(key.path)
        .mend("run it again; it goes on from there")
}
