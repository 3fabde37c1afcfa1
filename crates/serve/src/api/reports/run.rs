//! One run of a report, with the changes that it found.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tokio_postgres::Row;

use super::super::answer::json;
use super::super::parameters::Parameters;
use super::super::value::{number, Number};
use super::{ask, require};
use crate::access::Caller;
use crate::problem::Problem;

/// The columns of a run `r`, with times as JSON has them.
pub const COLUMNS: &str = "
    r.run, pg_catalog.to_json(r.due) OPERATOR(pg_catalog.#>>) '{}' AS due, pg_catalog.to_json(r.began) OPERATOR(pg_catalog.#>>) '{}' AS began, pg_catalog.to_json(r.ended) OPERATOR(pg_catalog.#>>) '{}' AS ended,
    r.attempts, r.state, r.sqlstate, r.error, r.num_changes, r.num_new, r.expected_false_share";

const CHANGES: &str = "
    SELECT f.change, f.state, f.series, pg_catalog.to_json(f.at) OPERATOR(pg_catalog.#>>) '{}' AS at,
        pg_catalog.to_json(f.first_alerted_at) OPERATOR(pg_catalog.#>>) '{}' AS first_alerted_at, pg_catalog.to_json(f.ended_at) OPERATOR(pg_catalog.#>>) '{}' AS ended_at,
        f.kind, f.probability, f.before, f.after, f.difference, f.difference_low, f.difference_high, f.effect_sd, f.importance,
        f.slices, f.explanation
    FROM serve.report_findings f WHERE f.run = $1 ORDER BY f.place";

/// A run of a report.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RunSummary {
    /// The number of the run.
    run: i64,
    /// The time at which it was due.
    due: String,
    /// The time at which its last attempt began.
    began: String,
    /// The time at which it was stored.
    ended: String,
    /// The number of times that it was tried.
    attempts: i32,
    /// `done` or `failed`.
    state: String,
    /// PostgreSQL's code of the error, if it has failed.
    sqlstate: Option<String>,
    /// The error, if it has failed.
    error: Option<String>,
    /// The number of changes that it found.
    num_changes: i32,
    /// The number of those that no run before has told.
    num_new: i32,
    /// The expected share of false alarms among its changes.
    expected_false_share: Option<Number>,
}

/// A run of a report, and what it found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RunDetail {
    #[serde(flatten)]
    summary: RunSummary,
    /// The changes, the most important first.
    changes: Vec<ReportedChange>,
}

/// A change as a run found it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReportedChange {
    /// The number of the change, the same in each run that found it; of an echo, that of the change that it echoes.
    change: i64,
    /// `new`, `known` if a run before has told it, or `echo` if it belongs to a change that was told.
    state: String,
    series: Option<String>,
    /// The time of the change.
    at: Option<String>,
    /// The time at which it was certain.
    first_alerted_at: Option<String>,
    /// The time at which a later change undid it.
    ended_at: Option<String>,
    /// The kind: `level`, `slope` or `variance`.
    kind: String,
    /// The probability that there was a change.
    probability: Option<Number>,
    before: Option<Number>,
    after: Option<Number>,
    difference: Option<Number>,
    /// The lower end of the difference's 95 % interval.
    difference_low: Option<Number>,
    /// The upper end of the difference's 95 % interval.
    difference_high: Option<Number>,
    /// The difference in standard deviations.
    effect_sd: Option<Number>,
    importance: Option<Number>,
    /// Series below it that changed with it.
    slices: Option<Vec<Option<String>>>,
    /// The change as a sentence.
    explanation: Option<String>,
}

impl RunSummary {
    /// Reads the [`COLUMNS`] of a row.
    pub fn of_row(row: &Row) -> Self {
        Self {
            run: row.get("run"),
            due: row.get("due"),
            began: row.get("began"),
            ended: row.get("ended"),
            attempts: row.get("attempts"),
            state: row.get("state"),
            sqlstate: row.get("sqlstate"),
            error: row.get("error"),
            num_changes: row.get("num_changes"),
            num_new: row.get("num_new"),
            expected_false_share: number(row, "expected_false_share"),
        }
    }
}

impl ReportedChange {
    fn of_row(row: &Row) -> Self {
        Self {
            change: row.get("change"),
            state: row.get("state"),
            series: row.get("series"),
            at: row.get("at"),
            first_alerted_at: row.get("first_alerted_at"),
            ended_at: row.get("ended_at"),
            kind: row.get("kind"),
            probability: number(row, "probability"),
            before: number(row, "before"),
            after: number(row, "after"),
            difference: number(row, "difference"),
            difference_low: number(row, "difference_low"),
            difference_high: number(row, "difference_high"),
            effect_sd: number(row, "effect_sd"),
            importance: number(row, "importance"),
            slices: row.get("slices"),
            explanation: row.get("explanation"),
        }
    }
}

/// Returns a run of a report by its number, or the newest one that succeeded, which is called `newest`.
#[utoipa::path(get, path = "/reports/{report}/runs/{run}", tag = "reports",
    params(("report" = String, Path), ("run" = String, Path, description = "a number, or `newest`")),
    responses((status = 200, description = "the answer", body = RunDetail), Problem))]
pub async fn run(
    caller: Caller,
    Path((name, run)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    require(&caller, &name).await?;
    let missing = || {
        Problem::new(StatusCode::NOT_FOUND, format!("report {name:?} has no run {run:?}"))
            .hint("Runs are kept for a while; GET /api/v1/reports/NAME lists them.")
    };
    let number: Option<i64> = match run.as_str() {
        "newest" => None,
        number => Some(number.parse().map_err(|_| missing())?),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM serve.report_runs r
         WHERE r.report = $1 AND (r.run = $2 OR $2 IS NULL AND r.state = 'done') ORDER BY r.due DESC LIMIT 1"
    );
    let found = ask(&caller, &sql, &[&name, &number]).await?;
    let summary = RunSummary::of_row(found.rows.first().ok_or_else(missing)?);
    let changes = ask(&caller, CHANGES, &[&summary.run]).await?;
    let changes = changes.rows.iter().map(ReportedChange::of_row).collect();
    json(&RunDetail { summary, changes }, &found.as_of)
}
