//! ETags: an answer that the client has already is not sent again.

use axum::body::{to_bytes, Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use openssl::sha::sha256;

/// Types of answers that get a tag; those of queries are streamed, and have no size that is known.
const TAGGED: [&str; 3] = ["application/json", "application/atom+xml", "text/csv; charset=utf-8"];

/// Adds an ETag to answers, and answers 304 where the client has the same.
pub async fn with_etag(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_tagged = kind.is_some_and(|kind| TAGGED.contains(&kind));
    if !is_get
        || response.status() != StatusCode::OK
        || !is_tagged
        || response.body().size_hint().exact().is_none()
    {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let digits: String = sha256(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{digits}\"");
    parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let is_known = known.as_ref().and_then(|value| value.to_str().ok()).is_some_and(|list| names(list, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether the list of a header names a tag.
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|known| known == "*" || known == tag)
}
