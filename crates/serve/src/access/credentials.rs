//! Credentials of a request: a password, a token, or the cookie of a session.

use axum::http::{header, HeaderMap};
use base64::prelude::{Engine, BASE64_STANDARD};

use crate::problem::Problem;

/// The name of the session's cookie where it may only travel encrypted; the browser itself holds it to this host.
const GUARDED_COOKIE: &str = "__Host-tally";
/// The name of the session's cookie elsewhere.
const PLAIN_COOKIE: &str = "tally";

/// The credentials of a request.
pub enum Credentials {
    /// A name and a password of PostgreSQL.
    Password { user: String, password: String },
    /// A machine's token.
    Token(String),
    /// The id of a session.
    Session(String),
    /// No credentials at all.
    Nobody,
}

impl Credentials {
    /// Reads the headers of a request. An `Authorization` takes precedence over a cookie.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(session_id(headers).map_or(Self::Nobody, Self::Session));
        };
        let unreadable = || Problem::unauthorized("the Authorization cannot be read");
        let (scheme, rest) =
            value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unreadable)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Self::Token(rest.trim().into()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(unreadable());
        }
        let pair = BASE64_STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = pair.ok_or_else(unreadable)?;
        let (user, password) = pair.split_once(':').ok_or_else(unreadable)?;
        Ok(Self::Password { user: user.into(), password: password.into() })
    }
}

/// Returns the id of the session that the cookie names.
pub fn session_id(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| [GUARDED_COOKIE, PLAIN_COOKIE].contains(name)).map(|(_, id)| id.into())
}

/// Returns the cookie of a session; no id and no life end it.
pub fn cookie(id: &str, seconds: u64, is_encrypted: bool) -> String {
    let (name, secure) = if is_encrypted { (GUARDED_COOKIE, "; Secure") } else { (PLAIN_COOKIE, "") };
    format!("{name}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: header::HeaderName, value: &str) -> Result<Credentials, Problem> {
        Credentials::of(&HeaderMap::from_iter([(name, value.parse().unwrap())]))
    }

    #[test]
    fn forms() {
        let basic = format!("basic {}", BASE64_STANDARD.encode("ann:a:b"));
        let Ok(Credentials::Password { user, password }) = of(header::AUTHORIZATION, &basic) else {
            panic!()
        };
        assert_eq!((user.as_str(), password.as_str()), ("ann", "a:b"));
        assert!(
            matches!(of(header::AUTHORIZATION, "Bearer x"), Ok(Credentials::Token(token)) if token == "x")
        );
        assert!(matches!(of(header::COOKIE, "a=b; tally=x"), Ok(Credentials::Session(id)) if id == "x"));
        assert!(matches!(of(header::ACCEPT, "*/*"), Ok(Credentials::Nobody)));
        for wrong in ["Basic", "Basic !", "Basic YQ==", "Digest x"] {
            assert!(of(header::AUTHORIZATION, wrong).is_err(), "{wrong}");
        }
    }
}
