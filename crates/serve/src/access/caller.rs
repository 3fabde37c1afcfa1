//! The user whom a request is answered as.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};

use super::credentials::Credentials;
use super::Access;
use crate::database::Pool;
use crate::problem::Problem;

/// The address that a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

impl FromRequestParts<Arc<Access>> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, access: &Arc<Access>) -> Result<Self, Problem> {
        let forwarded =
            parts.headers.get_all("x-forwarded-for").iter().next_back().filter(|_| access.behind_proxy);
        // The last entry is the proxy's own; those before it are what the client says.
        let last = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        let direct = parts.extensions.get::<SocketAddr>().map(SocketAddr::ip);
        last.or(direct)
            .map(Self)
            .ok_or_else(|| Problem::bad_request("nobody knows where the request comes from"))
    }
}

/// The user of a request.
pub struct Caller {
    /// The user's connections.
    pub pool: Arc<Pool>,
    /// The user's name, if a session says it.
    pub user: Option<String>,
    /// The session, if it is one's.
    session: Option<String>,
}

impl Caller {
    /// Whether the session, if there was one, is still open.
    pub fn is_logged_in(&self, access: &Access) -> bool {
        self.session.as_ref().is_none_or(|id| access.sessions.find(id).is_some())
    }
}

impl FromRequestParts<Arc<Access>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, access: &Arc<Access>) -> Result<Self, Problem> {
        let peer = Peer::from_request_parts(parts, access).await?;
        match Credentials::of(&parts.headers)? {
            Credentials::Password { user, password } => {
                let pool = access.log_in(peer, &user, &password).await?;
                Ok(Self { pool, user: Some(user), session: None })
            }
            Credentials::Token(token) => {
                Ok(Self { pool: access.of_token(peer, &token)?, user: None, session: None })
            }
            Credentials::Session(id) => match access.sessions.find(&id) {
                Some(login) => {
                    require_same_origin(parts)?;
                    Ok(Self { pool: login.pool, user: Some(login.user), session: Some(id) })
                }
                None => access.nobody("the session is over"),
            },
            Credentials::Nobody => access.nobody("log in first"),
        }
    }
}

impl Access {
    fn nobody(&self, title: &str) -> Result<Caller, Problem> {
        let pool = self.anonymous.clone().ok_or_else(|| {
            Problem::unauthorized(title).hint("Send the name and password of a user of the database.")
        })?;
        Ok(Caller { pool, user: None, session: None })
    }
}

/// Refuses what another site has the browser send with our cookie; browsers say which site it is.
fn require_same_origin(parts: &Parts) -> Result<(), Problem> {
    let is_ours = parts.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if parts.method == Method::GET || parts.method == Method::HEAD || is_ours {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "a cookie serves only the page itself")
        .hint("Send a name and a password, or a token, with each request."))
}
