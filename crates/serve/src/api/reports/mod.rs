//! Stored reports: what changed, as the service found it by itself.

mod feed;
mod run;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tokio_postgres::types::ToSql;
use tokio_postgres::Row;

use super::answer::{json, Question, Rows};
use super::parameters::Parameters;
use super::value::{number, Number};
use crate::access::Caller;
use crate::database::{Mode, Transaction, REPORT_TABLES};
use crate::problem::Problem;
use run::RunSummary;

pub use feed::{__path_atom, __path_csv, atom, csv};
pub use run::{__path_run, run};

/// Runs that a report is shown with.
const RUNS: i64 = 50;
/// Maximum number of runs that are shown.
const MOST_RUNS: i64 = 1000;

/// A report and its newest run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReportSummary {
    name: String,
    /// The role as which it runs.
    owner: String,
    /// The times at which it runs.
    schedule: String,
    /// The share of false alarms that it allows.
    false_alarms: Option<Number>,
    /// The newest run; null if there is none yet.
    newest: Option<RunSummary>,
}

/// A report and its runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReportDetail {
    #[serde(flatten)]
    summary: ReportSummary,
    /// The runs, the newest first.
    runs: Vec<RunSummary>,
}

impl ReportSummary {
    fn of_row(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            owner: row.get("owner"),
            schedule: row.get("schedule"),
            false_alarms: number(row, "false_alarms"),
            newest: row.get::<_, Option<i64>>("run").map(|_| RunSummary::of_row(row)),
        }
    }
}

async fn ask(caller: &Caller, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Rows, Problem> {
    Question::default().ask(caller, &|_| sql.to_string(), values).await
}

/// Returns all reports that the caller may read, or the one of a name; none where there are no tables of reports.
async fn summaries(caller: &Caller, name: Option<&str>) -> Result<Rows, Problem> {
    let transaction = Transaction::begin(&caller.pool, Mode::Read, caller.pool.patience()).await?;
    let as_of = transaction.as_of().into();
    let are_there = REPORT_TABLES.are_there(transaction.client()).await;
    transaction.roll_back().await;
    if !are_there? {
        return Ok(Rows { rows: Vec::new(), as_of });
    }
    let sql = format!(
        "SELECT o.name, o.owner::text AS owner, o.schedule, o.false_alarms, {}
         FROM serve.reports o
         LEFT JOIN LATERAL (SELECT * FROM serve.report_runs r WHERE r.report = o.name ORDER BY r.due DESC LIMIT 1) r ON true
         WHERE o.name = $1 OR $1 IS NULL ORDER BY o.name",
        run::COLUMNS
    );
    ask(caller, &sql, &[&name]).await
}

/// Refuses a report that is not there for the caller.
async fn require(caller: &Caller, name: &str) -> Result<Row, Problem> {
    let mut found = summaries(caller, Some(name)).await?;
    found.rows.pop().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no report {name:?}"))
            .hint("GET /api/v1/reports lists those that you may read.")
    })
}

/// Lists the reports that the caller may read.
#[utoipa::path(get, path = "/reports", tag = "reports",
    responses((status = 200, description = "the answer", body = [ReportSummary]), Problem))]
pub async fn reports(caller: Caller, parameters: Parameters) -> Result<Response, Problem> {
    parameters.finish()?;
    let found = summaries(&caller, None).await?;
    let reports: Vec<ReportSummary> = found.rows.iter().map(ReportSummary::of_row).collect();
    json(&reports, &found.as_of)
}

/// Describes a report, with its runs, the newest first.
#[utoipa::path(get, path = "/reports/{report}", tag = "reports",
    params(("report" = String, Path), ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, description = "the answer", body = ReportDetail), Problem))]
pub async fn report(
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.number("limit", RUNS, 1..=MOST_RUNS)?;
    parameters.finish()?;
    let summary = ReportSummary::of_row(&require(&caller, &name).await?);
    let sql = format!(
        "SELECT {} FROM serve.report_runs r WHERE r.report = $1 ORDER BY r.due DESC LIMIT $2",
        run::COLUMNS
    );
    let runs = ask(&caller, &sql, &[&name, &limit]).await?;
    json(&ReportDetail { summary, runs: runs.rows.iter().map(RunSummary::of_row).collect() }, &runs.as_of)
}
