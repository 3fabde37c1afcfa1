//! What the storing of batches needs to know of where they come from.

use std::time::Duration;

use tokio_postgres::{Client, Error, Transaction};

use super::statements::Statements;

/// How the rows of a batch are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// All at once: no row is expected to be refused.
    None,
    /// So that refused rows are found and taken out.
    RowByRow,
}

/// Where the stored positions stand, seen from a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Where the batch begins: the batch is not stored.
    Before,
    /// Where the batch ends: the batch is stored.
    After,
    /// Anywhere else, or claimed by someone else.
    Elsewhere,
}

/// Keeps the positions of a source, so that each of its batches is stored once.
pub trait Ledger {
    /// What goes into one transaction.
    type Batch;
    /// What is known of a batch once it is stored.
    type Stored;
    /// Why a batch was not stored, although nothing is wrong with the database.
    type NotStored;

    /// Stores a batch and moves the positions from where it begins to where it ends; the caller commits, or takes back
    /// what was done for a batch that is not to be stored.
    async fn store(
        &mut self,
        tx: &mut Transaction<'_>,
        statements: &mut Statements,
        batch: &Self::Batch,
        care: Care,
    ) -> Result<Result<Self::Stored, Self::NotStored>, Error>;

    /// Looks where the positions stand, and waits for an earlier attempt's transaction should the server still be at it.
    async fn compare(&self, tx: &Transaction<'_>, batch: &Self::Batch) -> Result<Standing, Error>;

    /// Notes that a batch is committed, and how long that took where it is known.
    fn committed(&mut self, batch: &Self::Batch, stored: &Self::Stored, took: Option<Duration>);

    /// Describes a batch that turned out to be committed although its attempt ended with an error; rows that the server may
    /// have refused count as stored.
    fn stored_after_all(&self, batch: &Self::Batch) -> Self::Stored;

    /// Describes a batch whose positions were moved by someone else.
    fn moved(&self) -> Self::NotStored;

    /// Names the place for an error that stops the run.
    fn place(&self) -> String;

    /// Takes session locks again on a connection that replaces a lost one.
    async fn relock(&self, _client: &Client) -> Result<(), Error> {
        Ok(())
    }

    /// Says whether a batch met an error because it is out of date.
    async fn outdated(
        &self,
        _tx: &Transaction<'_>,
        _statements: &mut Statements,
        _batch: &Self::Batch,
    ) -> Result<Option<Self::NotStored>, Error> {
        Ok(None)
    }
}
