//! `/v1/cases`: list, detail, timeline, and desk actions as ops.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{blocking, json, now_ms, tagged, written};
use crate::service::WriteJob;
use crate::service::case_counts::{self, CaseCounters};
use crate::service::cases::{self, CaseDetail, CasePage, CaseQuery, TimelineEntry};
use crate::service::page::{Page, PageQuery};
use crate::state::App;
use axum::extract::State;
use blindspot_core::CaseId;
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST};
use blindspot_core::limits::OP_BYTES_MAX;
use blindspot_core::wire::v1::{DeskOp, VerdictEntry};
use std::sync::Arc;

/// 案件列表 · a page of the caller's cases, newest first or most overdue first
#[utoipa::path(get, path = "/v1/cases", tag = "cases", params(CaseQuery),
    responses((status = 200, description = "A page.", body = CasePage, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code, BAD_REQUEST.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<CaseQuery>,
) -> Answer {
    let run = move |app: &App| cases::list_cases(app.house(), credential, &query, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 案件计数 · open cases of the caller's scope, by state, town and unit
#[utoipa::path(get, path = "/v1/cases/counters", tag = "cases",
    responses((status = 200, description = "The counters.", body = CaseCounters, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn counters(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    tagged(&blocking(&app, move |app| case_counts::counters(app.house(), credential, now_ms())).await?)
}

/// 案件详情 · one case with all its rows
#[utoipa::path(get, path = "/v1/cases/{id}", tag = "cases",
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 200, description = "The case.", body = CaseDetail, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn detail(State(app): State<Arc<App>>, Caller(credential): Caller, Id(case): Id<CaseId>) -> Answer {
    let run = move |app: &App| cases::case_detail(app.house(), credential, case, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 办理经过 · what happened to it, in commit order
#[utoipa::path(get, path = "/v1/cases/{id}/timeline", tag = "cases",
    params(("id" = CaseId, Path, description = "The case."), PageQuery),
    responses((status = 200, description = "A page of the ops on its record.", body = Page<TimelineEntry>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn timeline(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
    Params(query): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| cases::timeline(app.house(), credential, case, &query, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 办理 · a desk action: the same op by another door
///
/// Answers 200 with the verdict, also when the move no longer fits. Sending the same `op_id` again does no harm.
#[utoipa::path(post, path = "/v1/cases/{id}/ops", tag = "cases", request_body = DeskOp,
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 200, description = "What became of it.", body = VerdictEntry)))]
pub async fn act(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
    body: Json<DeskOp, OP_BYTES_MAX>,
) -> Answer {
    let op = body.value.clone();
    blocking(&app, move |app| cases::may_act(app.house(), credential, case, &op, now_ms())).await?;
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
