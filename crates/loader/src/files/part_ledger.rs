//! The position of one part of a file in `loader.files`: each batch moves it in the transaction that stores its rows.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tally_files::batch::FileBatch;
use tally_files::dead_letter::{self, FileDeadLetter};
use tally_postgres::{ErrorKind, Failure};
use tally_rows::definition::Definition;
use tokio_postgres::{Client, Error, Transaction};

use super::ledger::{self, PartKey};
use super::run::Run;
use crate::exit::Exit;
use crate::pg;
use crate::store::destination::{copy, Destination};
use crate::store::ledger::{Attempt, CopyMode, Ledger};
use crate::store::partitions;
use crate::store::refusals::copy_around;
use crate::store::statements::Statements;
use crate::store::writer::Writer;

/// The rows and dead letters that a batch stored.
pub struct StoredRows {
    rows: u64,
    dead_letters: u64,
    /// The first of the dead letters.
    first_bad: Option<String>,
}

/// The ledger of a part.
pub struct PartLedger<'a> {
    run: &'a Run,
    key: PartKey<'a>,
    definition: &'a Definition,
}

impl<'a> PartLedger<'a> {
    /// Creates the ledger of a part whose rows go to this table.
    pub fn new(run: &'a Run, key: PartKey<'a>, definition: &'a Definition) -> Self {
        Self { run, key, definition }
    }

    /// Locks the part, and returns its position and line; none if all of it is stored.
    pub async fn open(&self, writer: &mut Writer) -> Result<Option<(i64, i64)>, Exit> {
        let entry = writer.retry("opening a part", async |writer: &mut Writer| {
            let client = writer.client().await.map_err(|e| self.failure(&e))?;
            ledger::lock(client, self.key).await.map_err(|e| self.failure(&e))?;
            let tx = client.transaction().await.map_err(|e| self.failure(&e))?;
            let entry = ledger::stand(&tx, self.key).await.map_err(|e| self.failure(&e))?;
            tx.rollback().await.map_err(|e| self.failure(&e))?;
            Ok(entry)
        });
        match entry.await? {
            Some(entry) => Ok((!entry.done).then_some(entry.next)),
            None => Err(self.moved_failure().into()),
        }
    }

    /// Records the end of the part, if it was reached, and releases the lock.
    pub async fn close(&self, writer: &mut Writer, reached: Option<i64>) -> Result<(), Exit> {
        let closed = writer.retry("closing a part", async |writer: &mut Writer| {
            // A lock ends with its connection.
            let is_locked = !writer.is_closed();
            let client = writer.client().await.map_err(|e| self.failure(&e))?;
            if let Some(next) = reached {
                ledger::finish(client, self.key, next).await.map_err(|e| self.failure(&e))?;
            }
            if is_locked {
                ledger::unlock(client, self.key).await.map_err(|e| self.failure(&e))?;
            }
            Ok(())
        });
        closed.await
    }

    fn failure(&self, error: &Error) -> Failure {
        pg::failure(&format!("{} in loader.files", self.key.path), error)
    }

    fn moved_failure(&self) -> Failure {
        Failure::new("another session has changed the file's position in loader.files")
            .at(self.key.path)
            .mend("run the command again; it continues from there")
    }

    fn too_many(&self, first: &FileDeadLetter) -> Failure {
        let most = self.run.max_bad_rows;
        Failure::new(format!("more than {most} bad rows; the first of this batch is on {first}"))
            .at(self.key.path)
            .mend(
                "correct the file or the options, or raise --max-bad-rows; the next run continues from here",
            )
    }
}

/// Returns the first of dead letters, as a failure shows it.
fn first<'l>(letters: impl IntoIterator<Item = &'l FileDeadLetter>) -> Option<String> {
    letters.into_iter().min_by_key(|letter| letter.line).map(ToString::to_string)
}

impl Ledger for PartLedger<'_> {
    type Batch = FileBatch;
    type Stored = StoredRows;

    async fn store(
        &mut self,
        tx: &mut Transaction<'_>,
        statements: &mut Statements,
        batch: &FileBatch,
        mode: CopyMode,
    ) -> Result<Attempt<StoredRows>, Error> {
        let is_first = match ledger::stand(tx, self.key).await? {
            Some(entry) if entry.next.0 == batch.from => batch.from == entry.part.from,
            _ => return Ok(Attempt::Refused(self.moved_failure())),
        };
        let bad = self.run.dead_letters.load(Ordering::Relaxed) + batch.dead_letters.len() as u64;
        let most = self.run.max_bad_rows.saturating_sub(bad);
        let mut refused = Vec::new();
        if !batch.rows.is_empty() {
            partitions::make(tx, self.definition, &batch.rows).await?;
            let destination = Destination::open(tx, statements, self.definition).await?;
            match mode {
                CopyMode::Bulk => destination.send(tx, [batch.rows.slice(0, batch.rows.len())]).await?,
                CopyMode::RowByRow => {
                    let all: Vec<usize> = (0..batch.rows.len()).collect();
                    let found = copy_around(tx, &destination, &batch.rows, &all, most).await?;
                    refused.extend(found.into_iter().map(|(row, reject)| batch.refused(row, reject)));
                }
            }
        }
        let letters: Vec<&FileDeadLetter> = batch.dead_letters.iter().chain(&refused).collect();
        let first_bad = first(letters.iter().copied());
        if let (true, Some(first)) = (is_first && refused.len() == batch.rows.len(), &first_bad) {
            // The first batch of a part without one good row: that is no matter of single rows.
            let failure = Failure::new(format!("no rows could be stored; {first}"));
            return Ok(Attempt::Refused(failure.of_kind(ErrorKind::Reject)));
        }
        let bad = bad + refused.len() as u64;
        if let (true, Some(letter)) = (bad > self.run.max_bad_rows, letters.first()) {
            return Ok(Attempt::Refused(self.too_many(letter)));
        }
        if !letters.is_empty() {
            let mut bytes = Vec::new();
            letters.iter().for_each(|letter| letter.append(self.key.job, self.key.path, &mut bytes));
            let statement = statements.prepare(tx, dead_letter::COPY).await?;
            copy(tx, &statement, [bytes.as_slice()]).await?;
        }
        let (rows, dead_letters) = ((batch.rows.len() - refused.len()) as u64, letters.len() as u64);
        ledger::advance(tx, self.key, batch.next, rows, dead_letters).await?;
        Ok(Attempt::Stored(StoredRows { rows, dead_letters, first_bad }))
    }

    async fn find_attempt(
        &self,
        tx: &Transaction<'_>,
        batch: &FileBatch,
    ) -> Result<Option<Attempt<StoredRows>>, Error> {
        Ok(match ledger::stand(tx, self.key).await? {
            Some(entry) if entry.next.0 == batch.from => None,
            Some(entry) if entry.next.0 == batch.next.0 => Some(Attempt::Stored(StoredRows {
                rows: batch.rows.len() as u64,
                dead_letters: batch.dead_letters.len() as u64,
                first_bad: first(&batch.dead_letters),
            })),
            _ => Some(Attempt::Refused(self.moved_failure())),
        })
    }

    fn committed(&mut self, _: &FileBatch, stored: &StoredRows, _: Option<Duration>) {
        let StoredRows { rows, dead_letters, first_bad } = stored;
        self.run.counts.add(self.key.path, *rows, *dead_letters, first_bad.clone());
        self.run.rows.fetch_add(*rows, Ordering::Relaxed);
        self.run.dead_letters.fetch_add(*dead_letters, Ordering::Relaxed);
    }

    fn place(&self) -> String {
        format!("{}, table {}", self.key.path, self.definition.table)
    }

    async fn relock(&self, client: &Client) -> Result<(), Error> {
        ledger::lock(client, self.key).await
    }
}
