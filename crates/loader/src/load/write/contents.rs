//! Stores the contents of a batch: schemas, changes of tables, rows and dead letters.

use tally_rows::refusal::Stage;
use tokio_postgres::{Error, Transaction};

use super::ddl;
use super::positions::Positions;
use super::report::report;
use super::types;
use crate::load::assignment::Table;
use crate::load::batch::dead_letter::{self, MessageDeadLetter};
use crate::load::batch::MessageBatch;
use crate::store::destination::{copy, Destination};
use crate::store::ledger::CopyMode;
use crate::store::partitions;
use crate::store::refusals::{store_around, Refused};
use crate::store::statements::Statements;
use crate::{observe, pg};

/// The tables of a batch, and the registry of its schemas.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// The tables before the batch changes them.
    pub before: &'a [Table],
    /// The tables after that.
    pub after: &'a [Table],
    /// The registry's address.
    pub registry: Option<&'a str>,
}

/// Stores all of a batch but its positions, and reports on it; none if the tables have changed since the batch was
/// made.
pub async fn store(
    tx: &mut Transaction<'_>,
    statements: &mut Statements,
    positions: &Positions,
    Tables { before, after, registry }: Tables<'_>,
    batch: &MessageBatch,
    mode: CopyMode,
) -> Result<Option<observe::Stored>, Error> {
    if let Some(registry) = registry {
        pg::keep_schemas(tx, registry, &batch.schemas).await?;
    }
    if !ddl::apply(tx, positions.job(), before, &batch.changes).await? {
        return Ok(None);
    }
    let refused = store_rows(tx, statements, after, batch, mode).await?;
    let current = match refused.is_empty() {
        true => types::are_as_known(tx, statements, after, batch).await?,
        false => ddl::is_current(tx, statements, positions.job(), after, batch).await?,
    };
    if !current {
        return Ok(None);
    }
    let stored = report(positions, after, batch, &refused);
    store_dead_letters(tx, statements, positions, batch, refused).await?;
    Ok(Some(stored))
}

/// Stores the rows of a batch, and returns the messages that the server refused.
pub async fn store_rows(
    tx: &mut Transaction<'_>,
    statements: &mut Statements,
    tables: &[Table],
    batch: &MessageBatch,
    mode: CopyMode,
) -> Result<Refused, Error> {
    let mut destinations = Vec::new();
    for (number, rows) in batch.rows.iter().enumerate() {
        if let (Some(definition), 1..) = (&tables[number].definition, rows.len()) {
            partitions::make(tx, definition, rows).await?;
            destinations.push((number, Destination::open(tx, statements, definition).await?));
        }
    }
    match mode {
        CopyMode::Bulk => {
            for (number, destination) in &destinations {
                destination.send(tx, [batch.rows[*number].slice(0, batch.rows[*number].len())]).await?;
            }
            Ok(Refused::new())
        }
        CopyMode::RowByRow => store_around(tx, &destinations, &batch.rows).await,
    }
}

/// Stores the dead letters of a batch, with those of the messages that the server refused.
async fn store_dead_letters(
    tx: &Transaction<'_>,
    statements: &mut Statements,
    positions: &Positions,
    batch: &MessageBatch,
    refused: Refused,
) -> Result<(), Error> {
    let refused = refused.into_iter().map(|(message, reject)| {
        let message = message as usize;
        let record = batch.raw_messages.get(message, positions.topic(batch.raw_messages.topic(message)));
        MessageDeadLetter::new(&record, Stage::Write, reject)
    });
    let refused: Vec<MessageDeadLetter> = refused.collect();
    if batch.dead_letters.len() + refused.len() > 0 {
        let mut bytes = Vec::new();
        batch
            .dead_letters
            .iter()
            .chain(&refused)
            .for_each(|letter| letter.append(positions.job(), &mut bytes));
        let statement = statements.prepare(tx, dead_letter::COPY).await?;
        copy(tx, &statement, [bytes.as_slice()]).await?;
    }
    Ok(())
}
