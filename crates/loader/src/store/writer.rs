//! A connection that stores batches, and is made again when it is lost.

use std::time::Instant;

use tokio_postgres::{Client, Error};

use super::backoff::Backoff;
use super::ledger::{Care, Ledger, Standing};
use super::lock_watch;
use super::statements::Statements;
use crate::observe;
use crate::pg::{self, error_kind, Connector};
use crate::stop::Stop;
use crate::{ErrorKind, Failure};

/// What became of a batch.
#[derive(Debug)]
pub enum Outcome<S, N> {
    /// Committed.
    Stored(S),
    /// Not stored, and trying again would not help.
    NotStored(N),
    /// Not stored, because the run was told to stop while PostgreSQL was away; the next run reads the batch again.
    Stopped,
}

/// Owns a connection.
pub struct Writer {
    connector: Connector,
    client: Client,
    statements: Statements,
    stop: Stop,
}

impl Writer {
    /// A writer over this connection; the connector makes the next ones.
    pub fn new(connector: Connector, client: Client, stop: Stop) -> Self {
        Self { connector, client, statements: Statements::default(), stop }
    }

    /// Connects, however long that takes; none if the run was told to stop meanwhile.
    pub async fn connect(connector: &Connector, mut stop: Stop) -> Result<Option<Self>, Failure> {
        let mut backoff = Backoff::default();
        loop {
            match connector.connect().await {
                Ok(client) => return Ok(Some(Self::new(connector.clone(), client, stop))),
                Err(error) if error_kind(&error) == ErrorKind::Retry => {
                    tracing::warn!(error = %pg::explain(&error), "the database is away; trying again");
                    if !backoff.unless_stopped(&mut stop).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(connector.failure(&error)),
            }
        }
    }

    /// Where connections come from.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Whether the connection is known to be lost, and its session locks with it.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// A connection that works, as far as can be known without using it.
    pub async fn client(&mut self) -> Result<&mut Client, Error> {
        if self.client.is_closed() {
            self.client = self.connector.connect().await?;
            self.statements = Statements::default();
        }
        Ok(&mut self.client)
    }

    /// Stores a batch, however long that takes.
    pub async fn store<L: Ledger>(
        &mut self,
        ledger: &mut L,
        batch: &L::Batch,
    ) -> Result<Outcome<L::Stored, L::NotStored>, Failure> {
        let mut care = Care::None;
        let mut backoff = Backoff::default();
        loop {
            let connector = self.connector.clone();
            let error = match lock_watch::watch(&connector, self.try_to_store(ledger, batch, care)).await {
                Ok(Ok(stored)) => return Ok(Outcome::Stored(stored)),
                Ok(Err(not_stored)) => return Ok(Outcome::NotStored(not_stored)),
                Err(error) => error,
            };
            match error_kind(&error) {
                ErrorKind::Reject if care == Care::None => care = Care::RowByRow,
                ErrorKind::Retry => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is in trouble; trying again");
                    observe::database_away(&reason);
                    match self.compare_when_back(ledger, batch, &mut backoff).await? {
                        Some(Standing::Before) => {}
                        Some(Standing::After) => {
                            let stored = ledger.stored_after_all(batch);
                            ledger.committed(batch, &stored, None);
                            return Ok(Outcome::Stored(stored));
                        }
                        Some(Standing::Elsewhere) => return Ok(Outcome::NotStored(ledger.moved())),
                        None => return Ok(Outcome::Stopped),
                    }
                }
                ErrorKind::Fatal => {
                    return match self.outdated(ledger, batch).await {
                        Some(outdated) => Ok(Outcome::NotStored(outdated)),
                        None => Err(pg::failure(&ledger.place(), &error)),
                    };
                }
                ErrorKind::Reject => return Err(pg::failure(&ledger.place(), &error)),
            }
        }
    }

    /// Tries to store a batch in one transaction.
    async fn try_to_store<L: Ledger>(
        &mut self,
        ledger: &mut L,
        batch: &L::Batch,
        care: Care,
    ) -> Result<Result<L::Stored, L::NotStored>, Error> {
        let began = Instant::now();
        let mut tx = self.client.transaction().await?;
        let stored = match ledger.store(&mut tx, &mut self.statements, batch, care).await? {
            Ok(stored) => stored,
            Err(not_stored) => return Ok(Err(not_stored)), // dropping the transaction takes everything back
        };
        tx.commit().await?;
        ledger.committed(batch, &stored, Some(began.elapsed()));
        Ok(Ok(stored))
    }

    /// Waits for the database, and asks it whether the last attempt was committed after all; none if the run was told to
    /// stop meanwhile.
    async fn compare_when_back<L: Ledger>(
        &mut self,
        ledger: &L,
        batch: &L::Batch,
        backoff: &mut Backoff,
    ) -> Result<Option<Standing>, Failure> {
        loop {
            if !backoff.unless_stopped(&mut self.stop).await {
                return Ok(None);
            }
            let connector = self.connector.clone();
            match lock_watch::watch(&connector, self.reconnect_and_compare(ledger, batch)).await {
                Ok(standing) => return Ok(Some(standing)),
                Err(error) if error_kind(&error) == ErrorKind::Retry => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is away");
                    observe::database_away(&reason);
                }
                Err(error) => return Err(pg::failure("reconnecting to the database", &error)),
            }
        }
    }

    async fn reconnect_and_compare<L: Ledger>(
        &mut self,
        ledger: &L,
        batch: &L::Batch,
    ) -> Result<Standing, Error> {
        let is_lost = self.is_closed();
        let client = self.client().await?;
        if is_lost {
            ledger.relock(client).await?;
        }
        let tx = client.transaction().await?;
        let standing = ledger.compare(&tx, batch).await?;
        tx.rollback().await?;
        Ok(standing)
    }

    /// Whether a batch is out of date; where that cannot be told, the error that it met stands.
    async fn outdated<L: Ledger>(&mut self, ledger: &L, batch: &L::Batch) -> Option<L::NotStored> {
        let tx = self.client.transaction().await.ok()?;
        ledger.outdated(&tx, &mut self.statements, batch).await.ok()?
    }

    /// Tries something until it is done; none if the run was told to stop while it could not be done.
    pub async fn retry<T>(
        &mut self,
        doing: &str,
        mut work: impl AsyncFnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let mut backoff = Backoff::default();
        loop {
            let connector = self.connector.clone();
            match lock_watch::watch(&connector, work(self)).await {
                Ok(done) => return Ok(Some(done)),
                Err(failure) if failure.kind() != ErrorKind::Retry => return Err(failure),
                Err(failure) => {
                    tracing::warn!(error = %failure, doing, "the database is away; trying again");
                    if !backoff.unless_stopped(&mut self.stop).await {
                        return Ok(None);
                    }
                }
            }
        }
    }
}
