//! Logging in and out, for the page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{HeaderValue, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde::{Deserialize, Serialize};

use super::payload::Payload;
use crate::access::{cookie, session_id, Access, Caller, Peer, COOKIE_SECONDS};
use crate::problem::Problem;

/// A login.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginForm {
    /// A user of the database.
    user: String,
    /// The user's password there.
    password: String,
}

/// The user who is logged in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WhoAmI {
    /// The user; null for a token and for those who need not log in.
    user: Option<String>,
}

/// Says who is logged in.
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, description = "the answer", body = WhoAmI), Problem))]
pub async fn show(caller: Caller) -> Json<WhoAmI> {
    Json(WhoAmI { user: caller.user })
}

/// Logs a user of the database in: a cookie stands for the user for eight hours.
#[utoipa::path(post, path = "/session", tag = "session", request_body = LoginForm,
    responses((status = 204, description = "logged in"), Problem))]
pub async fn open(
    State(access): State<Arc<Access>>,
    peer: Peer,
    Payload(form): Payload<LoginForm>,
) -> Result<Response, Problem> {
    let id = access.open_session(peer, &form.user, &form.password).await?;
    with_cookie(&id, COOKIE_SECONDS, &access)
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "session",
    responses((status = 204, description = "logged out"), Problem))]
pub async fn close(State(access): State<Arc<Access>>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(id) = session_id(&headers) {
        access.close_session(&id);
    }
    with_cookie("", 0, &access)
}

fn with_cookie(id: &str, seconds: u64, access: &Access) -> Result<Response, Problem> {
    let cookie = HeaderValue::from_str(&cookie(id, seconds, access.is_encrypted));
    let cookie = cookie.map_err(|error| Problem::busy(error.to_string()))?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}
