//! The loader's own tables: creating them, and the history of definitions and schemas.

use tally_postgres::own_tables::{OwnTables, Owner};
use tally_rows::config::TableName;
use tally_rows::definition::Definition;
use tally_rows::registry::Schema;
use tokio_postgres::types::Json;
use tokio_postgres::{Error, Transaction};

const OURS: OwnTables = OwnTables {
    schema: "loader",
    owner: Owner::User,
    tables: &["offsets", "gaps", "dead_letters", "schema_history", "schemas"],
    create: include_str!("schema.sql"),
};
/// The changes since version 0.1.0.
const NEW_COLUMNS: &str = "ALTER TABLE loader.offsets ADD COLUMN IF NOT EXISTS topic_id text,
    ADD COLUMN IF NOT EXISTS ignored bigint NOT NULL DEFAULT 0";

/// Creates missing objects of the schema `loader`.
pub async fn ensure_schema(tx: &Transaction<'_>) -> Result<(), Error> {
    OURS.ensure(tx).await?;
    // IF NOT EXISTS requires the privilege to alter even where nothing is missing.
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute
                              WHERE attrelid = pg_catalog.to_regclass('loader.offsets')::pg_catalog.oid AND attname = 'ignored')";
    match tx.query_one(sql, &[]).await?.get(0) {
        true => Ok(()),
        false => tx.batch_execute(NEW_COLUMNS).await,
    }
}

/// Keeps other loaders from creating or altering the table until the end of the transaction.
///
/// Called after the rows of `loader.offsets` are locked, everywhere, so that no deadlock can arise.
pub async fn lock_table(tx: &Transaction<'_>, table: &TableName) -> Result<(), Error> {
    let sql = "SELECT pg_advisory_xact_lock(hashtext('pg_tally loader table'), hashtext($1))";
    tx.execute(sql, &[&table.to_string()]).await?;
    Ok(())
}

/// Returns the definition last recorded for a topic's table.
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

/// Returns the definition last recorded, which there is only where a loader has made its tables.
pub async fn recorded_if_any(
    tx: &Transaction<'_>,
    job: &str,
    topic: &str,
    table: &TableName,
) -> Result<Option<Definition>, Error> {
    let sql = "SELECT pg_catalog.to_regclass('loader.schema_history') IS NOT NULL";
    match tx.query_one(sql, &[]).await?.get(0) {
        true => recorded(tx, job, topic, table).await,
        false => Ok(None),
    }
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

/// Returns the schemas of a registry that were stored before.
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

/// Stores schemas that were just fetched.
pub async fn keep_schemas(tx: &Transaction<'_>, registry: &str, schemas: &[Schema]) -> Result<(), Error> {
    let sql = "INSERT INTO loader.schemas (registry, id, schema, \"references\") VALUES ($1, $2, $3, $4)
               ON CONFLICT (registry, id) DO NOTHING";
    for schema in schemas {
        tx.execute(sql, &[&registry, &i64::from(schema.id), &schema.text, &schema.references]).await?;
    }
    Ok(())
}
