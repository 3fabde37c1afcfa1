//! Bodies of requests: JSON of a bounded size that comes in a bounded time.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{header, StatusCode};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Maximum size of a body.
const BYTES: usize = 8 << 20;
/// Time in which a body must have come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a request, which is read only when it is known who asks.
pub struct Payload<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be JSON")
                .hint("Send the header Content-Type: application/json."));
        }
        let bytes = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), BYTES)).await;
        let bytes = bytes
            .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?
            .map_err(|_| {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 8 MiB, or was cut")
            })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| match error.is_data() {
            true => Problem::unprocessable(error.to_string()),
            false => Problem::bad_request(error.to_string()),
        })
    }
}
