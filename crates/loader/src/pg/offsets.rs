//! The table `loader.offsets`: the position of each partition, and the loader that has claimed it.

use std::collections::HashMap;

use tokio_postgres::{Error, GenericClient, Transaction};

use crate::kafka::{Partition, TopicId};

/// The stored position of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The first offset not yet stored.
    pub next: i64,
    /// Number of the claim: a loader with a smaller one has been replaced.
    pub epoch: i64,
    /// The id of the partition's topic, if it is known.
    pub topic_id: Option<TopicId>,
}

/// Positions by topic and partition.
pub type FoundPositions = HashMap<(String, i32), Position>;

/// Returns topics that the job has loaded before, by its history, but that have no positions.
pub async fn without_positions(
    tx: &Transaction<'_>,
    job: &str,
    topics: &[&str],
) -> Result<Vec<String>, Error> {
    let sql = "SELECT DISTINCT h.topic FROM loader.schema_history h
               WHERE h.job = $1 AND h.topic = ANY ($2)
                 AND NOT EXISTS (SELECT FROM loader.offsets o WHERE o.job = h.job AND o.topic = h.topic)";
    Ok(tx.query(sql, &[&job, &topics]).await?.iter().map(|row| row.get(0)).collect())
}

/// Inserts a row for every partition, even for those that other loaders read.
///
/// Without these rows, a restart could not distinguish an added partition, all of whose messages are new, from one of a
/// topic that is read for the first time.
pub async fn ensure_positions(
    tx: &Transaction<'_>,
    job: &str,
    partitions: &[Partition],
) -> Result<(), Error> {
    let sql = "INSERT INTO loader.offsets (job, topic, partition, next_offset, high_watermark, topic_id)
               SELECT $1, p.topic, p.partition,
                      CASE WHEN EXISTS (SELECT FROM loader.offsets o WHERE o.job = $1 AND o.topic = p.topic)
                           THEN p.low ELSE p.first END,
                      p.high, p.topic_id
               FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
                    AS p(topic, partition, low, first, high, topic_id)
               ON CONFLICT (job, topic, partition) DO NOTHING";
    let (topics, numbers) = names(partitions);
    let lows: Vec<i64> = partitions.iter().map(|p| p.low).collect();
    let begins: Vec<i64> = partitions.iter().map(|p| p.begin).collect();
    let highs: Vec<i64> = partitions.iter().map(|p| p.high).collect();
    tx.execute(sql, &[&job, &topics, &numbers, &lows, &begins, &highs, &ids(partitions)]).await?;
    Ok(())
}

/// Claims partitions for this loader and returns their positions; the loader that had them can store no more of them.
pub async fn claim(
    tx: &Transaction<'_>,
    job: &str,
    partitions: &[Partition],
) -> Result<FoundPositions, Error> {
    ensure_positions(tx, job, partitions).await?;
    // In the same order everywhere, so that two loaders that claim at once do not deadlock.
    let sql = "WITH mine AS (
                   SELECT o.topic, o.partition, p.high, p.topic_id
                   FROM unnest($2::text[], $3::integer[], $4::bigint[], $6::text[])
                        AS p(topic, partition, high, topic_id)
                   JOIN loader.offsets o ON o.job = $1 AND o.topic = p.topic AND o.partition = p.partition
                   ORDER BY o.topic, o.partition FOR UPDATE OF o)
               UPDATE loader.offsets o
               SET epoch = o.epoch + 1, high_watermark = mine.high, updated_at = now(),
                   topic_id = coalesce(o.topic_id, mine.topic_id),
                   owner = coalesce(inet_client_addr()::text, 'local') || ', process ' || $5::bigint
               FROM mine WHERE o.job = $1 AND o.topic = mine.topic AND o.partition = mine.partition
               RETURNING o.topic, o.partition, o.next_offset, o.epoch, o.topic_id";
    let (topics, numbers) = names(partitions);
    let highs: Vec<i64> = partitions.iter().map(|p| p.high).collect();
    let process = i64::from(std::process::id());
    let rows = tx.query(sql, &[&job, &topics, &numbers, &highs, &process, &ids(partitions)]).await?;
    Ok(found(&rows))
}

/// Returns the positions of claimed partitions, as far as this loader still has them.
pub async fn claimed(
    tx: &Transaction<'_>,
    job: &str,
    partitions: &[Partition],
    epochs: &[i64],
) -> Result<FoundPositions, Error> {
    let sql = "SELECT o.topic, o.partition, o.next_offset, o.epoch, o.topic_id
               FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS p(topic, partition, epoch)
               JOIN loader.offsets o ON o.job = $1 AND o.topic = p.topic AND o.partition = p.partition
                                    AND o.epoch = p.epoch
               ORDER BY o.topic, o.partition FOR UPDATE OF o";
    let (topics, numbers) = names(partitions);
    Ok(found(&tx.query(sql, &[&job, &topics, &numbers, &epochs]).await?))
}

/// Moves a position past messages that the broker no longer has, and records the gap.
pub async fn skip(tx: &Transaction<'_>, job: &str, partition: &Partition, from: i64) -> Result<(), Error> {
    let Partition { topic, number, low, .. } = partition;
    let sql = "UPDATE loader.offsets SET next_offset = $4, updated_at = now()
               WHERE job = $1 AND topic = $2 AND partition = $3";
    tx.execute(sql, &[&job, topic, number, low]).await?;
    let sql = "INSERT INTO loader.gaps (job, topic, partition, from_offset, to_offset, reason)
               VALUES ($1, $2, $3, $4, $5, 'retention')";
    tx.execute(sql, &[&job, topic, number, &from, low]).await?;
    Ok(())
}

/// Moves a position to the start of its partition, with the topic's current id; records the gap, if messages were
/// skipped.
pub async fn move_position(
    tx: &Transaction<'_>,
    job: &str,
    partition: &Partition,
    from: i64,
    leaves_gap: bool,
) -> Result<(), Error> {
    let Partition { topic, number, begin, .. } = partition;
    let topic_id = partition.topic_id.map(|id| id.to_string());
    let sql = "UPDATE loader.offsets SET next_offset = $4, topic_id = $5, updated_at = now()
               WHERE job = $1 AND topic = $2 AND partition = $3";
    tx.execute(sql, &[&job, topic, number, begin, &topic_id]).await?;
    if leaves_gap {
        let sql = "INSERT INTO loader.gaps (job, topic, partition, from_offset, to_offset, reason)
                   VALUES ($1, $2, $3, least($4::bigint, $5::bigint), $5, 'reset')";
        tx.execute(sql, &[&job, topic, number, &from, begin]).await?;
    }
    Ok(())
}

/// Counts the other sessions of the job's loaders.
pub async fn sessions(client: &impl GenericClient, job: &str) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM pg_catalog.pg_stat_activity
               WHERE application_name = left('tally ' || $1, 63) AND datname = current_database()
                 AND pid <> pg_backend_pid()";
    Ok(client.query_one(sql, &[&job]).await?.get(0))
}

fn names(partitions: &[Partition]) -> (Vec<&str>, Vec<i32>) {
    partitions.iter().map(|p| (p.topic.as_str(), p.number)).unzip()
}

fn ids(partitions: &[Partition]) -> Vec<Option<String>> {
    partitions.iter().map(|p| p.topic_id.map(|id| id.to_string())).collect()
}

fn found(rows: &[tokio_postgres::Row]) -> FoundPositions {
    let position = |row: &tokio_postgres::Row| {
        let topic_id = row.get::<_, Option<&str>>(4).and_then(|id| id.parse().ok());
        Position { next: row.get(2), epoch: row.get(3), topic_id }
    };
    rows.iter().map(|row| ((row.get(0), row.get(1)), position(row))).collect()
}
