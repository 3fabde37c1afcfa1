//! Serves `/metrics`, `/health` and `/ready` on a thread of its own, which answers even while the loader hangs.
//!
//! Connections are few and short, because Kafka and PostgreSQL need file descriptors of the process too.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{header, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tally_postgres::Failure;
use tally_rows::config::Http;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::metrics::Metrics;
use super::state;

/// Maximum number of connections at a time; others wait.
const CONNECTIONS: usize = 64;
/// Timeout of a connection, from the first byte to the last of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts listening and answering.
pub fn serve(config: &Http) -> Result<Metrics, Failure> {
    let failure = |error: std::io::Error| Failure::new(error).at(place(config));
    let listener = bind(config)?;
    listener.set_nonblocking(true).map_err(failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failure)?;
    let metrics = Metrics::install()?;
    let routes = Router::new()
        .route("/metrics", get(render))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(metrics.clone());
    tracing::info!(address = %listener.local_addr().map_err(failure)?, "metrics and health");
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            answer(listener, routes).await
        })
    });
    Ok(metrics)
}

/// Whether the address can be listened on; false if it is in use, perhaps by the loader that is running.
pub fn probe(config: &Http) -> Result<bool, Failure> {
    match TcpListener::bind(&config.listen) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(false),
        _ => bind(config).map(|_| true),
    }
}

fn bind(config: &Http) -> Result<TcpListener, Failure> {
    let mend = "listen on a free port, such as \"127.0.0.1:9464\"";
    TcpListener::bind(&config.listen).map_err(|error| Failure::new(error).at(place(config)).mend(mend))
}

fn place(config: &Http) -> String {
    format!("[http] listen {:?}", config.listen)
}

/// Answers one request of each connection.
async fn answer(listener: tokio::net::TcpListener, routes: Router) -> std::io::Result<()> {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = permits.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        let Ok((stream, _)) = listener.accept().await else {
            // Too many descriptors are open, or the other side has gone already.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(routes.clone());
        let connection =
            http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if !matches!(timeout(PATIENCE, connection).await, Ok(Ok(()))) {
                tracing::debug!("a request was not completed");
            }
            drop(permit);
        });
    }
}

async fn render(Shared(metrics): Shared<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render(&state()))
}

/// Answers `/health`: whether to leave the process alone or to restart it.
async fn health() -> impl IntoResponse {
    let live = state().lives();
    (code(live), Json(json!({ "live": live })))
}

/// Answers `/ready`: whether the loader does its work, and why not.
async fn ready() -> impl IntoResponse {
    let readiness = state().readiness();
    (code(readiness.ready), Json(readiness))
}

fn code(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
