//! Stores batches over a connection, and reconnects when it is lost.

use std::time::Instant;

use tally_postgres::{ErrorKind, Failure};
use tally_program::Stop;
use tokio_postgres::{Client, Error};

use super::backoff::Backoff;
use super::ledger::{Attempt, CopyMode, Ledger};
use super::lock_watch;
use super::statements::Statements;
use crate::exit::Exit;
use crate::observe;
use crate::pg::{self, error_kind, Connector};

/// A connection that stores batches.
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

    /// Connects, however long that takes.
    pub async fn connect(connector: &Connector, mut stop: Stop) -> Result<Self, Exit> {
        let mut backoff = Backoff::default();
        loop {
            match connector.connect().await {
                Ok(client) => return Ok(Self::new(connector.clone(), client, stop)),
                Err(error) if error_kind(&error) == ErrorKind::Retry => {
                    tracing::warn!(error = %pg::explain(&error), "the database is away; trying again");
                    backoff.pause(&mut stop).await?;
                }
                Err(error) => return Err(connector.failure(&error).into()),
            }
        }
    }

    /// The connector that makes the connections.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Whether the connection is known to be lost, and its session locks with it.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Returns the connection, or a new one if it is known to be lost.
    pub async fn client(&mut self) -> Result<&mut Client, Error> {
        if self.client.is_closed() {
            self.client = self.connector.connect().await?;
            self.statements = Statements::default();
        }
        Ok(&mut self.client)
    }

    /// Stores a batch, however long that takes.
    ///
    /// A failure of kind `Retry` or `Reject` is the ledger's: see [`Attempt::Refused`]. All others end the run.
    pub async fn store<L: Ledger>(&mut self, ledger: &mut L, batch: &L::Batch) -> Result<L::Stored, Exit> {
        let mut mode = CopyMode::Bulk;
        let mut backoff = Backoff::default();
        loop {
            let connector = self.connector.clone();
            let error = match lock_watch::watch(&connector, self.try_to_store(ledger, batch, mode)).await {
                Ok(Attempt::Stored(stored)) => return Ok(stored),
                Ok(Attempt::Refused(failure)) => return Err(failure.into()),
                Err(error) => error,
            };
            match error_kind(&error) {
                ErrorKind::Reject if mode == CopyMode::Bulk => mode = CopyMode::RowByRow,
                ErrorKind::Retry => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is in trouble; trying again");
                    observe::database_away(&reason);
                    match self.find_attempt_when_back(ledger, batch, &mut backoff).await? {
                        None => {}
                        Some(Attempt::Stored(stored)) => {
                            ledger.committed(batch, &stored, None);
                            return Ok(stored);
                        }
                        Some(Attempt::Refused(failure)) => return Err(failure.into()),
                    }
                }
                kind => {
                    let outdated = match kind {
                        ErrorKind::Fatal => self.outdated(ledger, batch).await,
                        _ => None,
                    };
                    return Err(outdated.unwrap_or_else(|| lasting(&ledger.place(), &error)).into());
                }
            }
        }
    }

    /// Tries to store a batch in one transaction.
    async fn try_to_store<L: Ledger>(
        &mut self,
        ledger: &mut L,
        batch: &L::Batch,
        mode: CopyMode,
    ) -> Result<Attempt<L::Stored>, Error> {
        let began = Instant::now();
        let mut tx = self.client.transaction().await?;
        let attempt = ledger.store(&mut tx, &mut self.statements, batch, mode).await?;
        if let Attempt::Stored(stored) = &attempt {
            tx.commit().await?;
            ledger.committed(batch, stored, Some(began.elapsed()));
        }
        Ok(attempt) // dropping the transaction rolls back a refused attempt
    }

    /// Waits for the database, and finds out whether the last attempt was committed after all.
    async fn find_attempt_when_back<L: Ledger>(
        &mut self,
        ledger: &L,
        batch: &L::Batch,
        backoff: &mut Backoff,
    ) -> Result<Option<Attempt<L::Stored>>, Exit> {
        loop {
            backoff.pause(&mut self.stop).await?;
            let connector = self.connector.clone();
            match lock_watch::watch(&connector, self.reconnect_and_find_attempt(ledger, batch)).await {
                Ok(attempt) => return Ok(attempt),
                Err(error) if error_kind(&error) == ErrorKind::Retry => {
                    let reason = pg::explain(&error);
                    tracing::warn!(error = %reason, "the database is away");
                    observe::database_away(&reason);
                }
                Err(error) => return Err(lasting("reconnecting to the database", &error).into()),
            }
        }
    }

    async fn reconnect_and_find_attempt<L: Ledger>(
        &mut self,
        ledger: &L,
        batch: &L::Batch,
    ) -> Result<Option<Attempt<L::Stored>>, Error> {
        let is_lost = self.is_closed();
        let client = self.client().await?;
        if is_lost {
            ledger.relock(client).await?;
        }
        let tx = client.transaction().await?;
        let attempt = ledger.find_attempt(&tx, batch).await?;
        tx.rollback().await?;
        Ok(attempt)
    }

    /// The failure for a batch that is out of date; none if it is not, or if that cannot be found out.
    async fn outdated<L: Ledger>(&mut self, ledger: &L, batch: &L::Batch) -> Option<Failure> {
        let tx = self.client.transaction().await.ok()?;
        ledger.outdated(&tx, &mut self.statements, batch).await.ok()?
    }

    /// Tries something until it is done.
    pub async fn retry<T>(
        &mut self,
        doing: &str,
        mut work: impl AsyncFnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Exit> {
        let mut backoff = Backoff::default();
        loop {
            let connector = self.connector.clone();
            match lock_watch::watch(&connector, work(self)).await {
                Ok(done) => return Ok(done),
                Err(failure) if failure.kind() != ErrorKind::Retry => return Err(failure.into()),
                Err(failure) => {
                    tracing::warn!(error = %failure, doing, "the database is away; trying again");
                    backoff.pause(&mut self.stop).await?;
                }
            }
        }
    }
}

/// The failure for an error of the server that neither waiting nor leaving out a row has helped against.
fn lasting(place: &str, error: &Error) -> Failure {
    pg::failure(place, error).of_kind(ErrorKind::Fatal)
}
