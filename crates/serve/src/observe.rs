//! Metrics, health and readiness of the service, as the loader has them. None tells who asks what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{header, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use tally_notify::{Notifier, Readiness};
use tally_postgres::Failure;
use tokio::sync::Mutex;

use crate::access::Access;
use crate::streams;

/// Histogram buckets in seconds.
const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Time for which the database is not asked again whether it is there.
const FRESH: Duration = Duration::from_secs(2);
/// Time between two looks whether the service is ready.
const WATCH: Duration = Duration::from_secs(5);
/// The reason why it is not, for everybody.
const UNREADY: &str = "the database does not answer";

/// The metrics of this process.
pub struct Observer {
    metrics: PrometheusHandle,
    access: Arc<Access>,
    seen: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Observer {
    /// Starts counting.
    pub fn install(access: Arc<Access>) -> Result<Self, Failure> {
        let failure = |error: metrics_exporter_prometheus::BuildError| Failure::new(error).at("metrics");
        let name = Matcher::Full("tally_serve_request_seconds".into());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(name, &SECONDS).map_err(failure)?;
        let metrics = builder.install_recorder().map_err(failure)?;
        describe_counter!("tally_serve_requests_total", "Requests that were answered, by path and status.");
        let seconds = "Time until an answer begins, by path.";
        describe_histogram!("tally_serve_request_seconds", Unit::Seconds, seconds);
        describe_gauge!("tally_serve_database_up", "1, or 0 while the database does not answer.");
        streams::describe();
        Ok(Self { metrics, access, seen: Mutex::default() })
    }

    /// Aggregates measurements, for ever, so that they do not pile up.
    pub async fn keep_small(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            self.metrics.run_upkeep();
        }
    }

    /// Tells whether the service is ready, for ever.
    pub async fn keep_watch(&self, notifier: Option<&Notifier>) {
        let Some(notifier) = notifier else { return std::future::pending().await };
        let mut readiness = Readiness::default();
        loop {
            let reasons: Vec<String> =
                self.database().await.err().map(|_| UNREADY.to_string()).into_iter().collect();
            readiness.look(notifier, &reasons, Instant::now());
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Whether the database answers; if not, why.
    async fn database(&self) -> Result<(), String> {
        let mut seen = self.seen.lock().await;
        match &*seen {
            Some((at, state)) if at.elapsed() < FRESH => state.clone(),
            _ => {
                let state = self.access.probe().await;
                *seen = Some((Instant::now(), state.clone()));
                state
            }
        }
    }
}

/// Returns the routes for those who watch.
pub fn routes(observer: Arc<Observer>) -> Router {
    Router::new()
        .route("/metrics", get(render))
        .route("/health", get(async || Json(json!({ "live": true }))))
        .route("/ready", get(ready))
        .with_state(observer)
}

async fn render(State(observer): State<Arc<Observer>>) -> impl IntoResponse {
    let is_up = observer.database().await.is_ok();
    gauge!("tally_serve_database_up").set(if is_up { 1.0 } else { 0.0 });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], observer.metrics.render())
}

/// Answers `/ready`: whether queries can be answered. The reason is for the log.
async fn ready(State(observer): State<Arc<Observer>>) -> Response {
    match observer.database().await {
        Ok(()) => Json(json!({ "ready": true, "reasons": [] })).into_response(),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            let body = json!({ "ready": false, "reasons": [UNREADY] });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

/// Counts a request.
pub async fn count(request: Request, next: Next) -> Response {
    let began = Instant::now();
    // The path as the routes have it: names of trees are nobody's business, and without number.
    let path =
        request.extensions().get::<MatchedPath>().map_or("other".into(), |path| path.as_str().to_string());
    let response = next.run(request).await;
    let status = response.status().as_str().to_string();
    histogram!("tally_serve_request_seconds", "path" => path.clone()).record(began.elapsed());
    counter!("tally_serve_requests_total", "path" => path, "status" => status).increment(1);
    response
}
