//! Messages of topics as they come: as server-sent events, or over a websocket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::Extension;
use serde::Serialize;

use super::answer::json;
use super::parameters::Parameters;
use super::streaming::{self, last_event_id, StreamEvent};
use crate::access::Caller;
use crate::events::{read_after, Begin, Events};
use crate::problem::Problem;

/// The most offsets of a partition that a stream may begin before its end.
const MOST: i64 = 1_000_000;

/// A topic whose events the caller may see.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventTopic {
    /// The topic.
    topic: String,
    /// The column by whose value events can be chosen.
    key: Option<String>,
    /// The tables that its events are rows of, each with the columns that the caller may read.
    tables: BTreeMap<String, Vec<String>>,
}

/// Returns the topics whose events the caller may see.
#[utoipa::path(get, path = "/events", tag = "events",
    responses((status = 200, description = "the answer", body = [EventTopic]), Problem))]
pub async fn topics(
    caller: Caller,
    Extension(events): Extension<Arc<Events>>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let mut found = Vec::new();
    for config in events.topics() {
        match events.sight(&caller, config).await {
            Ok((topic, sight)) => found.push(EventTopic {
                topic: config.topic.clone(),
                key: config.key.clone().filter(|key| sight.require(key).is_ok()),
                tables: sight.listed(&topic).into_iter().collect(),
            }),
            // Those who may not see it need not know of it.
            Err(problem) if problem.status() == StatusCode::FORBIDDEN => {}
            Err(problem) => return Err(problem),
        }
    }
    json(&found, "")
}

/// Streams the events of a topic, from now on unless it is said otherwise. A websocket, which is asked for by `Upgrade`,
/// tells several in a frame; each frame has the positions with which to go on as `after`. Events that a client was too
/// slow for are told as `missed`.
#[utoipa::path(get, path = "/events/{topic}", tag = "events",
    params(("topic" = String, Path),
        ("key" = Option<Vec<String>>, Query, description = "only events with this value of the key, or one of these", explode = true),
        ("last" = Option<i64>, Query, minimum = 0, maximum = 1_000_000, description = "begin so many messages before the end of each partition"),
        ("after" = Option<String>, Query, description = "begin after these positions, `partition:offset,…`"),
        ("Last-Event-ID" = Option<String>, Header, description = "the same, as browsers send it; takes precedence")),
    responses((status = 200, description = "the events, each as a server-sent event", content_type = "text/event-stream", body = StreamEvent),
        (status = 101, description = "the events, over a websocket"), Problem))]
pub async fn stream(
    caller: Caller,
    Extension(events): Extension<Arc<Events>>,
    Path(topic): Path<String>,
    mut parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let keys = parameters.take_all("key");
    let begin = begin(&mut parameters, request.headers())?;
    parameters.finish()?;
    streaming::stream(request, async || events.subscribe(caller, &topic, begin, keys).await).await
}

fn begin(parameters: &mut Parameters, headers: &HeaderMap) -> Result<Begin, Problem> {
    let last = parameters.number("last", -1, 0..=MOST)?;
    let after = parameters.take("after")?;
    match last_event_id(headers).or(after) {
        Some(after) => read_after(&after).map(Begin::After).ok_or_else(|| {
            Problem::unprocessable("a position must be `partition:offset`, or several with commas")
        }),
        None if last >= 0 => Ok(Begin::Last(last)),
        None => Ok(Begin::Now),
    }
}
