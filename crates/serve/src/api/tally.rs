//! Statistics of a range: of one series, or of each series below a prefix.

use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;

use super::answer::{json, Question};
use super::parameters::Parameters;
use super::series::{address, key, with_link, Key, Page};
use super::tree::Tree;
use super::value::Statistics;
use crate::access::Caller;
use crate::problem::Problem;

/// A value of a tree, from one position to before another.
pub struct Stretch {
    pub value: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

impl Stretch {
    /// Takes a stretch's parameters.
    pub fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self {
            value: parameters.require("value")?,
            from: parameters.take("from")?,
            to: parameters.take("to")?,
        })
    }
}

/// The statistics of a series.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SeriesStatistics {
    /// The columns of the series with their values.
    series: Key,
    #[serde(flatten)]
    statistics: Statistics,
}

/// Returns the statistics of a series from one position to before another. Each column of the series is a parameter.
#[utoipa::path(get, path = "/trees/{tree}/tally", tag = "trees",
    params(("tree" = String, Path), ("value" = String, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query)),
    responses((status = 200, description = "the answer", body = Statistics), Problem))]
pub async fn tally(
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let tree = Tree::find(&caller, &name).await?;
    let Stretch { value, from, to } = Stretch::take(&mut parameters)?;
    let series = parameters.series(&tree.series)?;
    parameters.finish()?;
    let sql = |s: &str| {
        let columns = Statistics::columns(s, "t");
        let at = &tree.at_type;
        format!(
            "SELECT {columns} FROM {s}.powertree_tally($1, $2, $3::text::{at}, $4::text::{at}, VARIADIC $5) t"
        )
    };
    let found = Question::default().ask(&caller, &sql, &[&name, &value, &from, &to, &series]).await?;
    let row = found.rows.first().ok_or_else(|| Problem::busy("there is no answer"))?;
    json(&Statistics::of_row(row), &found.as_of)
}

/// Returns the statistics of each series that has values from one position to before another. Columns of the series are
/// parameters that narrow the list.
#[utoipa::path(get, path = "/trees/{tree}/tallies", tag = "trees",
    params(("tree" = String, Path), ("value" = String, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("after" = Option<String>, Query, description = "the last series of the page before, as a JSON array"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 10_000)),
    responses((status = 200, description = "the answer", body = [SeriesStatistics], headers(("Link" = String, description = "the next page"))),
        Problem))]
pub async fn tallies(
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let tree = Tree::find(&caller, &name).await?;
    let Stretch { value, from, to } = Stretch::take(&mut parameters)?;
    let page = Page::take(&mut parameters, &tree.series)?;
    parameters.finish()?;
    let at = &tree.at_type;
    let sql = |s: &str| {
        let columns = Statistics::columns(s, "tally");
        format!(
            "SELECT series, {columns}
             FROM {s}.powertree_tallies($1, $2, $3::text::{at}, $4::text::{at}, VARIADIC $5)
             WHERE $6::text[] IS NULL OR series OPERATOR(pg_catalog.>) $6 ORDER BY series LIMIT $7"
        )
    };
    let values = [
        &name as _,
        &value as _,
        &from as _,
        &to as _,
        &page.prefix as _,
        &page.after as _,
        &page.fetched() as _,
    ];
    let mut found = Question::default().ask(&caller, &sql, &values).await?;
    let others = [("value", Some(value.as_str())), ("from", from.as_deref()), ("to", to.as_deref())];
    let next = page.next(&mut found, &address(&name, "tallies"), &others, &tree.series);
    let list: Vec<SeriesStatistics> = found
        .rows
        .iter()
        .map(|row| SeriesStatistics {
            series: key(&tree.series, row.get("series")),
            statistics: Statistics::of_row(row),
        })
        .collect();
    Ok(with_link(json(&list, &found.as_of)?, next))
}
