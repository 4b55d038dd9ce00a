//! `/start`: a page that says whether this phone will do. Opens without a network once it was seen.

use crate::error::{Answer, Fault};
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::NOT_FOUND;

const PAGE: &str = include_str!("../../assets/start.html");
const SCRIPT: &str = include_str!("../../assets/start.js");
const STYLE: &str = include_str!("../../assets/start.css");
const WORKER: &str = include_str!("../../assets/start-sw.js");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Lets the worker, which stands below the page, answer for it.
const WORKER_SCOPE: HeaderName = HeaderName::from_static("service-worker-allowed");

/// 这台手机能用吗 · will this phone do
#[utoipa::path(get, path = "/start", tag = "server",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub async fn start_page() -> Response {
    file("text/html; charset=utf-8", PAGE)
}

/// 起始页的文件 · files of that page
#[utoipa::path(get, path = "/start/{file}", tag = "server",
    params(("file" = String, Path, description = "`start.js`, `start.css` or `sw.js`.")),
    responses((status = 200, description = "The file.", body = String, content_type = "text/javascript")),
    extensions(("x-problems" = json!([NOT_FOUND.code]))))]
pub async fn start_file(Path(name): Path<String>) -> Answer<Response> {
    match name.as_str() {
        "start.js" => Ok(file("text/javascript; charset=utf-8", SCRIPT)),
        "start.css" => Ok(file("text/css; charset=utf-8", STYLE)),
        "sw.js" => {
            let mut response = file("text/javascript; charset=utf-8", WORKER);
            response.headers_mut().insert(WORKER_SCOPE, axum::http::HeaderValue::from_static("/start"));
            Ok(response)
        }
        _ => Err(Fault::of(&NOT_FOUND, None)),
    }
}

fn file(kind: &'static str, body: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, body).into_response()
}
