//! The OpenAPI document, and the Swagger UI that shows it; both are in the program.

use axum::Router;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::OpenApi as _;
use utoipa_swagger_ui::SwaggerUi;

use crate::problem::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "tally serve", description = "Answers of power trees and SQL, with the rights of the database's users"),
    components(schemas(Problem)),
    tags(
        (name = "trees", description = "Answers of power trees"),
        (name = "reports", description = "Stored reports of what changed"),
        (name = "query", description = "SQL, read-only"),
        (name = "events", description = "Messages of topics as they come"),
        (name = "session", description = "Log in and out"),
        (name = "statistics", description = "Numbers in, statistics of the newest out"),
    ),
)]
struct Description;

/// Returns the document without its paths.
pub fn description() -> OpenApi {
    let mut api = Description::openapi();
    let components = api.components.get_or_insert_default();
    let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
    components.add_security_scheme("password", http(HttpAuthScheme::Basic));
    components.add_security_scheme("token", http(HttpAuthScheme::Bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new("tally"));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    // Nothing at all is the anonymous role, where there is one.
    let ways = ["password", "token", "session"].map(|way| SecurityRequirement::new::<_, _, String>(way, []));
    api.security = Some(ways.into_iter().chain([SecurityRequirement::default()]).collect());
    api
}

/// Returns the routes of the document and of the page that shows it.
pub fn pages<S: Clone + Send + Sync + 'static>(api: OpenApi) -> Router<S> {
    SwaggerUi::new("/docs").url("/openapi.json", api).into()
}
