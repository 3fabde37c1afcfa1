//! The storing of a run, in the transaction that holds the report's row.

use std::time::Duration;

use tokio_postgres::Client;

use super::claim::Claim;
use super::question::Changes;
use super::sighting::{judge, Found, Sighting, Told, Verdict};
use crate::config::ReportConfig;
use crate::problem::Problem;

/// The channel on which a run with new changes is announced, by its number.
const ANNOUNCE: &str = "SELECT pg_catalog.pg_notify('serve_reports', $1::int8::text)";

const RUN: &str = "
    INSERT INTO serve.report_runs AS r (report, due, began, ended, attempts, state, sqlstate, error, num_changes, num_new, expected_false_share, untold)
    VALUES ($1, $2::text::timestamptz, pg_catalog.now(), pg_catalog.clock_timestamp(), $3, $4, $5, $6, $7, 0, $8, $9)
    ON CONFLICT (report, due) DO UPDATE SET (began, ended, attempts, state, sqlstate, error, num_changes, expected_false_share, untold)
        = (excluded.began, excluded.ended, excluded.attempts, excluded.state, excluded.sqlstate, excluded.error, excluded.num_changes,
           excluded.expected_false_share, r.untold || excluded.untold)
    RETURNING run";
const NEW: &str = "UPDATE serve.report_runs SET num_new = $2, untold = untold || $3::text[] WHERE run = $1";

const TOLD: &str =
    "SELECT change, sighting::text FROM serve.report_changes WHERE report = $1 ORDER BY change";
const ADD: &str = "
    INSERT INTO serve.report_changes (report, first_run, last_run, sighting) VALUES ($1, $2, $2, $3::text::jsonb) RETURNING change";
const SEEN: &str =
    "UPDATE serve.report_changes SET last_run = $2, sighting = $3::text::jsonb WHERE change = $1";
const FIND: &str = "
    INSERT INTO serve.report_findings
    SELECT $1, $2, $3, $4, r.* FROM pg_catalog.jsonb_to_record($5::text::jsonb) AS r (
        series text, at timestamptz, first_alerted_at timestamptz, ended_at timestamptz, kind text, probability float8, before float8,
        after float8, difference float8, difference_low float8, difference_high float8, effect_sd float8, importance float8,
        slices text[], slice_effects float8[], explanation text)";

const FORGET_RUNS: &str = "
    DELETE FROM serve.report_runs WHERE report = $1 AND due <> $2::text::timestamptz AND (
        due < pg_catalog.now() - $4 * interval '1 day'
        OR run NOT IN (SELECT run FROM serve.report_runs WHERE report = $1 ORDER BY due DESC LIMIT $3))";
/// A change is remembered for as long as it can be found again.
const FORGET_CHANGES: &str = "
    DELETE FROM serve.report_changes c WHERE report = $1
        AND (sighting ->> 'at')::float8 / 1000000 < EXTRACT(epoch FROM pg_catalog.now()) - 2 * $2
        AND NOT EXISTS (SELECT FROM serve.report_runs r WHERE r.run = c.last_run)";

/// Stores what was found, or why nothing was; returns the time until another look.
pub async fn keep(
    client: &Client,
    config: &ReportConfig,
    claim: &Claim,
    attempt: i32,
    asked: Result<Changes, Problem>,
    is_told: bool,
) -> Result<Duration, Problem> {
    let is_done = asked.is_ok();
    match asked {
        Ok(changes) => keep_changes(client, config, claim, attempt, changes, is_told).await?,
        Err(problem) => keep_failure(client, config, claim, attempt, &problem, is_told).await?,
    }
    forget(client, config, claim).await?;
    Ok(claim.after(attempt, is_done))
}

async fn keep_failure(
    client: &Client,
    config: &ReportConfig,
    claim: &Claim,
    attempt: i32,
    problem: &Problem,
    is_told: bool,
) -> Result<(), Problem> {
    tracing::warn!(report = config.name, error = problem.text(), "a report failed");
    let untold: &[&str] = if is_told && !claim.has_failed { &["failed"] } else { &[] };
    // An error without a code came from the connection.
    let sqlstate = problem.sqlstate().unwrap_or("08006");
    let values = [
        &config.name as _,
        &claim.due as _,
        &attempt as _,
        &"failed" as _,
        &sqlstate as _,
        &problem.text() as _,
        &0_i32 as _,
        &None::<f64> as _,
        &untold as _,
    ];
    client.query_one(RUN, &values).await?;
    Ok(())
}

async fn keep_changes(
    client: &Client,
    config: &ReportConfig,
    claim: &Claim,
    attempt: i32,
    changes: Changes,
    is_told: bool,
) -> Result<(), Problem> {
    let Changes { found, false_share } = changes;
    let untold: &[&str] = if is_told && claim.has_failed { &["works"] } else { &[] };
    let none = None::<&str>;
    let values = [
        &config.name as _,
        &claim.due as _,
        &attempt as _,
        &"done" as _,
        &none as _,
        &none as _,
        &(found.len() as i32) as _,
        &false_share as _,
        &untold as _,
    ];
    let run: i64 = client.query_one(RUN, &values).await?.get(0);
    let sightings: Vec<Sighting> = found.iter().map(|found| found.sighting.clone()).collect();
    let verdicts = judge(&sightings, &told(client, config).await?);
    let num_new = verdicts.iter().filter(|verdict| **verdict == Verdict::New).count();
    for (place, (found, verdict)) in (1..).zip(found.iter().zip(&verdicts)) {
        keep_change(client, config, run, place, found, *verdict).await?;
    }
    if num_new > 0 {
        let untold: &[&str] = if is_told { &["new"] } else { &[] };
        client.execute(NEW, &[&run, &(num_new as i32), &untold]).await?;
        client.execute(ANNOUNCE, &[&run]).await?;
    }
    Ok(())
}

async fn keep_change(
    client: &Client,
    config: &ReportConfig,
    run: i64,
    place: i32,
    found: &Found,
    verdict: Verdict,
) -> Result<(), Problem> {
    let sighting = json(&found.sighting)?;
    let (change, state): (i64, &str) = match verdict {
        Verdict::New => (client.query_one(ADD, &[&config.name, &run, &sighting]).await?.get(0), "new"),
        Verdict::Known(change) => {
            client.execute(SEEN, &[&change, &run, &sighting]).await?;
            (change, "known")
        }
        Verdict::Echo(change) => (change, "echo"),
    };
    client.execute(FIND, &[&run, &place, &change, &state, &json(&found.row)?]).await?;
    Ok(())
}

/// Returns the changes that were told before.
async fn told(client: &Client, config: &ReportConfig) -> Result<Vec<Told>, Problem> {
    let rows = client.query(TOLD, &[&config.name]).await?;
    let told = rows.iter().map(|row| {
        let sighting = serde_json::from_str(row.get(1));
        sighting.map(|sighting| Told { change: row.get(0), sighting })
    });
    told.collect::<Result<_, _>>().map_err(|error| Problem::unprocessable(error.to_string()))
}

async fn forget(client: &Client, config: &ReportConfig, claim: &Claim) -> Result<(), Problem> {
    let days = config.keep_days.map(f64::from);
    client.execute(FORGET_RUNS, &[&config.name, &claim.due, &config.keep_runs, &days]).await?;
    if let Some(since) = config.since_seconds() {
        client.execute(FORGET_CHANGES, &[&config.name, &since]).await?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|error| Problem::unprocessable(error.to_string()))
}
