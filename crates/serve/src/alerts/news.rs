//! Questions to the tables of reports, as the user of a stream: row security says which reports there are for whom.

use std::sync::Arc;

use tokio_postgres::types::ToSql;
use tokio_postgres::Row;

use super::positions::AlertPositions;
use crate::database::{Mode, Pool, Transaction, REPORT_TABLES};
use crate::problem::Problem;

/// Alerts that are asked for at once.
const MOST: i64 = 500;

/// For each report the number of the last change that it has told.
const LAST: &str = "
    SELECT o.name, (SELECT COALESCE(pg_catalog.max(c.change), 0) FROM serve.report_changes c WHERE c.report = o.name)
    FROM serve.reports o WHERE o.name = ANY ($1) OR $1 = '{}'";

/// The changes after these positions in their order, without a text where the run that told them is forgotten. A report
/// without a position has been told of never, so that what it has forgotten is nothing missed.
const NEWS: &str = "
    SELECT c.report, c.change, pg_catalog.row_to_json(a)::text AS alert
    FROM serve.reports o
    LEFT JOIN ROWS FROM (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::int8[])) AS told (report, change) ON told.report = o.name
    JOIN serve.report_changes c ON c.report = o.name AND c.change > COALESCE(told.change, 0)
    LEFT JOIN LATERAL (
        SELECT c.report, r.run, r.due, f.change, f.series, f.at, f.first_alerted_at, f.ended_at, f.kind, f.probability, f.before, f.after,
            f.difference, f.difference_low, f.difference_high, f.effect_sd, f.importance, f.slices, f.explanation
        FROM serve.report_runs r JOIN serve.report_findings f ON f.run = r.run
        WHERE r.run = c.first_run AND f.change = c.change AND f.state = 'new') a ON true
    WHERE (o.name = ANY ($1) OR $1 = '{}') AND (a.run IS NOT NULL OR told.change IS NOT NULL)
    ORDER BY c.change LIMIT $4";

/// A change that is to be told.
pub struct Alert {
    pub report: String,
    pub change: i64,
    /// The alert as JSON; none if the run is forgotten that told it.
    pub text: Option<String>,
}

/// Returns the positions after all changes so far, of all reports or of those named.
pub async fn last(pool: &Arc<Pool>, reports: &[String]) -> Result<AlertPositions, Problem> {
    let rows = ask(pool, LAST, &[&reports]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Returns the changes after these positions, the next ones if there are many.
pub async fn after(
    pool: &Arc<Pool>,
    reports: &[String],
    positions: &AlertPositions,
) -> Result<Vec<Alert>, Problem> {
    let (names, changes): (Vec<&str>, Vec<i64>) =
        positions.iter().map(|(report, change)| (report.as_str(), *change)).unzip();
    let rows = ask(pool, NEWS, &[&reports, &names, &changes, &MOST]).await?;
    let alert = |row: &Row| Alert { report: row.get(0), change: row.get(1), text: row.get(2) };
    Ok(rows.iter().map(alert).collect())
}

/// Asks the tables of reports; where there are none, there is nothing.
async fn ask(pool: &Arc<Pool>, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Problem> {
    let transaction = Transaction::begin(pool, Mode::Read, pool.patience()).await?;
    let found = ask_within(&transaction, sql, values).await;
    transaction.roll_back().await;
    found
}

async fn ask_within(
    transaction: &Transaction,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Problem> {
    let client = transaction.client();
    // Nobody else's operators are to run as the user.
    client.batch_execute("SET LOCAL search_path = pg_catalog, pg_temp").await?;
    match REPORT_TABLES.are_there(client).await? {
        true => Ok(client.query(sql, values).await?),
        false => Ok(Vec::new()),
    }
}
