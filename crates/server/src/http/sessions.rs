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
use blindspot_core::error::{BUSY, NO_RIGHTS};
use serde::Deserialize;
use std::sync::Arc;

/// What a desk sends to sign in.
#[derive(Deserialize)]
pub struct SignIn {
    login: String,
    password: String,
}

/// Signs in; the answer sets the cookie.
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
    let mut response = json(&serde_json::json!({
        "person_id": signed.person, "name": signed.name, "until_ms": signed.until_ms,
    }))?;
    let age = sessions::LIFE_MS / 1000;
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}", signed.cookie);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Signs out.
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

/// Who is signed in.
pub async fn me(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    json(&blocking(&app, move |app| people::me(app.house(), credential, now_ms())).await?)
}
