//! The page: the files below `web/`, which are in the program.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

use crate::problem::Problem;

#[derive(Embed)]
#[folder = "web/"]
struct Files;

/// Answers with a file; a path that ends with a slash is that of the page in that folder.
pub async fn file(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() || path.ends_with('/') { format!("{path}index.html") } else { path.into() };
    match Files::get(&path) {
        Some(file) => {
            let headers =
                [(CONTENT_TYPE, file.metadata.mimetype().to_string()), (CACHE_CONTROL, "no-cache".into())];
            (headers, file.data).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND, "there is no such page").into_response(),
    }
}
