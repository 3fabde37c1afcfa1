//! An answer in JSON, which is made in memory, and so is limited.

use axum::http::header::{HeaderValue, CONTENT_TYPE};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::fetch::Fetch;
use super::format::Format;
use super::row::Column;
use super::ColumnSummary;
use crate::api::answer::AS_OF;
use crate::problem::Problem;

/// Maximum size of an answer.
const BYTES: usize = 100 << 20;

/// Returns the rows up to a limit, and whether there are more.
pub async fn respond(mut fetch: Fetch, limit: usize, big_as_text: bool) -> Result<Response, Problem> {
    let mut body = format!("{{\"columns\":{},\"rows\":[", names(&fetch.columns)?);
    let mut rows = 0;
    let more = loop {
        let Some(row) = fetch.next().await? else { break false };
        if rows == limit {
            break true;
        }
        if rows > 0 {
            body.push(',');
        }
        Format::Json.push_row(&mut body, &fetch.columns, &row, big_as_text);
        rows += 1;
        if body.len() > BYTES {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the answer is larger than 100 MiB")
                .hint("Ask for application/x-ndjson or text/csv, which are streamed."));
        }
    };
    body.push_str(if more { "],\"more\":true}" } else { "],\"more\":false}" });
    let as_of = HeaderValue::from_str(fetch.as_of());
    if !more {
        fetch.end().await;
    }
    let mut response = ([(CONTENT_TYPE, Format::Json.media_type())], body).into_response();
    if let Ok(as_of) = as_of {
        response.headers_mut().insert(AS_OF, as_of);
    }
    Ok(response)
}

fn names(columns: &[Column]) -> Result<String, Problem> {
    let summaries: Vec<ColumnSummary> =
        columns.iter().map(|c| ColumnSummary { name: c.name.clone(), kind: c.kind.name().into() }).collect();
    serde_json::to_string(&summaries).map_err(|error| Problem::unprocessable(error.to_string()))
}
