//! Answers that are streams: the way that the request asks for.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT, UPGRADE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::Held;
use crate::problem::Problem;
use crate::streams::{over_http, over_socket, Teller};

/// Size of what clients may say.
const SAID: usize = 4 << 10;

/// An event of a stream. Over a websocket it is JSON, of several events in a frame.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "streams write their events themselves; this describes them")]
pub struct StreamEvent {
    /// The name of what is no event of the topic or report itself, such as `opened` and `missed`.
    event: Option<String>,
    /// The positions after which to go on, for `Last-Event-ID`.
    id: Option<String>,
    /// The event as JSON.
    data: String,
}

/// Answers with what `begin` begins: over a websocket where the request asks for that, or as server-sent events.
pub async fn stream<T: Teller>(
    request: Request,
    begin: impl AsyncFnOnce() -> Result<T, Problem>,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    if !parts.headers.contains_key(UPGRADE) {
        require_acceptance(&parts.headers)?;
        return Ok(over_http(begin().await?));
    }
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade.max_message_size(SAID).max_frame_size(SAID),
        Err(refused) => return Ok(refused.into_response()),
    };
    let held = parts.extensions.remove::<Held>();
    let teller = begin().await?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let _held = held;
        over_socket(teller, socket).await;
    }))
}

/// Returns the position after which a browser goes on by itself.
pub fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    id.filter(|id| !id.is_empty()).map(String::from)
}

/// Refuses clients that would not understand the stream.
fn require_acceptance(headers: &HeaderMap) -> Result<(), Problem> {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    if ["text/event-stream", "text/*", "*/*"].iter().any(|kind| accepted.contains(kind)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "streams are text/event-stream, or a websocket")
        .hint("Send the header Accept: text/event-stream."))
}
