//! `/setup` and `POST /v1/setup`: the one-time page that makes the first administrator.

use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{Params, same_origin};
use crate::http::{blocking, json};
use crate::service::setup::{self, SetupRequest};
use crate::state::App;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::{BUSY, NO_RIGHTS};
use serde::Deserialize;
use std::sync::Arc;

const PAGE: &str = include_str!("setup.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The link's query.
#[derive(Deserialize)]
pub struct SetupQuery {
    #[serde(default)]
    token: String,
}

/// The form, while the set-up is open.
pub async fn page(State(app): State<Arc<App>>, Params(query): Params<SetupQuery>) -> Answer<Response> {
    blocking(&app, move |app| setup::check(app.house(), &query.token)).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, PAGE).into_response())
}

/// Makes the first administrator.
pub async fn run(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Json<SetupRequest, 4096>,
) -> Answer<Response> {
    if !same_origin(&headers) {
        return Err(Fault::of(&NO_RIGHTS, Some("a request from another site".into())));
    }
    let _turn = app.logins.acquire().await.map_err(|_| Fault::of(&BUSY, None))?;
    let person = blocking(&app, move |app| setup::run(app.house(), &body.value, body.received_ms)).await?;
    json(&serde_json::json!({ "person_id": person }))
}
