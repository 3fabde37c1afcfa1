//! Statistics of the newest values of a series.

use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;

use super::answer::{json, Question};
use super::parameters::Parameters;
use super::tree::Tree;
use super::value::{number, Number, Statistics};
use crate::access::Caller;
use crate::problem::Problem;

/// The newest values of a series.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Newest {
    #[serde(flatten)]
    statistics: Statistics,
    /// The first of them.
    first: Option<Number>,
    /// The newest.
    last: Option<Number>,
}

/// Returns the statistics of the newest `n` values of a series. Each column of the series is a parameter.
#[utoipa::path(get, path = "/trees/{tree}/last/{n}", tag = "trees",
    params(("tree" = String, Path), ("n" = i64, Path, minimum = 1), ("value" = String, Query)),
    responses((status = 200, description = "the answer", body = Newest), Problem))]
pub async fn last(
    caller: Caller,
    Path((name, n)): Path<(String, i64)>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let tree = Tree::find(&caller, &name).await?;
    let value = parameters.require("value")?;
    let series = parameters.series(&tree.series)?;
    parameters.finish()?;
    let sql = |s: &str| {
        let columns = Statistics::columns(s, "tally");
        format!("SELECT {columns}, first, last FROM {s}.powertree_last($1, $2, $3, VARIADIC $4)")
    };
    let found = Question::default().ask(&caller, &sql, &[&name, &value, &n, &series]).await?;
    let row = found.rows.first().ok_or_else(|| Problem::busy("there is no answer"))?;
    let newest = Newest {
        statistics: Statistics::of_row(row),
        first: number(row, "first"),
        last: number(row, "last"),
    };
    json(&newest, &found.as_of)
}
