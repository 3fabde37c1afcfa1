//! SQL of the caller, read-only, as JSON, NDJSON or CSV; streamed, and cancelled when nobody listens.

mod cell;
mod fetch;
mod format;
mod row;
mod stream;
mod whole;

use std::future::Future;

use axum::extract::Path;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::Payload;
use crate::access::Caller;
use crate::database::Running;
use crate::problem::Problem;
use fetch::Fetch;
use format::Format;

/// Rows of an answer in JSON.
const LIMIT: usize = 10_000;
/// Maximum number of rows of an answer in JSON.
const MOST: usize = 1_000_000;
/// The header with the name by which a query can be cancelled.
const QUERY_ID: &str = "tally-query-id";
/// Maximum length of such a name.
const ID_BYTES: usize = 128;

/// A query.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryForm {
    /// One statement that returns rows.
    sql: String,
    /// Values of its parameters `$1`, `$2` and so on.
    #[serde(default)]
    params: Vec<Value>,
    /// Maximum number of rows; 10,000 in JSON, and no limit for the others, unless it is named.
    #[schema(minimum = 0)]
    limit: Option<usize>,
}

/// A column of an answer.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ColumnSummary {
    name: String,
    /// The type, as PostgreSQL calls it.
    #[serde(rename = "type")]
    kind: String,
}

/// The answer in JSON.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueryAnswer {
    columns: Vec<ColumnSummary>,
    /// Values in the order of the columns: numbers, booleans and JSON as they are, all others as text.
    rows: Vec<Vec<Value>>,
    /// Whether there are more rows than the limit.
    more: bool,
}

/// Runs a query in a read-only transaction.
///
/// The header `Accept` chooses JSON, `application/x-ndjson` (an object a line) or `text/csv`. With `Accept:
/// application/json; big=string` whole numbers that doubles cannot hold are text. The header `Tally-Query-Id` names the
/// query, so that it can be cancelled.
#[utoipa::path(post, path = "/query", tag = "query", request_body = QueryForm,
    params(("Tally-Query-Id" = Option<String>, Header, description = "a name by which the query can be cancelled")),
    responses((status = 200, description = "the answer", content((QueryAnswer = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))),
        Problem))]
pub async fn query(
    caller: Caller,
    headers: HeaderMap,
    Payload(form): Payload<QueryForm>,
) -> Result<Response, Problem> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::of_accept(accept);
    if format == Format::Json && form.limit.is_some_and(|limit| limit > MOST) {
        return Err(Problem::unprocessable(format!("JSON has at most {MOST} rows"))
            .hint("Ask for application/x-ndjson or text/csv, which are streamed."));
    }
    let running = announced(&caller, &headers)?;
    let fetch = cancellable(running.as_ref(), Fetch::begin(&caller.pool, &form, format)).await?;
    match format {
        Format::Json => {
            let limit = form.limit.unwrap_or(LIMIT);
            cancellable(running.as_ref(), whole::respond(fetch, limit, accept.contains("big=string"))).await
        }
        _ => Ok(stream::respond(fetch, format, form.limit, running)),
    }
}

/// Does work that a request to cancel ends.
async fn cancellable<T>(
    running: Option<&Running>,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let Some(running) = running else { return work.await };
    tokio::select! {
        done = work => done,
        () = running.cancelled() => Err(Problem::cancelled()),
    }
}

/// Registers the query under the name that the header has.
fn announced(caller: &Caller, headers: &HeaderMap) -> Result<Option<Running>, Problem> {
    let Some(id) = headers.get(QUERY_ID) else { return Ok(None) };
    let id = id.to_str().ok().filter(|id| !id.is_empty() && id.len() <= ID_BYTES);
    let id =
        id.ok_or_else(|| Problem::bad_request("Tally-Query-Id must have 1 to 128 visible characters"))?;
    let running = caller.pool.announce(id).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "another query has this Tally-Query-Id")
            .hint("Choose one at random.")
    })?;
    Ok(Some(running))
}

/// Cancels a query of the same user by its `Tally-Query-Id`.
#[utoipa::path(delete, path = "/queries/{id}", tag = "query", params(("id" = String, Path)),
    responses((status = 204, description = "the query ends"), Problem))]
pub async fn cancel(caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    if caller.pool.cancel(&id) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Problem::new(StatusCode::NOT_FOUND, "no query of yours with this Tally-Query-Id is running"))
}
