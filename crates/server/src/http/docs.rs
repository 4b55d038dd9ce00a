//! `/openapi.json` and `/docs`: the server's description of itself, and pages that show it without any other host.

use crate::error::{Answer, Fault};
use crate::http::caller::Id;
use crate::{openapi, problems};
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use blindspot_core::error::{INTERNAL, NOT_FOUND};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());
static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json")
        .validator_url("none")
        .doc_expansion("none")
        .persist_authorization(false);
    Arc::new(config.display_request_duration(true).filter(true).use_base_layout())
});
static PROBLEMS: LazyLock<String> = LazyLock::new(problems::to_html);

/// The page's own scripts and styles; it asks nobody else for anything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const STILL: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const FOR_AN_HOUR: &str = "public, max-age=3600";

/// 接口说明 · this description, OpenAPI 3.1
#[utoipa::path(get, path = "/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)))]
pub async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION.as_str()).into_response()
}

/// 接口文档 · where the pages are
#[utoipa::path(get, path = "/docs", tag = "server", responses((status = 308, description = "They are at `/docs/`.")))]
pub async fn docs_door() -> Redirect {
    Redirect::permanent("/docs/")
}

/// 接口文档 · the description as a page; works without any other host
#[utoipa::path(get, path = "/docs/", tag = "server",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub async fn docs_page() -> Answer {
    part("index.html")
}

/// 接口文档的文件 · scripts and styles of that page
#[utoipa::path(get, path = "/docs/{file}", tag = "server",
    params(("file" = String, Path, description = "A file of the page.")),
    responses((status = 200, description = "The file.", body = String, content_type = "*/*")))]
pub async fn docs_file(Id(file): Id<String>) -> Answer {
    part(&file)
}

/// 问题代码 · every problem code with what an app does about it
#[utoipa::path(get, path = "/docs/problems", tag = "server",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html; charset=utf-8")))]
pub async fn problem_codes() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, STILL),
        (header::CACHE_CONTROL, FOR_AN_HOUR),
    ];
    (headers, PROBLEMS.as_str()).into_response()
}

fn part(file: &str) -> Answer {
    let found = utoipa_swagger_ui::serve(file, PAGE.clone())
        .map_err(|e| Fault::of(&INTERNAL, Some(e.to_string())))?
        .ok_or_else(|| Fault::of(&NOT_FOUND, None))?;
    let headers = [
        (header::CONTENT_TYPE, found.content_type.as_str()),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, FOR_AN_HOUR),
    ];
    Ok((headers, found.bytes.into_owned()).into_response())
}
