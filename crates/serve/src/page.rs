//! The page: the files below `web/`, which are in the program.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

use crate::problem::Problem;

/// Places of the page itself, which its scripts tell apart.
const PLACES: [&str; 5] = ["", "report", "explore", "events", "sql"];

#[derive(Embed)]
#[folder = "web/"]
struct Files;

/// Answers with a file, or with the page.
pub async fn file(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if PLACES.contains(&path) { "index.html" } else { path };
    match Files::get(path) {
        Some(file) => {
            let headers =
                [(CONTENT_TYPE, file.metadata.mimetype().to_string()), (CACHE_CONTROL, "no-cache".into())];
            (headers, file.data).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND, "there is no such page").into_response(),
    }
}
