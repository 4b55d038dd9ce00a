//! `/v1/sessions`: sign in and out at a desk; `/v1/me`.

use crate::auth::sessions;
use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{COOKIE, Caller, same_origin, session_cookie};
use crate::http::{blocking, json, now_ms};
use crate::service::people;
use crate::state::App;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::PersonId;
use blindspot_core::error::{BUSY, LOCKED_OUT, NO_RIGHTS, NO_SPACE, WRONG_PASSWORD};
use blindspot_core::wire::account::Me;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a desk sends to sign in.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct SignIn {
    /// The account.
    login: String,
    /// Its password.
    #[schema(format = Password)]
    password: String,
}

/// Who has signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Session {
    /// The person.
    person_id: PersonId,
    /// The name as shown.
    name: String,
    /// When the session ends at the latest, milliseconds since 1970.
    until_ms: i64,
}

/// 登录 · signs in at a desk; the answer sets the session cookie
#[utoipa::path(post, path = "/v1/sessions", tag = "account", request_body = SignIn,
    responses((status = 201, description = "Signed in.", body = Session,
        headers(("Set-Cookie" = String, description = "The session.")))),
    extensions(("x-problems" = json!([WRONG_PASSWORD.code, LOCKED_OUT.code, NO_RIGHTS.code, BUSY.code, NO_SPACE.code]))))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Json<SignIn, 4096>,
) -> Answer<Response> {
    if !same_origin(&headers) {
        return Err(Fault::of(&NO_RIGHTS, Some("a request from another site".into())));
    }
    let _turn = app.logins.acquire().await.map_err(|_| Fault::of(&BUSY, None))?;
    let run = move |app: &App| {
        sessions::sign_in(app.house(), &body.value.login, &body.value.password, body.received_ms)
    };
    let signed = blocking(&app, run).await?;
    let mut response =
        json(&Session { person_id: signed.person, name: signed.name, until_ms: signed.until_ms })?;
    let age = sessions::LIFE_MS / 1000;
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}", signed.cookie);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// 退出登录 · signs out; the cookie is taken back
#[utoipa::path(delete, path = "/v1/sessions", tag = "account",
    responses((status = 204, description = "Signed out.", headers(("Set-Cookie" = String, description = "Empty.")))))]
pub async fn sign_out(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    headers: HeaderMap,
) -> Answer<Response> {
    if let Some(cookie) = session_cookie(&headers) {
        blocking(&app, move |app| sessions::sign_out(app.house(), &cookie, now_ms())).await?;
    }
    let gone = format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// 我是谁 · who calls, with the grants
#[utoipa::path(get, path = "/v1/me", tag = "account",
    responses((status = 200, description = "The caller.", body = Me)))]
pub async fn me(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    json(&blocking(&app, move |app| people::me(app.house(), credential, now_ms())).await?)
}

/// 当前登录 · who is signed in at this desk
#[utoipa::path(get, path = "/v1/sessions", tag = "account",
    responses((status = 200, description = "The caller.", body = Me)))]
pub async fn current(state: State<Arc<App>>, caller: Caller) -> Answer {
    me(state, caller).await
}
