//! The series of a tree, page by page.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::header::{HeaderValue, LINK};
use axum::response::Response;
use percent_encoding::{utf8_percent_encode, NON_ALPHANUMERIC};
use serde::Serialize;

use super::answer::{json, Question, Rows};
use super::parameters::Parameters;
use super::tree::Tree;
use super::value::Position;
use crate::access::Caller;
use crate::problem::Problem;

/// Series of a page.
const LIMIT: i64 = 1000;
/// Maximum number of series of a page.
const MOST: i64 = 10_000;

/// The columns of a series with their values.
pub type Key = BTreeMap<String, Option<String>>;

/// A series and its rows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SeriesExtent {
    /// The columns of the series with their values.
    series: Key,
    /// The position of its first row.
    first: Position,
    /// The position of its last row.
    last: Position,
    /// The number of its rows.
    num_rows: i64,
}

/// The choice of a page's series: those with some values in the first columns, after the last one of the page before.
pub struct Page {
    pub prefix: Vec<String>,
    pub after: Option<Vec<Option<String>>>,
    limit: i64,
}

impl Page {
    /// Takes a page's parameters.
    pub fn take(parameters: &mut Parameters, columns: &[String]) -> Result<Self, Problem> {
        let after = parameters.take("after")?.map(|text| {
            let parsed = serde_json::from_str::<Vec<Option<String>>>(&text).ok();
            parsed.ok_or_else(|| {
                Problem::unprocessable("parameter \"after\" must be a JSON array of a series' values")
            })
        });
        let limit = parameters.number("limit", LIMIT, 1..=MOST)?;
        Ok(Self { prefix: parameters.prefix(columns)?, after: after.transpose()?, limit })
    }

    /// The number of series to ask for: one more than are shown.
    pub fn fetched(&self) -> i64 {
        self.limit + 1
    }

    /// Returns the address of the next page, given the rows of this one, and leaves out the row that shows that there is one.
    pub fn next(
        &self,
        found: &mut Rows,
        path: &str,
        others: &[(&str, Option<&str>)],
        columns: &[String],
    ) -> Option<HeaderValue> {
        if (found.rows.len() as i64) < self.fetched() {
            return None;
        }
        found.rows.pop();
        let last: Vec<Option<String>> = found.rows.last()?.get("series");
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let prefix =
            columns.iter().zip(&self.prefix).map(|(name, value)| (format!("series.{name}"), value.clone()));
        let others =
            others.iter().filter_map(|(name, value)| Some((name.to_string(), value.as_ref()?.to_string())));
        let own = [
            ("limit".to_string(), self.limit.to_string()),
            ("after".into(), serde_json::to_string(&last).ok()?),
        ];
        let pairs: Vec<String> = prefix
            .chain(others)
            .chain(own)
            .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
            .collect();
        HeaderValue::from_str(&format!("<{path}?{}>; rel=\"next\"", pairs.join("&"))).ok()
    }
}

/// Returns the address of a tree's answer, for links.
pub fn address(tree: &str, answer: &str) -> String {
    format!("/api/v1/trees/{}/{answer}", utf8_percent_encode(tree, NON_ALPHANUMERIC))
}

/// Names the values of a series by its columns.
pub fn key(columns: &[String], values: Vec<Option<String>>) -> Key {
    columns.iter().cloned().zip(values).collect()
}

/// Adds the link to the next page, if there is one.
pub fn with_link(mut response: Response, next: Option<HeaderValue>) -> Response {
    if let Some(next) = next {
        response.headers_mut().insert(LINK, next);
    }
    response
}

/// Lists the series of a tree in the order of their values. A column of the series is a parameter too: it narrows the
/// list to series that have this value in it.
#[utoipa::path(get, path = "/trees/{tree}/series", tag = "trees",
    params(("tree" = String, Path), ("after" = Option<String>, Query, description = "the last series of the page before, as a JSON array"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 10_000)),
    responses((status = 200, description = "the answer", body = [SeriesExtent], headers(("Link" = String, description = "the next page"))),
        Problem))]
pub async fn series(
    caller: Caller,
    Path(name): Path<String>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let tree = Tree::find(&caller, &name).await?;
    let page = Page::take(&mut parameters, &tree.series)?;
    parameters.finish()?;
    let at = &tree.at_type;
    let sql = |s: &str| {
        format!(
            "SELECT series, pg_catalog.to_json(first::{at})::text AS first, pg_catalog.to_json(last::{at})::text AS last, num_rows
             FROM {s}.powertree_series($1, VARIADIC $2) WHERE $3::text[] IS NULL OR series OPERATOR(pg_catalog.>) $3 ORDER BY series LIMIT $4"
        )
    };
    let mut found =
        Question::default().ask(&caller, &sql, &[&name, &page.prefix, &page.after, &page.fetched()]).await?;
    let next = page.next(&mut found, &address(&name, "series"), &[], &tree.series);
    let list: Vec<SeriesExtent> = found
        .rows
        .iter()
        .map(|row| SeriesExtent {
            series: key(&tree.series, row.get("series")),
            first: Position::of_json(row.get("first")),
            last: Position::of_json(row.get("last")),
            num_rows: row.get("num_rows"),
        })
        .collect();
    Ok(with_link(json(&list, &found.as_of)?, next))
}
