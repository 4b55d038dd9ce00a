//! `POST /v1/devices/enrol`, `POST /v1/token/refresh`, and the administrator's list of phones.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{blocking, json, now_ms, tagged};
use crate::service::devices::{self, DeviceView};
use crate::service::page::{Page, PageQuery};
use crate::service::people;
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::DeviceId;
use blindspot_core::error::{
    BAD_CODE, BAD_CURSOR, BAD_KEY, BAD_PROOF, BUSY, CONFLICT, DEVICE_REVOKED, ENROL_AGAIN, HAND_IN_OVER,
    HAND_IN_QUOTA, NO_SPACE, TOKEN_INVALID, TOO_MANY_REQUESTS,
};
use blindspot_core::wire::account::{
    EnrolReply, EnrolRequest, HandInNonce, HandInNonceRequest, HandInToken, HandInTokenRequest, RefreshReply,
    RefreshRequest,
};
use std::sync::Arc;

const SMALL: usize = 16 * 1024;

/// 绑定手机 · enrols a phone with a one-time code and the phone's own key
#[utoipa::path(post, path = "/v1/devices/enrol", tag = "account", request_body = EnrolRequest,
    responses((status = 200, description = "The enrolment, signed by the server's identity key.", body = EnrolReply)),
    extensions(("x-problems" = json!([BAD_CODE.code, BAD_KEY.code, BAD_PROOF.code, BUSY.code, NO_SPACE.code,
        TOO_MANY_REQUESTS.code]))))]
pub async fn enrol(State(app): State<Arc<App>>, body: Json<EnrolRequest, SMALL>) -> Answer {
    let run = move |app: &App| app.gate.enrol(app.house(), &body.value, body.received_ms);
    json(&blocking(&app, run).await?)
}

/// 换新凭证 · exchanges a refresh token, with a fresh proof by the device key
#[utoipa::path(post, path = "/v1/token/refresh", tag = "account", request_body = RefreshRequest,
    responses((status = 200, description = "The next pair of tokens.", body = RefreshReply)),
    extensions(("x-problems" = json!([TOKEN_INVALID.code, BAD_PROOF.code, BAD_KEY.code, DEVICE_REVOKED.code,
        ENROL_AGAIN.code, CONFLICT.code, BUSY.code, NO_SPACE.code, TOO_MANY_REQUESTS.code]))))]
pub async fn refresh(State(app): State<Arc<App>>, body: Json<RefreshRequest, SMALL>) -> Answer {
    let run = move |app: &App| app.gate.refresh(app.house(), &body.value, body.received_ms);
    let refreshed = blocking(&app, run).await;
    if refreshed.is_err() {
        // It may have ended a family of tokens: the door must not go on believing them.
        app.gate.pause_memory(now_ms());
    }
    json(&refreshed?)
}

/// 停用手机交件：取随机数 · a nonce for a revoked phone to sign
#[utoipa::path(post, path = "/v1/token/hand-in/nonce", tag = "account", request_body = HandInNonceRequest,
    responses((status = 200, description = "The nonce, good for five minutes.", body = HandInNonce)))]
pub async fn hand_in_nonce(State(app): State<Arc<App>>, body: Json<HandInNonceRequest, SMALL>) -> Answer {
    json(&app.gate.hand_in_nonce(app.house(), &body.value, body.received_ms)?)
}

/// 停用手机交件：换凭证 · a token for push and photos, for a revoked phone that signed the nonce
#[utoipa::path(post, path = "/v1/token/hand-in", tag = "account", request_body = HandInTokenRequest,
    responses((status = 200, description = "The token, ten minutes long.", body = HandInToken)),
    extensions(("x-problems" = json!([TOKEN_INVALID.code, BAD_PROOF.code, BAD_KEY.code, CONFLICT.code, BUSY.code,
        NO_SPACE.code, HAND_IN_OVER.code, HAND_IN_QUOTA.code, TOO_MANY_REQUESTS.code]))))]
pub async fn hand_in_token(State(app): State<Arc<App>>, body: Json<HandInTokenRequest, SMALL>) -> Answer {
    let run = move |app: &App| app.gate.hand_in_token(app.house(), &body.value, body.received_ms);
    json(&blocking(&app, run).await?)
}

/// 手机列表 · all phones
#[utoipa::path(get, path = "/v1/devices", tag = "devices", params(PageQuery),
    responses((status = 200, description = "A page of all phones.", body = Page<DeviceView>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| {
        let now_ms = now_ms();
        people::require_administrator(app.house(), credential, now_ms)?;
        devices::page(app.house(), &query, now_ms)
    };
    tagged(&blocking(&app, run).await?)
}

/// 停用手机 · revokes a phone; its unsent work stays on it
#[utoipa::path(post, path = "/v1/devices/{id}/revoke", tag = "devices",
    params(("id" = DeviceId, Path, description = "The enrolment.")),
    responses((status = 204, description = "It is revoked.")))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(device): Id<DeviceId>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let actor = people::require_administrator(app.house(), credential, now_ms())?;
        devices::revoke_device(app.house(), actor, device, now_ms())
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}
