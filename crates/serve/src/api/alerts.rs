//! New changes of reports as they are found: as server-sent events, or over a websocket.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use axum::Extension;

use super::parameters::Parameters;
use super::streaming::{last_event_id, stream, StreamEvent};
use crate::access::Caller;
use crate::alerts::{read, Alerts};
use crate::problem::Problem;

/// Streams the changes that reports tell, each as the run that found it is stored: of all reports that the caller may read, or of
/// those named. A websocket, which is asked for by `Upgrade`, tells several in a frame; each frame has the positions with which to
/// go on as `after`.
#[utoipa::path(get, path = "/alerts", tag = "reports",
    params(("report" = Option<Vec<String>>, Query, description = "only changes of this report, or of one of these", explode = true),
        ("after" = Option<String>, Query, description = "begin after these positions, `report:change,…`; without it, with what comes"),
        ("Last-Event-ID" = Option<String>, Header, description = "the same, as browsers send it; takes precedence")),
    responses((status = 200, description = "the changes, each as a server-sent event", content_type = "text/event-stream", body = StreamEvent),
        (status = 101, description = "the changes, over a websocket"), Problem))]
pub async fn alerts(
    caller: Caller,
    Extension(alerts): Extension<Arc<Alerts>>,
    mut parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let reports = parameters.take_all("report");
    let after = last_event_id(request.headers()).or(parameters.take("after")?);
    parameters.finish()?;
    let wrong = || Problem::unprocessable("a position must be `report:change`, or several with commas");
    let after = after.map(|text| read(&text).ok_or_else(wrong)).transpose()?;
    stream(request, async || alerts.subscribe(caller, after, reports).await).await
}
