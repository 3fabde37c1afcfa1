//! The interface between the writer and the source of its batches.

use std::time::Duration;

use tally_postgres::Failure;
use tokio_postgres::{Client, Error, Transaction};

use super::statements::Statements;

/// The way the rows of a batch are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMode {
    /// All at once: no row is expected to be refused.
    Bulk,
    /// Row by row, to find refused rows and leave them out.
    RowByRow,
}

/// The end of an attempt to store a batch, unless it failed with an error of the server.
#[derive(Debug)]
pub enum Attempt<S> {
    /// The batch is stored.
    Stored(S),
    /// The batch must not be stored, and nothing of it is. A failure of kind `Retry` asks for a batch made from the
    /// current state, one of kind `Reject` for leaving out the source.
    Refused(Failure),
}

/// Keeps the positions of a source, so that each of its batches is stored once.
pub trait Ledger {
    /// The contents of one transaction.
    type Batch;
    /// A report on a stored batch.
    type Stored;

    /// Stores a batch and moves the positions from where it begins to where it ends; the caller commits, or rolls
    /// back a refused attempt.
    async fn store(
        &mut self,
        tx: &mut Transaction<'_>,
        statements: &mut Statements,
        batch: &Self::Batch,
        mode: CopyMode,
    ) -> Result<Attempt<Self::Stored>, Error>;

    /// Finds out how an earlier attempt ended whose connection was lost; none if nothing of it was stored. Waits for
    /// its transaction if the server still runs it. Rows that the server may have refused count as stored.
    async fn find_attempt(
        &self,
        tx: &Transaction<'_>,
        batch: &Self::Batch,
    ) -> Result<Option<Attempt<Self::Stored>>, Error>;

    /// Notes that a batch is committed, and how long that took if it is known.
    fn committed(&mut self, batch: &Self::Batch, stored: &Self::Stored, took: Option<Duration>);

    /// Names the place for an error that stops the run.
    fn place(&self) -> String;

    /// Takes session locks again on a connection that replaces a lost one.
    async fn relock(&self, _client: &Client) -> Result<(), Error> {
        Ok(())
    }

    /// Returns the failure for a batch that met an error because it is out of date; none if it is not.
    async fn outdated(
        &self,
        _tx: &Transaction<'_>,
        _statements: &mut Statements,
        _batch: &Self::Batch,
    ) -> Result<Option<Failure>, Error> {
        Ok(None)
    }
}
