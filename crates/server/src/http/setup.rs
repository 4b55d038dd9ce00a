//! `/setup` and `POST /v1/setup`: the one-time page that makes the first administrator.

use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{Params, same_origin};
use crate::http::{blocking, json, with_password};
use crate::service::setup::{self, SetupRequest};
use crate::state::App;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::PersonId;
use blindspot_core::error::{BUSY, CONFLICT, NO_RIGHTS, NO_SPACE, SETUP_DONE, SETUP_LINK_OLD, WEAK_PASSWORD};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const PAGE: &str = include_str!("setup.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Who was made.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SetUp {
    /// The administrator.
    person_id: PersonId,
}

/// The link's query.
#[derive(Deserialize)]
pub struct SetupQuery {
    #[serde(default)]
    token: String,
}

/// 初始设置页 · the page that makes the first administrator, while the set-up is open
#[utoipa::path(get, path = "/setup", tag = "server",
    params(("token" = Option<String>, Query, description = "From the link.")),
    responses((status = 200, description = "The form.", body = String, content_type = "text/html; charset=utf-8")),
    extensions(("x-problems" = json!([SETUP_DONE.code, SETUP_LINK_OLD.code, BUSY.code, NO_SPACE.code]))))]
pub async fn page(State(app): State<Arc<App>>, Params(query): Params<SetupQuery>) -> Answer<Response> {
    blocking(&app, move |app| setup::check(app.house(), &query.token)).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, PAGE).into_response())
}

/// 初始设置 · makes the first administrator; works once
#[utoipa::path(post, path = "/v1/setup", tag = "server", request_body = SetupRequest,
    responses((status = 200, description = "The administrator.", body = SetUp)),
    extensions(("x-problems" = json!([SETUP_DONE.code, SETUP_LINK_OLD.code, CONFLICT.code, WEAK_PASSWORD.code, NO_RIGHTS.code, BUSY.code, NO_SPACE.code]))))]
pub async fn run(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Json<SetupRequest, 4096>,
) -> Answer<Response> {
    if !same_origin(&headers) {
        return Err(Fault::of(&NO_RIGHTS, Some("a request from another site".into())));
    }
    let person =
        with_password(&app, move |app| setup::run(app.house(), &body.value, body.received_ms)).await?;
    json(&SetUp { person_id: person })
}
