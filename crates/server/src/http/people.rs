//! `/v1/people` and `/v1/audit`: what administrators and auditors see and do.

use crate::error::{Answer, Fault};
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params, Two};
use crate::http::once::{Once, created};
use crate::http::{Items, blocking, json, now_ms, tag, tagged, with_password};
use crate::service::ServiceError;
use crate::service::audit_log::{self, AuditView};
use crate::service::devices::EnrolCode;
use crate::service::once;
use crate::service::page::{Page, PageQuery};
use crate::service::passwords::{self, OneTimePassword, SessionView};
use crate::service::people::{self, GrantView, NewGrant, NewPerson, PersonView};
use crate::state::App;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use blindspot_core::error::{
    BAD_CURSOR, BAD_REQUEST, CHANGED_MEANWHILE, CONFLICT, KEY_REUSED, NOT_FOUND, WEAK_PASSWORD,
};
use blindspot_core::{DeviceId, PersonId};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const SMALL: usize = 16 * 1024;

/// 人员列表 · everybody
#[utoipa::path(get, path = "/v1/people", tag = "people", params(PageQuery),
    responses((status = 200, description = "A page of everybody, by login.", body = Page<PersonView>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        people::page(app.house(), &query)
    };
    tagged(&blocking(&app, run).await?)
}

/// 一个人 · one person, with a tag to change by
#[utoipa::path(get, path = "/v1/people/{id}", tag = "people",
    params(("id" = PersonId, Path, description = "The person.")),
    responses((status = 200, description = "The person.", body = PersonView, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn one(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        people::one(app.house(), person)
    };
    tagged(&blocking(&app, run).await?)
}

/// 新增人员 · adds a person
#[utoipa::path(post, path = "/v1/people", tag = "people", request_body = NewPerson,
    params(("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The person.", body = PersonView, headers(("Idempotency-Replayed" = Option<String>, description = "`true` when this is the answer of the first time.")))),
    extensions(("x-problems" = json!([CONFLICT.code, KEY_REUSED.code, WEAK_PASSWORD.code]))))]
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    once: Once,
    body: Json<NewPerson, SMALL>,
) -> Answer {
    let key = once.with(body.hash.as_ref());
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        once::once(app.house(), credential, key.as_ref(), false, now_ms, || {
            people::create_person(app.house(), actor, &body.value, now_ms)
        })
    };
    created(with_password(&app, run).await?)
}

/// What may be changed of a person.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
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
    params(("id" = PersonId, Path, description = "The person."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the person as read; changed meanwhile: 412.")),
    responses((status = 204, description = "Done.")),
    extensions(("x-problems" = json!([WEAK_PASSWORD.code, CHANGED_MEANWHILE.code]))))]
pub async fn change(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    headers: HeaderMap,
    body: Json<Change, SMALL>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        // A change of nothing is one of somebody, too.
        let found = people::one(app.house(), person)?;
        if let Some(condition) = tag::condition(&headers, &header::IF_MATCH) {
            let now = serde_json::to_vec(&found)?;
            if !tag::names(&condition, &tag::of(&now)) {
                return Err(ServiceError::refused(&CHANGED_MEANWHILE));
            }
        }
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
    params(("id" = PersonId, Path, description = "The person."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The password, shown this once.", body = OneTimePassword)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, CONFLICT.code, KEY_REUSED.code]))))]
pub async fn reset_password(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    once: Once,
) -> Answer {
    let key = once.with(None);
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        once::once(app.house(), credential, key.as_ref(), true, now_ms, || {
            passwords::reset(app.house(), actor, person, now_ms)
        })
    };
    created(with_password(&app, run).await?)
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
    params(("id" = PersonId, Path, description = "The person."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The grant.", body = GrantView, headers(("Idempotency-Replayed" = Option<String>, description = "`true` when this is the answer of the first time.")))),
    extensions(("x-problems" = json!([CONFLICT.code, KEY_REUSED.code]))))]
pub async fn grant(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    once: Once,
    body: Json<NewGrant, SMALL>,
) -> Answer {
    let key = once.with(body.hash.as_ref());
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        once::once(app.house(), credential, key.as_ref(), false, now_ms, || {
            people::grant(app.house(), actor, person, &body.value, now_ms)
        })
    };
    created(blocking(&app, run).await?)
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
    params(("id" = PersonId, Path, description = "The person."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The code.", body = EnrolCode)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, CONFLICT.code, KEY_REUSED.code]))))]
pub async fn enrol_code(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(person): Id<PersonId>,
    once: Once,
) -> Answer {
    let key = once.with(None);
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        once::once(app.house(), credential, key.as_ref(), true, now_ms, || {
            people::create_enrol_code(app.house(), actor, person, &app.base_url, now_ms)
        })
    };
    created(blocking(&app, run).await?)
}

/// Where to begin in the audit log.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows with a smaller number.
    before: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Most rows, up to 500; 100 when left out.
    limit: Option<usize>,
}

/// 审计日志 · the audit log, newest first
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page.", body = Page<AuditView>)),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn audit(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<AuditQuery>,
) -> Answer {
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let run = move |app: &App| audit_log::audit_page(app.house(), credential, query.before, &page, now_ms());
    json(&blocking(&app, run).await?)
}
