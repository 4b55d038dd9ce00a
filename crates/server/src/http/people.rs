//! `/v1/people` and `/v1/audit`: what administrators and auditors see and do.

use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params, Two};
use crate::http::{Items, blocking, json, now_ms, with_password};
use crate::service::devices::EnrolCode;
use crate::service::passwords::{self, OneTimePassword, SessionView};
use crate::service::people::{self, AuditView, GrantView, NewGrant, NewPerson, PersonView};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use blindspot_core::error::{CONFLICT, NOT_FOUND, WEAK_PASSWORD};
use blindspot_core::{DeviceId, PersonId};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const SMALL: usize = 16 * 1024;

fn created(value: &impl serde::Serialize) -> Answer<Response> {
    let mut response = json(value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// 人员列表 · everybody
#[utoipa::path(get, path = "/v1/people", tag = "people",
    responses((status = 200, description = "Everybody.", body = Items<PersonView>)))]
pub async fn list(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        people::list(app.house())
    };
    json(&Items { items: blocking(&app, run).await? })
}

/// 新增人员 · adds a person
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = NewPerson,
    responses((status = 201, description = "The person.", body = PersonView)),
    extensions(("x-problems" = json!([CONFLICT.code, WEAK_PASSWORD.code]))))]
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    body: Json<NewPerson, SMALL>,
) -> Answer {
    let run = move |app: &App| {
        let actor = people::require_administrator(app.house(), credential, body.received_ms)?;
        people::create_person(app.house(), actor, &body.value, body.received_ms)
    };
    created(&with_password(&app, run).await?)
}

/// What may be changed of a person.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = PersonChange)]
pub struct Change {
    /// A new password.
    #[serde(default)]
    #[schema(format = Password)]
    password: Option<String>,
    /// Whether the person may act.
    #[serde(default)]
    active: Option<bool>,
}

/// 修改人员 · sets a password, or whether the person may act
#[utoipa::path(patch, path = "/v1/people/{id}", tag = "people", request_body = Change,
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 204, description = "Done.")),
    extensions(("x-problems" = json!([WEAK_PASSWORD.code]))))]
pub async fn change(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    body: Json<Change, SMALL>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        if let Some(password) = &body.value.password {
            passwords::set_password(app.house(), actor, person, password, now_ms)?;
        }
        if let Some(active) = body.value.active {
            people::set_active(app.house(), actor, person, active, now_ms)?;
        }
        Ok(())
    };
    with_password(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 重设密码 · gives a person a one-time password; sessions and known browsers end with the old one
#[utoipa::path(post, path = "/v1/people/{id}/password-reset", tag = "people",
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 201, description = "The password, shown this once.", body = OneTimePassword)))]
pub async fn reset_password(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
) -> Answer {
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        passwords::reset(app.house(), actor, person, now_ms)
    };
    created(&with_password(&app, run).await?)
}

/// 某人的登录会话 · the desk sessions of a person
#[utoipa::path(get, path = "/v1/people/{id}/sessions", tag = "people",
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 200, description = "Those that stand.", body = Items<SessionView>)))]
pub async fn sessions(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
) -> Answer {
    let run = move |app: &App| {
        let now_ms = now_ms();
        people::require_administrator(app.house(), credential, now_ms)?;
        passwords::list_sessions(app.house(), person, credential, now_ms)
    };
    json(&Items { items: blocking(&app, run).await? })
}

/// 结束某人的全部会话 · ends all desk sessions of a person
#[utoipa::path(delete, path = "/v1/people/{id}/sessions", tag = "people",
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 204, description = "They are over.")))]
pub async fn end_sessions(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        passwords::end_sessions(app.house(), actor, person, now_ms)
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 结束某人的一个会话 · ends one desk session of a person
#[utoipa::path(delete, path = "/v1/people/{id}/sessions/{session}", tag = "people",
    params(("id" = PersonId, Path, description = "The person."),
        ("session" = DeviceId, Path, description = "The session.")),
    responses((status = 204, description = "It is over.")))]
pub async fn end_session(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Two(person, session): Two,
) -> Answer<StatusCode> {
    let missing = || Fault::of(&NOT_FOUND, None);
    let (person, session) = (person.parse().map_err(|_| missing())?, session.parse().map_err(|_| missing())?);
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        passwords::end_session(app.house(), actor, person, session, now_ms)
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 授权 · gives a grant
#[utoipa::path(post, path = "/v1/people/{id}/grants", tag = "people", request_body = NewGrant,
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 201, description = "The grant.", body = GrantView)))]
pub async fn grant(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    body: Json<NewGrant, SMALL>,
) -> Answer {
    let run = move |app: &App| {
        let actor = people::require_administrator(app.house(), credential, body.received_ms)?;
        people::grant(app.house(), actor, person, &body.value, body.received_ms)
    };
    created(&blocking(&app, run).await?)
}

/// 收回授权 · ends a grant now; it stays on record
#[utoipa::path(delete, path = "/v1/grants/{id}", tag = "people",
    params(("id" = Uuid, Path, description = "The grant.")),
    responses((status = 204, description = "It has ended.")))]
pub async fn end_grant(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(grant): Id<Uuid>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        people::end_grant(app.house(), actor, grant, now_ms, now_ms)
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 绑定码 · makes a one-time enrolment code
#[utoipa::path(post, path = "/v1/people/{id}/enrol-codes", tag = "people",
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 201, description = "The code.", body = EnrolCode)))]
pub async fn enrol_code(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
) -> Answer {
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        people::create_enrol_code(app.house(), actor, person, &app.base_url, now_ms)
    };
    created(&blocking(&app, run).await?)
}

/// Where to begin in the audit log.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows with a smaller number.
    #[serde(default)]
    before: Option<i64>,
    /// Most rows.
    #[serde(default)]
    limit: Option<i64>,
}

/// 审计日志 · the audit log, newest first
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page.", body = Items<AuditView>)))]
pub async fn audit(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<AuditQuery>,
) -> Answer {
    let run = move |app: &App| {
        people::audit_page(app.house(), credential, query.before, query.limit.unwrap_or(100), now_ms())
    };
    json(&Items { items: blocking(&app, run).await? })
}
