//! One try at storing a batch: positions, tables, rows and dead letters, all or nothing.

use std::time::Instant;

use tokio_postgres::{Client, Error, Transaction};

use super::ddl;
use super::path::{copy, Path};
use super::positions::{prepare, Positions};
use super::refusals::{store_around, Refused};
use super::types;
use super::Statements;
use crate::load::batch::dead_letter::{self, DeadLetter, Stage};
use crate::load::batch::Batch;
use crate::load::observed;
use crate::load::start::tables::Table;
use crate::{observe, pg};

/// How the rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// All at once: no row is expected to be refused.
    None,
    /// So that refused rows are found and taken out.
    RowByRow,
}

/// How a try ended, other than by an error.
pub enum Attempt {
    /// It is committed.
    Stored(observe::Stored),
    /// The positions were not where they should be; nothing was stored.
    Fenced,
    /// The tables have changed since the batch was made; nothing was stored.
    Stale,
}

/// Where rows go, and where the schemas of their messages come from.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// The tables before the batch changes them.
    pub before: &'a [Table],
    /// The tables after that.
    pub tables: &'a [Table],
    /// The registry's address.
    pub registry: Option<&'a str>,
}

/// Tries to store a batch in one transaction.
pub async fn attempt(
    client: &mut Client,
    statements: &mut Statements,
    positions: &Positions,
    places: Places<'_>,
    batch: &Batch,
    care: Care,
) -> Result<Attempt, Error> {
    let began = Instant::now();
    let mut tx = client.transaction().await?;
    if !positions.advance(&tx, statements, batch).await? {
        return Ok(Attempt::Fenced);
    }
    match store(&mut tx, statements, positions, places, batch, care).await? {
        Some(stored) => {
            tx.commit().await?;
            observe::stored(&stored, Some(began.elapsed()));
            Ok(Attempt::Stored(stored))
        }
        None => Ok(Attempt::Stale),
    }
}

/// Stores everything of a batch but the positions; gives what is told of it, or nothing if the tables have changed since the
/// batch was made.
pub async fn store(
    tx: &mut Transaction<'_>,
    statements: &mut Statements,
    positions: &Positions,
    Places { before, tables, registry }: Places<'_>,
    batch: &Batch,
    care: Care,
) -> Result<Option<observe::Stored>, Error> {
    if let Some(registry) = registry {
        pg::keep_schemas(tx, registry, &batch.schemas).await?;
    }
    if !ddl::apply(tx, positions.job(), before, &batch.changes).await? {
        return Ok(None);
    }
    let refused = store_rows(tx, statements, tables, batch, care).await?;
    let current = match refused.is_empty() {
        true => types::are_as_known(tx, statements, tables, batch).await?,
        false => ddl::is_current(tx, statements, positions.job(), tables, batch).await?,
    };
    if !current {
        return Ok(None);
    }
    let stored = observed::stored(positions, tables, batch, &refused);
    bury(tx, statements, positions, batch, refused).await?;
    Ok(Some(stored))
}

/// Stores the rows; gives the messages that the server refused.
pub async fn store_rows(
    tx: &mut Transaction<'_>,
    statements: &mut Statements,
    tables: &[Table],
    batch: &Batch,
    care: Care,
) -> Result<Refused, Error> {
    let mut paths = Vec::new();
    for (number, rows) in batch.rows.iter().enumerate() {
        if let (Some(definition), 1..) = (&tables[number].definition, rows.len()) {
            paths.push((number, Path::open(tx, statements, definition).await?));
        }
    }
    match care {
        Care::None => {
            for (number, path) in &paths {
                path.send(tx, [batch.rows[*number].slice(0, batch.rows[*number].len())]).await?;
            }
            Ok(Refused::new())
        }
        Care::RowByRow => store_around(tx, tables, &paths, &batch.rows).await,
    }
}

/// Stores the messages that are not rows.
async fn bury(
    tx: &Transaction<'_>,
    statements: &mut Statements,
    positions: &Positions,
    batch: &Batch,
    refused: Refused,
) -> Result<(), Error> {
    let refused = refused.into_iter().map(|(message, reject)| {
        let message = message as usize;
        let record = batch.originals.get(message, positions.topic(batch.originals.topic(message)));
        DeadLetter::new(&record, Stage::Write, reject)
    });
    let refused: Vec<DeadLetter> = refused.collect();
    if batch.dead_letters.len() + refused.len() > 0 {
        let mut bytes = Vec::new();
        batch
            .dead_letters
            .iter()
            .chain(&refused)
            .for_each(|letter| letter.append(positions.job(), &mut bytes));
        let statement = prepare(tx, statements, dead_letter::COPY).await?;
        copy(tx, &statement, [bytes.as_slice()]).await?;
    }
    Ok(())
}
