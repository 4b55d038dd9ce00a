//! `/metrics`: Prometheus text, for this machine or for who has the token. To everybody else it is not there.

use crate::error::{Answer, Fault};
use crate::http::blocking;
use crate::http::caller::bearer;
use crate::listen::outer::Outer;
use crate::state::App;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::NOT_FOUND;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// 监控数据 · metrics, Prometheus text; from this machine, or with the operator's token
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses((status = 200, description = "Prometheus text.", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!([NOT_FOUND.code]))))]
pub async fn metrics(
    State(app): State<Arc<App>>,
    Extension(outer): Extension<Outer>,
    headers: HeaderMap,
) -> Answer<Response> {
    let may = match &app.metrics_token {
        Some(token) => bearer(&headers).is_some_and(|said| said.as_bytes().ct_eq(token.as_bytes()).into()),
        None => outer.ip.is_loopback(),
    };
    if !may {
        return Err(Fault::of(&NOT_FOUND, None));
    }
    let text = blocking(&app, |app| Ok(app.telemetry.text(app))).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
