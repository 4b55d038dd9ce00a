//! `/v1/hotline`: tickets, who called, replies and calls back.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{Items, blocking, json, now_ms, tagged};
use crate::service::hotline::{self, CallBackRequest, CallerView, NewTicket, ReplyRequest, TicketView};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NO_RIGHTS, NOT_FOUND};
use serde::Deserialize;
use std::sync::Arc;

const SMALL: usize = 64 * 1024;

/// Where a page begins.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BeforeQuery {
    /// `created_ms` of the last ticket seen.
    #[serde(default)]
    before_ms: Option<i64>,
    /// `ticket_no` of the last ticket seen.
    #[serde(default)]
    before_no: Option<String>,
}

/// 热线工单列表 · tickets, the newest first
#[utoipa::path(get, path = "/v1/hotline", tag = "hotline", params(BeforeQuery),
    responses((status = 200, description = "At most 200.", body = Items<TicketView>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NO_RIGHTS.code]))))]
pub async fn tickets(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(BeforeQuery { before_ms, before_no }): Params<BeforeQuery>,
) -> Answer {
    let before = before_ms.map(|at_ms| (at_ms, before_no.unwrap_or_default()));
    let items = blocking(&app, move |app| hotline::list(app.house(), who, before, now_ms())).await?;
    tagged(&Items { items })
}

/// 录入工单 · enters a ticket: a case that somebody looks at first
#[utoipa::path(post, path = "/v1/hotline", tag = "hotline", request_body = NewTicket,
    responses((status = 200, description = "The ticket.", body = TicketView)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, CONFLICT.code, NO_RIGHTS.code]))))]
pub async fn take_ticket(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    body: Json<NewTicket, SMALL>,
) -> Answer {
    let run = move |app: &App| {
        hotline::take(app.house(), who, &body.value, &|job| app.writer.submit(job), now_ms())
    };
    json(&blocking(&app, run).await?)
}

/// 来电人 · who called; each reading is on record
#[utoipa::path(get, path = "/v1/hotline/{no}/caller", tag = "hotline",
    params(("no" = String, Path, description = "工单号")),
    responses((status = 200, description = "Who called.", body = CallerView)),
    extensions(("x-problems" = json!([NOT_FOUND.code, NO_RIGHTS.code]))))]
pub async fn show_caller(State(app): State<Arc<App>>, Caller(who): Caller, Id(no): Id<String>) -> Answer {
    json(&blocking(&app, move |app| hotline::caller(app.house(), who, &no, now_ms())).await?)
}

/// 删除来电人 · forgets who called
#[utoipa::path(delete, path = "/v1/hotline/{no}/caller", tag = "hotline",
    params(("no" = String, Path, description = "工单号")),
    responses((status = 204, description = "Forgotten.")),
    extensions(("x-problems" = json!([NOT_FOUND.code, NO_RIGHTS.code]))))]
pub async fn forget_caller(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(no): Id<String>,
) -> Answer<StatusCode> {
    blocking(&app, move |app| hotline::forget_caller(app.house(), who, &no, now_ms())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 答复 · the reply that the platform is given
#[utoipa::path(post, path = "/v1/hotline/{no}/reply", tag = "hotline", request_body = ReplyRequest,
    params(("no" = String, Path, description = "工单号")),
    responses((status = 200, description = "The ticket.", body = TicketView)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NOT_FOUND.code, NO_RIGHTS.code]))))]
pub async fn reply(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(no): Id<String>,
    body: Json<ReplyRequest, SMALL>,
) -> Answer {
    let run = move |app: &App| hotline::reply(app.house(), who, &no, &body.value, now_ms());
    json(&blocking(&app, run).await?)
}

/// 回访 · what the caller said; not satisfied, it is opened once more
#[utoipa::path(post, path = "/v1/hotline/{no}/call-back", tag = "hotline", request_body = CallBackRequest,
    params(("no" = String, Path, description = "工单号")),
    responses((status = 200, description = "The ticket.", body = TicketView)),
    extensions(("x-problems" = json!([CONFLICT.code, NOT_FOUND.code, NO_RIGHTS.code]))))]
pub async fn call_back(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Id(no): Id<String>,
    body: Json<CallBackRequest, SMALL>,
) -> Answer {
    let run = move |app: &App| {
        hotline::call_back(app.house(), who, &no, &body.value, &|job| app.writer.submit(job), now_ms())
    };
    json(&blocking(&app, run).await?)
}
