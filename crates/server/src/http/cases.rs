//! `/v1/cases`: list, detail, timeline, and desk actions as ops.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{blocking, json, now_ms, written};
use crate::service::WriteJob;
use crate::service::cases::{self, CaseQuery};
use crate::state::App;
use axum::extract::State;
use blindspot_core::CaseId;
use blindspot_core::limits::OP_BYTES_MAX;
use blindspot_core::wire::v1::DeskOp;
use std::sync::Arc;

/// A page of the caller's cases, newest first.
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<CaseQuery>,
) -> Answer {
    let run = move |app: &App| cases::list_cases(app.house(), credential, &query, now_ms());
    json(&blocking(&app, run).await?)
}

/// One case with all its rows.
pub async fn detail(State(app): State<Arc<App>>, Caller(credential): Caller, Id(case): Id<CaseId>) -> Answer {
    let run = move |app: &App| cases::case_detail(app.house(), credential, case, now_ms());
    json(&blocking(&app, run).await?)
}

/// What happened to it.
pub async fn timeline(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
) -> Answer {
    let run = move |app: &App| cases::timeline(app.house(), credential, case, now_ms());
    json(&serde_json::json!({ "items": blocking(&app, run).await? }))
}

/// A desk action: the same op by another door.
pub async fn act(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
    body: Json<DeskOp, OP_BYTES_MAX>,
) -> Answer {
    let entry = written(&app, |done| WriteJob::Desk {
        credential,
        case_id: Some(case),
        op: body.value,
        received_ms: body.received_ms,
        done,
    })
    .await?;
    json(&entry)
}
