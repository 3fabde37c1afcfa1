//! `/metrics`, `/health` and `/ready`, on a thread of their own: they answer even while the loader does not.

use std::net::TcpListener;
use std::thread;

use axum::extract::State as Shared;
use axum::http::{header, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::metrics::Metrics;
use super::state;
use crate::config::Http;
use crate::failure::Failure;

/// Listens, and answers from then on.
pub fn serve(config: &Http) -> Result<Metrics, Failure> {
    let place = || format!("[http] listen {:?}", config.listen);
    let failure = |error: std::io::Error| Failure::new(error).at(place());
    let listener = TcpListener::bind(&config.listen)
        .map_err(|error| failure(error).mend("listen on a free port, such as \"127.0.0.1:9464\""))?;
    listener.set_nonblocking(true).map_err(failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failure)?;
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
            axum::serve(listener, routes).await
        })
    });
    Ok(metrics)
}

async fn render(Shared(metrics): Shared<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render(&state()))
}

/// Whether to leave the process alone or to start it anew.
async fn health() -> impl IntoResponse {
    let live = state().lives();
    (code(live), Json(json!({ "live": live })))
}

/// Whether it does its work, and why not.
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
