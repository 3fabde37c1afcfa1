//! The shape of errors: those of the routing are problems too.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{HeaderValue, ALLOW, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Problem, MEDIA_TYPE};

/// Size of the texts that are kept.
const BYTES: usize = 1 << 10;

/// Turns an error that is plain text, or nothing, into a problem.
pub async fn as_problem(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error
        || response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| *kind == HeaderValue::from_static(MEDIA_TYPE))
    {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, BYTES).await.unwrap_or_default();
    let title = status.canonical_reason().unwrap_or("error").to_ascii_lowercase();
    let mut problem = Problem::new(status, title);
    if !text.is_empty() {
        problem = problem.detail(String::from_utf8_lossy(&text));
    }
    let mut shaped = problem.into_response();
    if let Some(allow) = parts.headers.get(ALLOW) {
        shaped.headers_mut().insert(ALLOW, allow.clone());
    }
    shaped
}
