//! `/v1/sessions`: sign in and out at a desk; `/v1/me`.

use crate::auth::sessions;
use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{BROWSER_COOKIE, COOKIE, Caller, Id, cookie, same_origin, session_cookie};
use crate::http::{Items, blocking, json, now_ms, with_password};
use crate::service::passwords::{self, PasswordChange, SessionView};
use crate::service::people;
use crate::state::App;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::{
    BUSY, LOCKED_OUT, NO_RIGHTS, NO_SPACE, TOO_MANY_REQUESTS, WEAK_PASSWORD, WRONG_PASSWORD,
};
use blindspot_core::wire::account::Me;
use blindspot_core::{DeviceId, PersonId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a desk sends to sign in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
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
    /// Whether the password is a one-time one: nothing but changing it is allowed.
    must_change_password: bool,
}

/// 登录 · signs in at a desk; the answer sets the session cookie
#[utoipa::path(post, path = "/v1/sessions", tag = "account", request_body = SignIn,
    responses((status = 201, description = "Signed in.", body = Session,
        headers(("Set-Cookie" = String, description = "The session.")))),
    extensions(("x-problems" = json!([WRONG_PASSWORD.code, LOCKED_OUT.code, NO_RIGHTS.code, BUSY.code, NO_SPACE.code,
        TOO_MANY_REQUESTS.code]))))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Json<SignIn, 4096>,
) -> Answer<Response> {
    if !same_origin(&headers) {
        return Err(Fault::of(&NO_RIGHTS, Some("a request from another site".into())));
    }
    let browser = cookie(&headers, BROWSER_COOKIE);
    let label = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let run = move |app: &App| {
        let SignIn { login, password } = &body.value;
        let given = sessions::SignIn { login, password, browser: browser.as_deref(), label: &label };
        app.gate.sign_in(app.house(), &given, body.received_ms)
    };
    let signed = with_password(&app, run).await?;
    let mut response = json(&Session {
        person_id: signed.person,
        name: signed.name,
        until_ms: signed.until_ms,
        must_change_password: signed.must_change,
    })?;
    let session = format!(
        "{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}",
        signed.cookie,
        sessions::LIFE_MS / 1000
    );
    // Only the sign-in asks for it: nothing else carries it about.
    let browser = format!(
        "{BROWSER_COOKIE}={}; HttpOnly; SameSite=Strict; Path=/v1/sessions; Max-Age={}",
        signed.browser,
        sessions::BROWSER_MS / 1000
    );
    for text in [session, browser] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// 修改自己的密码 · changes the caller's own password; the caller's other sessions end
#[utoipa::path(post, path = "/v1/me/password", tag = "account", request_body = PasswordChange,
    responses((status = 204, description = "It is changed.")),
    extensions(("x-problems" = json!([WRONG_PASSWORD.code, WEAK_PASSWORD.code, LOCKED_OUT.code]))))]
pub async fn change_password(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    body: Json<PasswordChange, 4096>,
) -> Answer<StatusCode> {
    let run = move |app: &App| passwords::change_own(app.house(), credential, &body.value, body.received_ms);
    with_password(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 自己的登录会话 · the caller's own desk sessions
#[utoipa::path(get, path = "/v1/me/sessions", tag = "account",
    responses((status = 200, description = "Those that stand.", body = Items<SessionView>)))]
pub async fn own(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let run = move |app: &App| passwords::list_sessions(app.house(), credential.person, credential, now_ms());
    json(&Items { items: blocking(&app, run).await? })
}

/// 结束自己的一个会话 · ends one of the caller's own desk sessions
#[utoipa::path(delete, path = "/v1/me/sessions/{id}", tag = "account",
    params(("id" = DeviceId, Path, description = "The session.")),
    responses((status = 204, description = "It is over.")))]
pub async fn end_own(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(session): Id<DeviceId>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let actor = people::Actor::Person(credential.person);
        passwords::end_session(app.house(), actor, credential.person, session, now_ms())
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
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
