//! The statistics service: batches of numbers of a symbol in, statistics of its newest 10^k out.

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::answer::{json, Question};
use super::parameters::Parameters;
use super::payload::Payload;
use super::value::{number, Number};
use crate::access::Caller;
use crate::database::{Mode, Transaction};
use crate::problem::Problem;

/// Maximum number of values of a batch.
const MOST: usize = 10_000;

/// Makes the table and its tree, unless they are there: one of those who try at the same time does.
const TABLE: [&str; 3] = [
    "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('stats_points', 0))",
    "CREATE TABLE IF NOT EXISTS stats_points (
         symbol text NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY, value double precision NOT NULL
     )",
    "CREATE INDEX IF NOT EXISTS stats_points_symbol ON stats_points (symbol, n)",
];

/// Adds a batch as one statement: two of one symbol follow each other, and the others do not wait for them.
const ADD: &str = "
    WITH turn AS MATERIALIZED (SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 1)))
    INSERT INTO stats_points (symbol, value)
    SELECT $1, v.value FROM turn, pg_catalog.unnest($2::float8[]) WITH ORDINALITY v(value, place) ORDER BY v.place";

/// Numbers of a symbol, the oldest first.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberBatch {
    /// The name of what the numbers are of.
    symbol: String,
    /// The numbers, the oldest first.
    #[schema(max_items = 10_000)]
    values: Vec<f64>,
}

/// The confirmation of a batch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Added {
    /// The number of values that were added.
    num_vals: usize,
}

/// Statistics of the newest numbers of a symbol.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SymbolStatistics {
    min: Option<Number>,
    max: Option<Number>,
    /// The newest.
    last: Option<Number>,
    avg: Option<Number>,
    /// The variance of the sample; null for one number.
    var: Option<Number>,
    /// The number of values: 10^k, or all that there are.
    num_vals: i64,
}

/// Adds up to 10,000 numbers of a symbol. Whoever asks after the answer sees them.
#[utoipa::path(post, path = "/add_batch/", tag = "statistics", request_body = NumberBatch,
    responses((status = 200, description = "the answer", body = Added), Problem))]
pub async fn add_batch(caller: Caller, Payload(batch): Payload<NumberBatch>) -> Result<Response, Problem> {
    if batch.values.len() > MOST {
        return Err(Problem::unprocessable(format!("a batch has at most {MOST} values"))
            .hint("Send the rest in another batch."));
    }
    if batch.symbol.is_empty() {
        return Err(Problem::unprocessable("the symbol is empty").hint("Name what the numbers are of."));
    }
    if let Err(problem) = add(&caller, &batch).await {
        // Of the first batch of all, there is no table.
        if problem.sqlstate() != Some("42P01") {
            return Err(problem);
        }
        make_table(&caller).await?;
        add(&caller, &batch).await?;
    }
    json(&Added { num_vals: batch.values.len() }, "")
}

async fn add(caller: &Caller, batch: &NumberBatch) -> Result<(), Problem> {
    let transaction = Transaction::begin(&caller.pool, Mode::Write, caller.pool.patience()).await?;
    match transaction.client().execute(ADD, &[&batch.symbol, &batch.values]).await {
        Ok(_) => transaction.commit().await,
        Err(error) => {
            transaction.roll_back().await;
            Err(error.into())
        }
    }
}

async fn make_table(caller: &Caller) -> Result<(), Problem> {
    let transaction = Transaction::begin(&caller.pool, Mode::Write, caller.pool.patience()).await?;
    let made = try_make_table(&transaction).await;
    match made {
        Ok(()) => transaction.commit().await,
        Err(problem) => {
            transaction.roll_back().await;
            Err(problem)
        }
    }
}

async fn try_make_table(transaction: &Transaction) -> Result<(), Problem> {
    let client = transaction.client();
    for statement in TABLE {
        client.batch_execute(statement).await?;
    }
    let s = transaction.schema().await?;
    let there = format!("SELECT EXISTS (SELECT FROM {s}.powertrees WHERE name = 'stats_points')");
    if !client.query_one(&there, &[]).await?.get::<_, bool>(0) {
        let make = format!(
            "SELECT {s}.powertree_create('stats_points', at => 'n', \"values\" => '{{value}}', series => '{{symbol}}', leaf => '1000')"
        );
        client.batch_execute(&make).await?;
    }
    Ok(())
}

/// Returns the statistics of the newest 10^k numbers of a symbol, or of all if there are fewer.
#[utoipa::path(get, path = "/stats/", tag = "statistics",
    params(("symbol" = String, Query), ("k" = u32, Query, minimum = 1, maximum = 8)),
    responses((status = 200, description = "the answer", body = SymbolStatistics), Problem))]
pub async fn stats(caller: Caller, mut parameters: Parameters) -> Result<Response, Problem> {
    let symbol = parameters.require("symbol")?;
    let k: u32 = match parameters.number("k", 0, 1..=8)? {
        0 => return Err(Problem::bad_request("parameter \"k\" is missing")),
        k => k,
    };
    parameters.finish()?;
    let sql = |s: &str| {
        format!(
            "SELECT {s}.num_vals(tally) AS num_vals, {s}.min(tally) AS min, {s}.max(tally) AS max, {s}.avg(tally) AS avg,
                    {s}.variance(tally) AS var, last
             FROM {s}.powertree_last('stats_points', 'value', $1, $2)"
        )
    };
    let missing = || {
        Problem::new(axum::http::StatusCode::NOT_FOUND, format!("there are no numbers of {symbol:?}"))
            .hint("Add some by POST /add_batch/.")
    };
    let found = Question::default().ask(&caller, &sql, &[&10_i64.pow(k), &symbol]).await;
    let found =
        found.map_err(|problem| if problem.sqlstate() == Some("42704") { missing() } else { problem })?;
    let row = found.rows.first().filter(|row| row.get::<_, i64>("num_vals") > 0).ok_or_else(missing)?;
    let statistics = SymbolStatistics {
        min: number(row, "min"),
        max: number(row, "max"),
        last: number(row, "last"),
        avg: number(row, "avg"),
        var: number(row, "var"),
        num_vals: row.get("num_vals"),
    };
    json(&statistics, &found.as_of)
}
