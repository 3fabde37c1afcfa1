//! The question of a report, asked in a read-only transaction as the report's role.

use std::sync::Arc;

use serde_json::Value;
use tally_postgres::quoted;
use tokio_postgres::Row;

use super::sighting::{Found, Sighting};
use crate::config::{ReportConfig, Source};
use crate::database::{Mode, Pool, Transaction};
use crate::problem::Problem;

/// The changes that a run found, most important first, and the expected share of false ones.
pub struct Changes {
    pub found: Vec<Found>,
    pub false_share: Option<f64>,
}

/// Asks what changed. What a standby has cancelled is asked again by the next attempt.
pub async fn ask(pool: &Arc<Pool>, config: &ReportConfig) -> Result<Changes, Problem> {
    let transaction = Transaction::begin(pool, Mode::Read, config.timeout()).await?;
    let asked = run(&transaction, config).await;
    transaction.roll_back().await;
    asked
}

async fn run(transaction: &Transaction, config: &ReportConfig) -> Result<Changes, Problem> {
    let client = transaction.client();
    let query = match config.source() {
        Some(Source::Query(query)) => query.to_string(),
        Some(Source::Rows { table, series, time, value }) => format!(
            "SELECT {} AS series, {} AS at, {} AS value FROM {}",
            key(series),
            quoted(time),
            quoted(value),
            name_of(transaction, table).await?
        ),
        Some(Source::Detectors { table, series, detector }) => format!(
            "SELECT {} AS series, {} AS detector FROM {}",
            key(series),
            quoted(detector),
            name_of(transaction, table).await?
        ),
        None => return Err(Problem::bad_request("the report has nothing to look at")),
    };
    // Some times, such as infinite ones, are beyond microseconds since 1970.
    let micros = |column: &str| {
        format!("(GREATEST(LEAST(EXTRACT(epoch FROM c.{column}), 9e12), -9e12) OPERATOR(pg_catalog.*) 1000000)::int8 AS {column}")
    };
    let sql = format!(
        "SELECT pg_catalog.to_jsonb(c)::text AS row, c.series, c.kind, {}, {}, {}, c.difference, c.difference_low, c.difference_high,
            c.slices, c.expected_false_share
         FROM {}.important_changes($1, since => COALESCE(pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => $2), '-infinity'),
            fdr => $3, top => $4, min_effect => $5) c",
        micros("at"),
        micros("first_alerted_at"),
        micros("ended_at"),
        transaction.schema().await?,
    );
    let values = [
        &query as _,
        &config.since_seconds() as _,
        &config.false_alarms as _,
        &config.top as _,
        &config.min_effect as _,
    ];
    let rows = client.query(&sql, &values).await?;
    let false_share = rows.first().and_then(|row| row.get("expected_false_share"));
    Ok(Changes { found: rows.iter().map(found).collect::<Result<_, _>>()?, false_share })
}

fn found(row: &Row) -> Result<Found, Problem> {
    let number =
        |column| row.get::<_, Option<f64>>(column).filter(|number| number.is_finite()).unwrap_or(0.0);
    let sighting = Sighting {
        series: row.get("series"),
        kind: row.get::<_, Option<String>>("kind").unwrap_or_default(),
        at: row.get::<_, Option<i64>>("at").unwrap_or_default(),
        alerted: row.get("first_alerted_at"),
        ended: row.get("ended_at"),
        difference: number("difference"),
        low: number("difference_low"),
        high: number("difference_high"),
        slices: row.get::<_, Option<Vec<String>>>("slices").unwrap_or_default(),
    };
    let text: String = row.get("row");
    let row: Value =
        serde_json::from_str(&text).map_err(|error| Problem::unprocessable(error.to_string()))?;
    Ok(Found { sighting, row })
}

/// Returns the name of a table as SQL writes it.
async fn name_of(transaction: &Transaction, table: &str) -> Result<String, Problem> {
    let sql = "SELECT $1::text::pg_catalog.regclass::text";
    Ok(transaction.client().query_one(sql, &[&table]).await?.get(0))
}

/// Returns the series of a row as SQL.
fn key(columns: &[String]) -> String {
    match columns {
        [] => "NULL::text".into(),
        [column] => quoted(column),
        columns => {
            let list: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
            format!("pg_catalog.concat_ws('/', {})", list.join(", "))
        }
    }
}
