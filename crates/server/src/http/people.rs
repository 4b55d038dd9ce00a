//! `/v1/people` and `/v1/audit`: what administrators and auditors see and do.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{blocking, json, now_ms};
use crate::service::people::{self, NewGrant, NewPerson};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use blindspot_core::PersonId;
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const SMALL: usize = 16 * 1024;

fn created(value: &impl serde::Serialize) -> Answer<Response> {
    let mut response = json(value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Everybody.
pub async fn list(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        people::list(app.house())
    };
    json(&serde_json::json!({ "items": blocking(&app, run).await? }))
}

/// Adds a person.
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    body: Json<NewPerson, SMALL>,
) -> Answer {
    let _turn = app.logins.acquire().await;
    let run = move |app: &App| {
        let actor = people::require_administrator(app.house(), credential, body.received_ms)?;
        people::create_person(app.house(), actor, &body.value, body.received_ms)
    };
    created(&blocking(&app, run).await?)
}

/// What may be changed of a person.
#[derive(Deserialize)]
pub struct Change {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    active: Option<bool>,
}

/// Sets a password, or whether the person may act.
pub async fn change(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    body: Json<Change, SMALL>,
) -> Answer<StatusCode> {
    let _turn = app.logins.acquire().await;
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        if let Some(password) = &body.value.password {
            people::set_password(app.house(), actor, person, password, now_ms)?;
        }
        if let Some(active) = body.value.active {
            people::set_active(app.house(), actor, person, active, now_ms)?;
        }
        Ok(())
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a grant.
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

/// Ends a grant now.
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

/// Makes an enrolment code.
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
#[derive(Deserialize)]
pub struct AuditQuery {
    #[serde(default)]
    before: Option<i64>,
    #[serde(default)]
    limit: Option<i64>,
}

/// The audit log, newest first.
pub async fn audit(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<AuditQuery>,
) -> Answer {
    let run = move |app: &App| {
        people::audit_page(app.house(), credential, query.before, query.limit.unwrap_or(100), now_ms())
    };
    json(&serde_json::json!({ "items": blocking(&app, run).await? }))
}
