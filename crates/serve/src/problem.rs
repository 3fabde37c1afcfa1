//! Errors as clients see them: RFC 9457, with what PostgreSQL says of an error of its own.

use std::collections::BTreeMap;

use axum::http::{header, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::Error;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as ResponseDescription, ResponseBuilder};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The page that explains all errors.
const PAGE: &str = "https://github.com/pg-tally/pg_tally/blob/main/docs/serve.md#errors";

/// The status of a request whose query was cancelled on demand: nginx's, since there is no standard one.
const CANCELLED: u16 = 499;

/// An error as the body of an answer.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// The page that explains the fields and the statuses.
    #[serde(rename = "type")]
    page: &'static str,
    /// The error in a few words; of PostgreSQL's errors, its message.
    title: String,
    /// The status of the answer.
    status: u16,
    /// More about this error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    detail: Option<Box<str>>,
    /// A way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    hint: Option<Box<str>>,
    /// PostgreSQL's code of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    sqlstate: Option<Box<str>>,
    /// The character of the statement that the error is about, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    asks_for_credentials: bool,
}

impl Problem {
    /// Creates a problem with a title.
    pub fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self {
            page: PAGE,
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            hint: None,
            sqlstate: None,
            position: None,
            retry_after: None,
            asks_for_credentials: false,
        }
    }

    /// Creates the problem of a request that makes no sense.
    pub fn bad_request(title: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title)
    }

    /// Creates the problem of a request with a value that is not valid.
    pub fn unprocessable(title: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, title)
    }

    /// Creates the problem of a request without valid credentials.
    pub fn unauthorized(title: impl Into<String>) -> Self {
        Self { asks_for_credentials: true, ..Self::new(StatusCode::UNAUTHORIZED, title) }
    }

    /// Creates the problem of a request that comes at a time of too many.
    pub fn busy(title: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, title) }
    }

    /// Adds what to do about it.
    pub fn hint(self, hint: impl Into<Box<str>>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds more about this error.
    pub fn detail(self, detail: impl Into<Box<str>>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds the seconds after which another attempt may succeed.
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Creates the problem of a query that was cancelled on demand.
    pub fn cancelled() -> Self {
        Self { status: CANCELLED, ..Self::new(StatusCode::OK, "the query was cancelled") }
    }

    /// The error in a few words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The error as one line: its title, with PostgreSQL's code and detail.
    pub fn text(&self) -> String {
        let detail = self.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let state = self.sqlstate().map(|state| format!(" [{state}]")).unwrap_or_default();
        format!("{}{detail}{state}", self.title)
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// PostgreSQL's code of the error, if it is one of PostgreSQL's.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// Whether the same request may succeed at once: a standby had to choose between the query and what it replays.
    pub fn is_conflict(&self) -> bool {
        self.sqlstate() == Some("40001")
    }

    fn of_server(error: &DbError) -> Self {
        let state = error.code().code();
        let status = status_of(state);
        let position = match error.position() {
            Some(ErrorPosition::Original(position)) => Some(*position),
            _ => None,
        };
        Self {
            sqlstate: Some(state.into()),
            detail: error.detail().map(Into::into),
            hint: error.hint().map(Into::into),
            position,
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
            ..Self::new(status, error.message())
        }
    }
}

/// Returns the status for an SQLSTATE.
fn status_of(state: &str) -> StatusCode {
    match (&state[..2], state) {
        (_, "42501" | "25006") => StatusCode::FORBIDDEN,
        (_, "42P01" | "42704" | "42883" | "3F000") => StatusCode::NOT_FOUND,
        (_, "57014") => StatusCode::REQUEST_TIMEOUT,
        // Connections, a database that is not there, transactions that collide, resources, and what an operator does.
        ("08" | "3D" | "40" | "53" | "57" | "58", _) | (_, "55P03") => StatusCode::SERVICE_UNAVAILABLE,
        ("28", _) => StatusCode::UNAUTHORIZED,
        ("42" | "25" | "34", _) => StatusCode::BAD_REQUEST,
        ("XX" | "F0", _) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error.as_db_error() {
            Some(error) => Self::of_server(error),
            None => {
                // Only the log says where the database is.
                tracing::warn!(error = %tally_postgres::explain(error), "the database connection failed");
                Self::busy("the database does not answer").hint("Try again when the server is up.")
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}

impl utoipa::IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<ResponseDescription>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description("an error").content(MEDIA_TYPE, content).build();
        BTreeMap::from([("default".to_string(), RefOr::T(response))])
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.asks_for_credentials {
            let challenge = HeaderValue::from_static(r#"Basic realm="tally", charset="UTF-8""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for (state, status) in [
            ("42501", 403),
            ("25006", 403),
            ("42P01", 404),
            ("22P02", 422),
            ("42601", 400),
            ("57014", 408),
            ("53300", 503),
            ("40001", 503),
            ("57P01", 503),
            ("28P01", 401),
            ("P0001", 422),
            ("XX000", 500),
        ] {
            assert_eq!(status_of(state), status, "{state}");
        }
    }
}
