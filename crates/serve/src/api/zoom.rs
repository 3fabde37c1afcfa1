//! A series as a chart needs it: buckets at a constant cost, and at last the rows themselves.

use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use tally_postgres::quoted;
use tokio_postgres::Row;

use super::answer::{json, Question};
use super::parameters::Parameters;
use super::tally::Stretch;
use super::tree::Tree;
use super::value::{number, Number, Position, Statistics};
use crate::access::Caller;
use crate::problem::Problem;

/// Points of a chart.
const POINTS: i32 = 1200;
/// Maximum number of points.
const MOST: i32 = 100_000;

/// A series as a chart: columns of equal length, of buckets or of rows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Chart {
    /// Buckets.
    Buckets(Buckets),
    /// Rows, because the range has few.
    Raw(Raw),
}

/// Buckets with their statistics.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Buckets {
    /// The width of a bucket: a number, or an interval as ISO 8601 has it; null if there is no bucket.
    step: Option<Position>,
    /// False.
    raw: bool,
    /// Whether the range begins among rows that are in the archive, so that there are no buckets within a leaf.
    archived: bool,
    /// The positions at which buckets begin.
    at: Vec<Position>,
    num_vals: Vec<i64>,
    /// The sums, each as exact as its tally.
    sum: Vec<Option<Number>>,
    avg: Vec<Option<Number>>,
    stddev: Vec<Option<Number>>,
    min: Vec<Option<Number>>,
    max: Vec<Option<Number>>,
}

/// Rows in the order of their positions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Raw {
    /// True.
    raw: bool,
    /// The positions of the rows.
    at: Vec<Position>,
    /// The values of the rows.
    value: Vec<Option<Number>>,
}

/// A way to show the values of a range.
#[derive(PartialEq, Eq)]
enum Look {
    /// Each value.
    Sparse,
    /// Buckets.
    Dense,
    /// Buckets of whole leaves: the table lacks rows of theirs, and a tally of any other range may be refused.
    Archived,
}

/// A view of a series: a range that has two ends, and the points to show it with.
pub struct View {
    tree: Tree,
    value: String,
    from: String,
    to: String,
    points: i32,
    series: Vec<String>,
    question: Question,
}

impl View {
    /// Takes a view's parameters. An end that is not named is that of the series; without rows there is no view.
    pub async fn take(
        caller: &Caller,
        name: &str,
        mut parameters: Parameters,
    ) -> Result<Option<Self>, Problem> {
        let tree = Tree::find(caller, name).await?;
        let Stretch { value, from, to } = Stretch::take(&mut parameters)?;
        let points = parameters.number("points", POINTS, 2..=MOST)?;
        let series = parameters.series(&tree.series)?;
        let question = Question { time_zone: parameters.take("tz")? };
        parameters.finish()?;
        let (from, to) = match (from, to) {
            (Some(from), Some(to)) => (from, to),
            (from, to) => {
                let (at, end) = (&tree.at_type, after("pg_catalog.max(last::", &tree.at_type));
                let sql = |s: &str| {
                    format!("SELECT pg_catalog.min(first::{at})::text, ({end})::text FROM {s}.powertree_series($1, VARIADIC $2)")
                };
                let found = question.ask(caller, &sql, &[&name, &series]).await?;
                let end =
                    |column: usize| found.rows.first().and_then(|row| row.get::<_, Option<String>>(column));
                match (from.or_else(|| end(0)), to.or_else(|| end(1))) {
                    (Some(from), Some(to)) => (from, to),
                    _ => return Ok(None),
                }
            }
        };
        Ok(Some(Self { tree, value, from, to, points, series, question }))
    }

    /// Asks a query of the buckets `zoom (bucket, step, tally)`, which follows `WITH`.
    pub async fn ask_buckets(
        &self,
        caller: &Caller,
        rest: impl Fn(&str) -> String + Send + Sync,
    ) -> Result<super::answer::Rows, Problem> {
        let at = &self.tree.at_type;
        let sql = |s: &str| {
            format!(
                "WITH zoom AS MATERIALIZED (
                     SELECT bucket, step, tally FROM {s}.powertree_zoom($1, $2, $3::text::{at}, $4::text::{at}, $5, VARIADIC $6)
                 ) {}",
                rest(s)
            )
        };
        let values = [
            &self.tree.name as _,
            &self.value as _,
            &self.from as _,
            &self.to as _,
            &self.points as _,
            &self.series as _,
        ];
        self.question.ask(caller, &sql, &values).await
    }

    /// The type of positions.
    pub fn at_type(&self) -> &str {
        &self.tree.at_type
    }

    /// Chooses the way to show the range.
    async fn look(&self, caller: &Caller) -> Result<Look, Problem> {
        let at = &self.tree.at_type;
        let sql = |s: &str| {
            format!(
                "SELECT CASE WHEN $3::text::{at} OPERATOR(pg_catalog.<) $6::text::{at} THEN NULL
                     ELSE {s}.num_vals({s}.powertree_tally($1, $2, $3::text::{at}, $4::text::{at}, VARIADIC $5)) END"
            )
        };
        let Self { tree, value, from, to, series, .. } = self;
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&tree.name, value, from, to, series, &tree.archived_until];
        let found = self.question.ask(caller, &sql, &values).await?;
        Ok(match found.rows.first().and_then(|row| row.get::<_, Option<i64>>(0)) {
            None => Look::Archived,
            Some(values) if values <= 2 * i64::from(self.points) => Look::Sparse,
            Some(_) => Look::Dense,
        })
    }

    /// Returns the rows.
    async fn raw(&self, caller: &Caller) -> Result<Response, Problem> {
        let Tree { table, at, at_type, series, series_types, .. } = &self.tree;
        let (at, value) = (quoted(at), quoted(&self.value));
        let keys: String = series
            .iter()
            .zip(series_types)
            .enumerate()
            .map(|(place, (column, kind))| {
                format!(" AND {} OPERATOR(pg_catalog.=) ($3::text[])[{}]::{kind}", quoted(column), place + 1)
            })
            .collect();
        let sql = |_: &str| {
            format!(
                "SELECT pg_catalog.to_json({at})::text AS at, {value}::float8 AS value FROM {table}
                 WHERE {at} OPERATOR(pg_catalog.>=) $1::text::{at_type} AND {at} OPERATOR(pg_catalog.<) $2::text::{at_type} AND {value} IS NOT NULL{keys}
                 ORDER BY {table}.{at} LIMIT 2 * {MOST}"
            )
        };
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&self.from, &self.to, &self.series];
        let given = if series.is_empty() { &values[..2] } else { &values[..] };
        let found = self.question.ask(caller, &sql, given).await?;
        let chart = Raw {
            raw: true,
            at: found.rows.iter().map(|row| Position::of_json(row.get("at"))).collect(),
            value: found.rows.iter().map(|row| number(row, "value")).collect(),
        };
        json(&Chart::Raw(chart), &found.as_of)
    }
}

/// Returns the first position after a column, as SQL.
fn after(column: &str, at_type: &str) -> String {
    let next = if at_type.starts_with("timestamp") { "interval '1 microsecond'" } else { "1" };
    format!("{column}{at_type}) OPERATOR(pg_catalog.+) {next}")
}

impl Buckets {
    fn of_rows(rows: &[Row], archived: bool) -> Self {
        let column = |name: &str| rows.iter().map(|row| number(row, name)).collect();
        Self {
            step: rows.first().map(|row| Position::of_json(row.get("step"))),
            raw: false,
            archived,
            at: rows.iter().map(|row| Position::of_json(row.get("at"))).collect(),
            num_vals: rows.iter().map(|row| row.get("num_vals")).collect(),
            sum: column("sum"),
            avg: column("avg"),
            stddev: column("stddev"),
            min: column("min"),
            max: column("max"),
        }
    }
}

/// Returns a series as at most `points` buckets, or as its rows where these are at most twice as many. Each column of
/// the series is a parameter.
#[utoipa::path(get, path = "/trees/{tree}/zoom", tag = "trees",
    params(("tree" = String, Path), ("value" = String, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("points" = Option<i32>, Query, minimum = 2, maximum = 100_000), ("tz" = Option<String>, Query, description = "time zone of days and longer steps")),
    responses((status = 200, description = "the answer", body = Chart), Problem))]
pub async fn zoom(
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Some(view) = View::take(&caller, &name, parameters).await? else {
        return json(&Chart::Buckets(Buckets::of_rows(&[], false)), "");
    };
    let look = view.look(&caller).await?;
    if look == Look::Sparse {
        return view.raw(&caller).await;
    }
    let select = |s: &str| {
        let columns = Statistics::columns(s, "tally");
        format!(
            "SELECT pg_catalog.to_json(bucket)::text AS at, pg_catalog.to_json(step)::text AS step, {columns}
             FROM zoom ORDER BY bucket"
        )
    };
    let found = view.ask_buckets(&caller, select).await?;
    json(&Chart::Buckets(Buckets::of_rows(&found.rows, look == Look::Archived)), &found.as_of)
}
