//! An answer that is sent as its rows come, no faster than the client takes them.

use std::io;

use axum::body::Body;
use axum::http::header::{HeaderValue, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

use super::fetch::Fetch;
use super::format::Format;
use crate::api::answer::AS_OF;
use crate::database::Running;
use crate::problem::Problem;

/// Size of what is sent at once.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for the client.
const AHEAD: usize = 2;

/// The other side of a body; it closes when the client is gone.
type Sink = mpsc::Sender<io::Result<Bytes>>;

/// Returns the rows as a stream. An error on the way breaks it off, so that no client takes a part for the whole.
pub fn respond(fetch: Fetch, format: Format, limit: Option<usize>, running: Option<Running>) -> Response {
    let head = match format.begin(&fetch.columns) {
        Ok(head) => head,
        Err(problem) => return problem.into_response(),
    };
    let as_of = HeaderValue::from_str(fetch.as_of());
    let (sink, mut chunks) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let cancelled = async {
            match &running {
                Some(running) => running.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            sent = send(fetch, format, limit, head, &sink) => sent,
            () = sink.closed() => Ok(()),
            () = cancelled => Err(Problem::cancelled()),
        };
        if let Err(problem) = outcome {
            tracing::info!(error = problem.title(), "a stream was broken off");
            sink.send(Err(io::Error::other(problem.title().to_string()))).await.ok();
        }
    });
    let body = Body::from_stream(poll_fn(move |context| chunks.poll_recv(context)));
    let mut response = ([(CONTENT_TYPE, format.media_type())], body).into_response();
    if let Ok(as_of) = as_of {
        response.headers_mut().insert(AS_OF, as_of);
    }
    response
}

/// Sends the rows, up to a limit if there is one. The query is cancelled where this is dropped.
async fn send(
    mut fetch: Fetch,
    format: Format,
    limit: Option<usize>,
    head: String,
    sink: &Sink,
) -> Result<(), Problem> {
    let mut chunk = head;
    let mut rows = 0;
    let is_whole = loop {
        if limit.is_some_and(|limit| rows >= limit) {
            break false;
        }
        let Some(row) = fetch.next().await? else { break true };
        format.push_row(&mut chunk, &fetch.columns, &row, false);
        rows += 1;
        if chunk.len() >= CHUNK && sink.send(Ok(std::mem::take(&mut chunk).into())).await.is_err() {
            return Ok(());
        }
    };
    sink.send(Ok(chunk.into())).await.ok();
    if is_whole {
        fetch.end().await;
    }
    Ok(())
}
