//! Retries dead letters of files, after the table was altered or with other options.

use tally_files::batch::FileBatch;
use tally_files::dead_letter::FileDeadLetter;
use tally_files::format::{Input, RefusedRecord};
use tally_postgres::Failure;
use tally_rows::config::TableName;
use tally_rows::definition::Definition;
use tally_rows::refusal::storable;
use tokio_postgres::{Client, Error, Transaction};

use super::columns::in_table;
use super::ledger::PartKey;
use super::left_out::LeftOut;
use super::start::{define, Candidate, Wishes};
use crate::pg::{self, FoundTable};
use crate::store::destination::Destination;
use crate::store::partitions;
use crate::store::refusals::copy_around;
use crate::store::statements::Statements;

/// The number of dead letters in one transaction.
const BATCH: i64 = 1000;

/// The outcome of a replay.
#[derive(Default)]
pub struct Replayed {
    /// Number of records that are rows now.
    pub stored: u64,
    /// Number of records that are still dead letters.
    pub left: u64,
}

/// Retries the dead letters of these files.
pub async fn replay(
    client: &mut Client,
    job: &str,
    candidates: &[Candidate],
    left_out: &LeftOut,
    (table, found): (&TableName, &FoundTable),
    wishes: Wishes<'_>,
) -> Result<Replayed, Failure> {
    let mut all = Replayed::default();
    for Candidate { input, .. } in candidates {
        let Some(columns) = left_out.unless(input.name(), in_table(&**input, found, wishes.declared)) else {
            continue;
        };
        let definition = define(table, columns, wishes.partition_by);
        found.check(&definition)?;
        let key = PartKey { job, path: input.name(), from: 0 };
        let mut after = 0;
        while let Some(last) = batch(client, key, &**input, &definition, after, &mut all).await? {
            after = last;
        }
    }
    Ok(all)
}

/// Retries the dead letters after a line, as many as go into one transaction; returns the last line.
async fn batch(
    client: &mut Client,
    key: PartKey<'_>,
    input: &dyn Input,
    definition: &Definition,
    after: i64,
    all: &mut Replayed,
) -> Result<Option<i64>, Failure> {
    let at = |error: Error| pg::failure(&format!("dead letters of {}", key.path), &error);
    let mut tx = client.transaction().await.map_err(at)?;
    let letters = letters(&tx, key, after).await.map_err(at)?;
    let Some(last) = letters.last().map(|letter| letter.line) else { return Ok(None) };
    let batch = input.again(&letters, &definition.columns)?;
    let (stored, left) = store(&mut tx, key, definition, &batch).await.map_err(at)?;
    tx.commit().await.map_err(at)?;
    (all.stored, all.left) = (all.stored + stored, all.left + left);
    Ok(Some(last))
}

/// Reads dead letters in the order of their lines, locked so that no other session retries them.
async fn letters(tx: &Transaction<'_>, key: PartKey<'_>, after: i64) -> Result<Vec<RefusedRecord>, Error> {
    let sql = "SELECT line, raw FROM loader.file_dead_letters WHERE job = $1 AND path = $2 AND line > $3
               ORDER BY line LIMIT $4 FOR UPDATE";
    let rows = tx.query(sql, &[&key.job, &key.path, &after, &BATCH]).await?;
    Ok(rows.iter().map(|row| RefusedRecord { line: row.get(0), raw: row.get(1) }).collect())
}

async fn store(
    tx: &mut Transaction<'_>,
    key: PartKey<'_>,
    definition: &Definition,
    batch: &FileBatch,
) -> Result<(u64, u64), Error> {
    let mut refused = Vec::new();
    if !batch.rows.is_empty() {
        partitions::make(tx, definition, &batch.rows).await?;
        let destination = Destination::open(tx, &mut Statements::default(), definition).await?;
        let rows: Vec<usize> = (0..batch.rows.len()).collect();
        let found = copy_around(tx, &destination, &batch.rows, &rows, u64::MAX).await?;
        refused.extend(found.into_iter().map(|(row, reject)| batch.refused(row, reject)));
    }
    let is_refused = |line: i64| refused.iter().any(|letter| letter.line == line);
    let stored: Vec<i64> =
        batch.origins.iter().map(|row| row.line).filter(|line| !is_refused(*line)).collect();
    let sql = "DELETE FROM loader.file_dead_letters WHERE job = $1 AND path = $2 AND line = ANY ($3)";
    tx.execute(sql, &[&key.job, &key.path, &stored]).await?;
    let sql = "UPDATE loader.file_dead_letters SET stage = $4, sqlstate = $5, column_name = $6, message = $7, at = now()
               WHERE job = $1 AND path = $2 AND line = $3";
    let update = tx.prepare(sql).await?;
    let left = || batch.dead_letters.iter().chain(&refused);
    for FileDeadLetter { line, stage, reject, .. } in left() {
        let message = storable(&reject.message);
        let reason: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&key.job, &key.path, line, &stage.name(), &reject.sqlstate, &reject.column, &message];
        tx.execute(&update, &reason).await?;
    }
    count(tx, key, stored.len() as i64).await?;
    Ok((stored.len() as u64, left().count() as u64))
}

/// Moves this many from the dead letters of a file's parts to the rows, from the first part on: a letter does not say
/// which part it belongs to.
async fn count(tx: &Transaction<'_>, key: PartKey<'_>, stored: i64) -> Result<(), Error> {
    let sql = "UPDATE loader.files f SET rows = rows + moved, dead_letters = dead_letters - moved
               FROM (SELECT from_position,
                            greatest(0, least(dead_letters, $3 - (sum(dead_letters) OVER before - dead_letters)::bigint)) AS moved
                     FROM loader.files WHERE job = $1 AND path = $2
                     WINDOW before AS (ORDER BY from_position)) part
               WHERE f.job = $1 AND f.path = $2 AND f.from_position = part.from_position";
    tx.execute(sql, &[&key.job, &key.path, &stored]).await.map(|_| ())
}
