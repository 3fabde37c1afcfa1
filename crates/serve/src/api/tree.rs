//! Power trees that the caller may read.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tokio_postgres::Row;

use super::answer::{json, Question};
use super::parameters::Parameters;
use super::value::Position;
use crate::access::Caller;
use crate::problem::Problem;

/// A power tree.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TreeSummary {
    name: String,
    /// The table.
    table: String,
    /// The column of the position.
    at: String,
    /// The type of the position.
    at_type: String,
    /// The columns that are summed up.
    values: Vec<String>,
    /// The columns that name a series.
    series: Vec<String>,
    /// The width of a leaf.
    leaf: String,
    /// `live`, or why the table answers.
    state: String,
    /// The number of values in nodes; null where row security hides rows.
    num_vals: Option<i64>,
    /// The number of series in nodes; null where row security hides rows.
    num_series: Option<i64>,
}

/// A power tree and its ends.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TreeDetail {
    #[serde(flatten)]
    summary: TreeSummary,
    /// The position of the first row.
    first: Option<Position>,
    /// The position of the last row.
    last: Option<Position>,
    /// The position up to which rows are in the archive; null where none are, or where row security hides rows.
    archived_until: Option<Position>,
}

/// Returns the query of all trees.
fn query(schema: &str) -> String {
    format!(
        "SELECT t.name, t.base::text AS base, t.at, t.\"values\", t.series, t.leaf, t.state, t.num_vals, t.num_series, t.archived_until,
               (SELECT pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = t.base::pg_catalog.oid AND a.attname = t.at) AS at_type,
               ARRAY(SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
                     FROM pg_catalog.unnest(t.series) WITH ORDINALITY s(name, place)
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = t.base::pg_catalog.oid AND a.attname = s.name
                     ORDER BY s.place) AS series_types
         FROM {schema}.powertrees t"
    )
}

impl TreeSummary {
    fn of_row(row: &Row) -> Self {
        Self {
            name: row.get("name"),
            table: row.get("base"),
            at: row.get("at"),
            at_type: row.get::<_, Option<String>>("at_type").unwrap_or_default(),
            values: row.get("values"),
            series: row.get("series"),
            leaf: row.get("leaf"),
            state: row.get("state"),
            num_vals: row.get("num_vals"),
            num_series: row.get("num_series"),
        }
    }
}

/// A tree as questions about it need it.
pub struct Tree {
    pub name: String,
    pub table: String,
    pub at: String,
    /// The type of the position, as SQL writes it.
    pub at_type: String,
    pub series: Vec<String>,
    /// The types of these columns, as SQL writes them.
    pub series_types: Vec<String>,
    /// The position up to which rows are in the archive, as SQL writes it.
    pub archived_until: Option<String>,
}

impl Tree {
    /// Returns the tree of a name, if the caller may read it.
    pub async fn find(caller: &Caller, name: &str) -> Result<Self, Problem> {
        let row = row_of(caller, name).await?;
        Ok(Self {
            name: row.get("name"),
            table: row.get("base"),
            at: row.get("at"),
            at_type: row.get::<_, Option<String>>("at_type").unwrap_or_default(),
            series: row.get("series"),
            series_types: row.get("series_types"),
            archived_until: row.get("archived_until"),
        })
    }
}

async fn row_of(caller: &Caller, name: &str) -> Result<Row, Problem> {
    let sql = |s: &str| format!("{} WHERE t.name = $1", query(s));
    let mut found = Question::default().ask(caller, &sql, &[&name]).await?;
    found.rows.pop().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no power tree {name:?}"))
            .hint("GET /api/v1/trees lists those whose columns you may read.")
    })
}

/// Lists the power trees whose columns the caller may read.
#[utoipa::path(get, path = "/trees", tag = "trees", responses((status = 200, description = "the answer", body = [TreeSummary]), Problem))]
pub async fn trees(caller: Caller, parameters: Parameters) -> Result<Response, Problem> {
    parameters.finish()?;
    let found = Question::default().ask(&caller, &|s| format!("{} ORDER BY t.name", query(s)), &[]).await?;
    let trees: Vec<TreeSummary> = found.rows.iter().map(TreeSummary::of_row).collect();
    json(&trees, &found.as_of)
}

/// Describes a power tree, with the positions of its first and last row.
#[utoipa::path(get, path = "/trees/{tree}", tag = "trees", params(("tree" = String, Path)), responses((status = 200, description = "the answer", body = TreeDetail), Problem))]
pub async fn tree(
    caller: Caller,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let row = row_of(&caller, &name).await?;
    let summary = TreeSummary::of_row(&row);
    let at_type = &summary.at_type;
    let sql = |s: &str| {
        format!(
            "SELECT pg_catalog.to_json(pg_catalog.min(found.first::{at_type}))::text, pg_catalog.to_json(pg_catalog.max(found.last::{at_type}))::text,
                    pg_catalog.to_json($2::text::{at_type})::text
             FROM {s}.powertree_series($1) found"
        )
    };
    let found = Question::default()
        .ask(&caller, &sql, &[&name, &row.get::<_, Option<String>>("archived_until")])
        .await?;
    let position = |column: usize| {
        found.rows.first().and_then(|row| row.get::<_, Option<&str>>(column)).map(Position::of_json)
    };
    let detail = TreeDetail { summary, first: position(0), last: position(1), archived_until: position(2) };
    json(&detail, &found.as_of)
}
