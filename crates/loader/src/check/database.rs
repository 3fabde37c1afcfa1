//! Advice about a database that rows can be loaded into.

use std::time::{SystemTime, UNIX_EPOCH};

use tally_rows::config::TableName;
use tokio_postgres::{Client, Error};

/// Largest tolerated difference of the clocks; a larger one makes the age of the data wrong.
const CLOCK_SECONDS: f64 = 5.0;

/// Number of waiting messages that make a load a backfill.
const BACKFILL: i64 = 1_000_000;

/// Describes the server: its version, whether the connection is encrypted, and our extension.
pub async fn describe(client: &Client) -> Result<String, Error> {
    let sql = "SELECT current_setting('server_version'),
                      coalesce((SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()), false),
                      (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pg_tally')";
    let row = client.query_one(sql, &[]).await?;
    let version: &str = row.get(0);
    let version = version.split(' ').next().unwrap_or(version);
    let tls = if row.get(1) { "TLS" } else { "no TLS" };
    let extension: Option<&str> = row.get(2);
    let extension = extension.map_or("without the extension pg_tally".into(), |v| format!("pg_tally {v}"));
    Ok(format!("PostgreSQL {version}, {tls}, {extension}"))
}

/// Returns advice, one line each; `behind` messages wait to be loaded into these tables.
pub async fn advice(
    client: &Client,
    job: &str,
    tables: impl IntoIterator<Item = &TableName>,
    behind: i64,
) -> Result<Vec<String>, Error> {
    let mut advice = Vec::new();
    advice.extend(clock(client).await?);
    advice.extend(dead_letters(client, job).await?);
    if behind >= BACKFILL {
        for table in tables {
            advice.extend(indexes(client, table, behind).await?);
        }
    }
    Ok(advice)
}

async fn clock(client: &Client) -> Result<Option<String>, Error> {
    let sql = "SELECT extract(epoch FROM clock_timestamp())::double precision";
    let theirs: f64 = client.query_one(sql, &[]).await?.get(0);
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let apart = (ours - theirs).abs();
    Ok((apart > CLOCK_SECONDS).then(|| {
        format!(
            "the clocks of this machine and of the database are {apart:.0} s apart; synchronize both by NTP"
        )
    }))
}

async fn dead_letters(client: &Client, job: &str) -> Result<Option<String>, Error> {
    const MOST: i64 = 10_000;
    let there = "SELECT to_regclass('loader.dead_letters') IS NOT NULL";
    if !client.query_one(there, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = "SELECT count(*) FROM (SELECT FROM loader.dead_letters WHERE job = $1 LIMIT $2) s";
    let count: i64 = client.query_one(sql, &[&job, &MOST]).await?.get(0);
    let or_more = if count == MOST { " or more" } else { "" };
    Ok((count > 0).then(|| {
        format!("loader.dead_letters has {count}{or_more} messages of this job; its column `message` has the reasons")
    }))
}

/// Advises to create indexes that only serve queries after the backfill.
async fn indexes(client: &Client, table: &TableName, behind: i64) -> Result<Option<String>, Error> {
    let sql = "SELECT count(*) FROM pg_catalog.pg_index WHERE indrelid = to_regclass($1) AND NOT indisunique";
    let count: i64 = client.query_one(sql, &[&table.to_string()]).await?.get(0);
    Ok((count > 0).then(|| {
        format!(
            "table {table} has {count} indexes, and {behind} messages wait: \
             loading is several times as fast if you create indexes afterwards"
        )
    }))
}
