//! The loader's own tables: positions and the history of definitions.

use std::collections::HashMap;

use tokio_postgres::types::Json;
use tokio_postgres::{Error, Transaction};

use crate::config::TableName;
use crate::definition::Definition;
use crate::kafka::Partition;
use crate::registry::Schema;

/// Where a partition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The first offset not yet stored.
    pub next: i64,
    /// Counts the claims: a loader with an older one has been replaced.
    pub epoch: i64,
}

/// Creates what is missing of the schema `loader`.
pub async fn ensure_schema(tx: &Transaction<'_>) -> Result<(), Error> {
    // IF NOT EXISTS asks for the right to create even where nothing is missing.
    let sql = "SELECT bool_and(to_regclass('loader.' || t) IS NOT NULL)
               FROM unnest(ARRAY['offsets', 'dead_letters', 'schema_history', 'schemas']) AS t";
    if tx.query_one(sql, &[]).await?.get(0) {
        return Ok(());
    }
    // Two loaders may start at once; IF NOT EXISTS alone lets one of them fail.
    tx.execute("SELECT pg_advisory_xact_lock(hashtext('pg_tally loader schema'))", &[]).await?;
    tx.batch_execute(include_str!("schema.sql")).await
}

/// Claims the partitions for this loader and gives their positions.
///
/// Every partition gets a row, even an empty one: without it a restart could not tell a new partition from one
/// that was waited on.
pub async fn claim(
    tx: &Transaction<'_>,
    job: &str,
    partitions: &[Partition],
) -> Result<HashMap<(String, i32), Position>, Error> {
    let topics: Vec<&str> = partitions.iter().map(|p| p.topic.as_str()).collect();
    let numbers: Vec<i32> = partitions.iter().map(|p| p.number).collect();
    let begins: Vec<i64> = partitions.iter().map(|p| p.begin).collect();
    let highs: Vec<i64> = partitions.iter().map(|p| p.high).collect();
    let sql = "INSERT INTO loader.offsets (job, topic, partition, next_offset)
               SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[])
               ON CONFLICT (job, topic, partition) DO NOTHING";
    tx.execute(sql, &[&job, &topics, &numbers, &begins]).await?;
    let sql = "UPDATE loader.offsets o
               SET epoch = o.epoch + 1, high_watermark = k.high, updated_at = now(),
                   owner = coalesce(inet_client_addr()::text, 'local') || ', process ' || $5::bigint
               FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS k(topic, partition, high)
               WHERE o.job = $1 AND o.topic = k.topic AND o.partition = k.partition
               RETURNING o.topic, o.partition, o.next_offset, o.epoch";
    let process = i64::from(std::process::id());
    let rows = tx.query(sql, &[&job, &topics, &numbers, &highs, &process]).await?;
    Ok(rows
        .iter()
        .map(|row| ((row.get(0), row.get(1)), Position { next: row.get(2), epoch: row.get(3) }))
        .collect())
}

/// The definition last recorded for a topic's table.
pub async fn recorded(
    tx: &Transaction<'_>,
    job: &str,
    topic: &str,
    table: &TableName,
) -> Result<Option<Definition>, Error> {
    let sql = "SELECT definition FROM loader.schema_history
               WHERE job = $1 AND topic = $2 AND definition ->> 'table' = $3 ORDER BY at DESC LIMIT 1";
    let row = tx.query_opt(sql, &[&job, &topic, &String::from(table.clone())]).await?;
    row.map(|row| row.try_get::<_, Json<Definition>>(0).map(|json| json.0)).transpose()
}

/// Records a definition, and the statement that created its table if one did.
pub async fn record(
    tx: &Transaction<'_>,
    job: &str,
    topic: &str,
    definition: &Definition,
    ddl: Option<&str>,
) -> Result<(), Error> {
    let sql = "INSERT INTO loader.schema_history (job, topic, fingerprint, definition, ddl)
               SELECT $1, $2, md5($3::jsonb::text), $3, $4";
    tx.execute(sql, &[&job, &topic, &Json(definition), &ddl]).await?;
    Ok(())
}

/// The schemas of a registry that were seen before.
pub async fn known_schemas(tx: &Transaction<'_>, registry: &str) -> Result<Vec<Schema>, Error> {
    let sql = "SELECT id, schema, \"references\" FROM loader.schemas WHERE registry = $1";
    let rows = tx.query(sql, &[&registry]).await?;
    let schema = |row: &tokio_postgres::Row| Schema {
        id: row.get::<_, i64>(0) as u32, // as they were stored
        text: row.get(1),
        references: row.get(2),
    };
    Ok(rows.iter().map(schema).collect())
}

/// Keeps schemas that were just fetched.
pub async fn keep_schemas(tx: &Transaction<'_>, registry: &str, schemas: &[Schema]) -> Result<(), Error> {
    let sql = "INSERT INTO loader.schemas (registry, id, schema, \"references\") VALUES ($1, $2, $3, $4)
               ON CONFLICT (registry, id) DO NOTHING";
    for schema in schemas {
        tx.execute(sql, &[&registry, &i64::from(schema.id), &schema.text, &schema.references]).await?;
    }
    Ok(())
}
