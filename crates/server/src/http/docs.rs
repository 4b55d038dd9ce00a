//! `/openapi.json`: the server's description of itself.

use crate::openapi;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use std::sync::LazyLock;

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());

/// 接口说明 · this description, OpenAPI 3.1
#[utoipa::path(get, path = "/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)))]
pub async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION.as_str()).into_response()
}
