//! One try at storing a batch: positions, tables, rows and dead letters, all or nothing.

use std::time::Instant;

use bytes::Bytes;
use futures_util::{pin_mut, SinkExt};
use tokio_postgres::{Client, CopyInSink, Error, Statement, Transaction};

use super::batch::{Batch, Change, Rows};
use super::dead_letter::{self, DeadLetter, Stage};
use super::observed;
use super::positions::{prepare, Positions};
use super::writer::Statements;
use crate::copy::{HEADER, TRAILER};
use crate::decode::Reject;
use crate::definition::Definition;
use crate::pg::{self, verdict, Verdict};

/// How much goes into one protocol message: enough to be cheap, little enough for the server to begin early.
const CHUNK: usize = 64 << 10;

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
    Stored {
        /// How many dead letters there were.
        dead_letters: usize,
    },
    /// The positions were not where they should be; nothing was stored.
    Fenced,
}

/// What is known of the tables, and where the schemas of their messages come from.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    /// By topic, once its table is known.
    pub definitions: &'a [Option<Definition>],
    /// The registry's address.
    pub registry: Option<&'a str>,
}

/// Tries to store a batch in one transaction.
pub async fn attempt(
    client: &mut Client,
    statements: &mut Statements,
    positions: &Positions,
    Tables { definitions, registry }: Tables<'_>,
    batch: &Batch,
    care: Care,
) -> Result<Attempt, Error> {
    let began = Instant::now();
    let mut tx = client.transaction().await?;
    if !positions.advance(&tx, statements, batch).await? {
        return Ok(Attempt::Fenced);
    }
    for Change { topic, definition, statement } in &batch.changes {
        tx.batch_execute(statement).await?;
        pg::record(&tx, positions.job(), positions.topic(*topic), definition, Some(statement)).await?;
    }
    if let Some(registry) = registry {
        pg::keep_schemas(&tx, registry, &batch.schemas).await?;
    }
    let mut dead_letters = Vec::new();
    for (topic, rows) in batch.rows.iter().enumerate() {
        if let (Some(definition), 1..) = (&definitions[topic], rows.len()) {
            let statement = prepare(&tx, statements, &definition.copy()).await?;
            match care {
                Care::None => copy(&tx, &statement, rows.slice(0, rows.len())).await?,
                Care::RowByRow => {
                    let refused = copy_around(&mut tx, &statement, definition, rows).await?;
                    dead_letters.extend(refused.into_iter().map(|(row, reject)| {
                        let (record, headers) = rows.originals.get(row, positions.topic(topic));
                        DeadLetter::new(&record, headers, Stage::Write, reject)
                    }));
                }
            }
        }
    }
    let all = || batch.dead_letters.iter().chain(&dead_letters);
    if all().next().is_some() {
        let mut bytes = Vec::new();
        all().for_each(|letter| letter.append(positions.job(), &mut bytes));
        let statement = prepare(&tx, statements, dead_letter::COPY).await?;
        copy(&tx, &statement, &bytes).await?;
    }
    tx.commit().await?;
    observed::report(positions, batch, &dead_letters, Some(began.elapsed()));
    Ok(Attempt::Stored { dead_letters: batch.dead_letters.len() + dead_letters.len() })
}

/// Copies the rows that the server takes, and gives the others with its reasons.
///
/// The server names the row that it refuses, or, for a check at the end of the statement, none: then the run of rows
/// is halved. Runs grow again while rows are taken, so that even a batch of refused rows sends little in vain.
async fn copy_around(
    tx: &mut Transaction<'_>,
    statement: &Statement,
    definition: &Definition,
    rows: &Rows,
) -> Result<Vec<(usize, Reject)>, Error> {
    // A deferred constraint would only speak at COMMIT, when it is too late to leave a row out.
    tx.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    let mut refused = Vec::new();
    let mut from = 0;
    let mut run = rows.len();
    while from < rows.len() {
        let to = rows.len().min(from + run);
        let savepoint = tx.transaction().await?;
        match copy(&savepoint, statement, rows.slice(from, to)).await {
            Ok(()) => {
                savepoint.commit().await?;
                from = to;
                run = (run * 2).max(1);
            }
            Err(error) if verdict(&error) == Verdict::Row => {
                savepoint.rollback().await?;
                if to - from == 1 {
                    refused.push((from, reject(&error)));
                    from = to;
                } else {
                    let line = error.as_db_error().and_then(|e| pg::refused_line(e, &definition.table.name));
                    let good = line.map_or((to - from) / 2, |line| line - 1);
                    run = good.clamp(1, to - from - 1);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

fn reject(error: &Error) -> Reject {
    let db = error.as_db_error();
    Reject {
        sqlstate: error.code().map(|code| code.code().to_string()).unwrap_or_default(),
        column: db.and_then(|e| e.column().map(str::to_string)),
        message: pg::explain(error),
    }
}

async fn copy(tx: &Transaction<'_>, statement: &Statement, rows: &[u8]) -> Result<(), Error> {
    let sink = tx.copy_in(statement).await?;
    pin_mut!(sink);
    let sent = send(sink.as_mut(), rows).await;
    // What the server has against the rows is told at the end, even if sending was cut short by it.
    sink.finish().await?;
    sent
}

async fn send(mut sink: std::pin::Pin<&mut CopyInSink<Bytes>>, rows: &[u8]) -> Result<(), Error> {
    sink.feed(Bytes::from_static(HEADER)).await?;
    for chunk in rows.chunks(CHUNK) {
        sink.feed(Bytes::copy_from_slice(chunk)).await?;
    }
    sink.feed(Bytes::from_static(TRAILER)).await
}
