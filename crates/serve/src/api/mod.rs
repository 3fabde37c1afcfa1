//! The interface for programs, below `/api/v1`; each answer has a type, of which the OpenAPI document is made.

mod alerts;
mod answer;
mod changes;
mod document;
mod events;
mod last;
mod parameters;
mod payload;
mod query;
mod reports;
mod series;
mod session;
mod statistics;
mod streaming;
mod tally;
mod tree;
mod value;
mod zoom;

use std::sync::Arc;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Access;

/// Returns the routes with their description.
pub fn routes() -> Router<Arc<Access>> {
    let versioned = OpenApiRouter::new()
        .routes(routes!(tree::trees))
        .routes(routes!(tree::tree))
        .routes(routes!(series::series))
        .routes(routes!(tally::tally))
        .routes(routes!(tally::tallies))
        .routes(routes!(zoom::zoom))
        .routes(routes!(last::last))
        .routes(routes!(changes::changes))
        .routes(routes!(reports::reports))
        .routes(routes!(reports::report))
        .routes(routes!(reports::run))
        .routes(routes!(reports::atom))
        .routes(routes!(reports::csv))
        .routes(routes!(alerts::alerts))
        .routes(routes!(query::query))
        .routes(routes!(query::cancel))
        .routes(routes!(events::topics))
        .routes(routes!(events::stream))
        .routes(routes!(session::show, session::open, session::close));
    let (routes, api) = OpenApiRouter::with_openapi(document::description())
        .nest("/api/v1", versioned)
        .routes(routes!(statistics::add_batch))
        .routes(routes!(statistics::stats))
        .split_for_parts();
    routes.merge(document::pages(api))
}
