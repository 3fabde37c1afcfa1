//! Checks of every request, because browsers send requests for pages of others too.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    HeaderName, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, UPGRADE, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Paths that tell nothing and change nothing, and that are asked by whatever name the machine has.
const OPEN: [&str; 3] = ["/metrics", "/health", "/ready"];

/// Permission of pages to load and do only what is ours.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Permission for Swagger UI, which sets styles in its elements.
const POLICY_OF_DOCS: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Names by which the service may be reached.
pub struct Hosts {
    names: Vec<String>,
}

impl Hosts {
    /// Creates the set of localhost and these names.
    pub fn new(names: &[String]) -> Self {
        let names = names.iter().map(|name| name.to_ascii_lowercase()).chain(["localhost".into()]);
        Self { names: names.collect() }
    }

    /// Whether a request may name this host. A page of another site can have its name lead here, but never has an address as its name.
    fn allows(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Refuses requests that a page of another site may have made, and says in each answer what a page may do.
pub async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_string();
    let is_of_script = request.headers().get("sec-fetch-dest").is_some_and(|dest| dest == "empty");
    let refused = if OPEN.contains(&path.as_str()) {
        None
    } else {
        complaint(&hosts, request.method(), &path, request.headers())
    };
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    if is_of_script {
        // Browsers would ask for a password themselves, before the page can.
        response.headers_mut().remove(WWW_AUTHENTICATE);
    }
    let policy = if path.starts_with("/docs") { POLICY_OF_DOCS } else { POLICY };
    let set = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn complaint(hosts: &Hosts, method: &Method, path: &str, headers: &HeaderMap) -> Option<Problem> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    if !hosts.allows(host) {
        return Some(
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "the service is not called by this name")
                .hint("Add the name to `hosts` of [serve], or use the address."),
        );
    }
    // A browser lets any page open a websocket, and read it.
    let is_safe = (method == Method::GET || method == Method::HEAD) && !headers.contains_key(UPGRADE);
    if let (false, Some(origin)) = (is_safe, text(ORIGIN)) {
        let of_origin = origin.split_once("://").map(|(_, host)| host);
        if !of_origin.is_some_and(|of_origin| of_origin.eq_ignore_ascii_case(host)) {
            return Some(Problem::new(
                StatusCode::FORBIDDEN,
                "the request comes from a page of another site",
            ));
        }
    }
    // Pages may be linked to; answers are for the page itself.
    let is_answer = ["/api/", "/add_batch", "/stats"].iter().any(|prefix| path.starts_with(prefix));
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if is_answer && site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Some(Problem::new(StatusCode::FORBIDDEN, "the request comes from a page of another site"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let hosts = Hosts::new(&["Tally.example.org".into()]);
        for host in
            ["localhost:8087", "127.0.0.1:8087", "127.0.0.1", "[::1]:8087", "[::1]", "tally.example.org"]
        {
            assert!(hosts.allows(host), "{host}");
        }
        for host in ["", "evil.example.org:8087", "127.0.0.1.evil.org", "localhost.evil.org"] {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    fn refused(method: Method, path: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost:8087"))]);
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        complaint(&Hosts::new(&[]), &method, path, &map).is_some()
    }

    #[test]
    fn pages_of_others() {
        assert!(!refused(Method::POST, "/api/v1/query", &[]));
        assert!(!refused(Method::POST, "/api/v1/query", &[("origin", "http://localhost:8087")]));
        for origin in ["null", "http://localhost:8088", "http://evil.org", "localhost:8087"] {
            assert!(refused(Method::POST, "/api/v1/query", &[("origin", origin)]), "{origin}");
        }
        let upgrade = ("upgrade", "websocket");
        assert!(refused(Method::GET, "/api/v1/events/t", &[upgrade, ("origin", "http://evil.org")]));
        assert!(!refused(Method::GET, "/api/v1/events/t", &[upgrade, ("origin", "http://localhost:8087")]));
        assert!(!refused(Method::GET, "/api/v1/events/t", &[upgrade]), "no browser");
        assert!(refused(Method::GET, "/api/v1/trees", &[("sec-fetch-site", "cross-site")]));
        assert!(!refused(Method::GET, "/api/v1/trees", &[("sec-fetch-site", "same-origin")]));
        assert!(!refused(Method::GET, "/", &[("sec-fetch-site", "cross-site")]), "a link");
    }
}
