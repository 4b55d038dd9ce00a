//! What goes with the life of a case besides its moves: advice, duty, the roster and its draws, pauses, the ledger.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{Items, blocking, json, now_ms, tagged};
use crate::service::advice::{self, Advice};
use crate::service::calendars::{self, Calendars, CalendarsRequest, CalendarsSaved};
use crate::service::drawing::{self, DayOfDraws, RosterRequest, RosterSaved};
use crate::service::duty::{self, DutyRequest, DutySaved};
use crate::service::ledger::{self, LedgerPage, LedgerReport};
use crate::service::pauses::{self, PauseRequest, PauseView};
use crate::state::App;
use axum::extract::State;
use blindspot_core::CaseId;
use blindspot_core::check::Shift;
use blindspot_core::duty::GapMap;
use blindspot_core::error::{BAD_REQUEST, NO_RIGHTS, NOT_FOUND};
use serde::Deserialize;
use std::sync::Arc;

/// A pause, a day's question.
const SMALL: usize = 64 * 1024;
/// A matrix, a month's roster.
const LARGE: usize = 4 * 1024 * 1024;

/// 办案参考 · what a desk or a unit is told of a case before it decides
///
/// What it waits for, whose it may be, rulings on like cases, what lies near it, what its evidence is worth. Decides nothing.
#[utoipa::path(get, path = "/v1/cases/{id}/advice", tag = "cases",
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 200, description = "What there is to say.", body = Advice, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn advise(State(app): State<Arc<App>>, Caller(who): Caller, Id(case): Id<CaseId>) -> Answer {
    tagged(&blocking(&app, move |app| advice::advise(app.house(), who, case, now_ms())).await?)
}

/// 权责清单导入 · lines of the owner matrix and holders of areas
#[utoipa::path(post, path = "/v1/duty", tag = "duty", request_body = DutyRequest,
    responses((status = 200, description = "What came of it.", body = DutySaved)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn save_duty(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    body: Json<DutyRequest, LARGE>,
) -> Answer {
    json(&blocking(&app, move |app| duty::save(app.house(), who, body.value, now_ms())).await?)
}

/// 工作日历 · calendars of the city's own, and by which clocks begin now
#[utoipa::path(get, path = "/v1/calendars", tag = "duty",
    responses((status = 200, description = "The calendars.", body = Calendars, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn list_calendars(State(app): State<Arc<App>>, Caller(_): Caller) -> Answer {
    tagged(&blocking(&app, move |app| Ok(calendars::list(app.house(), now_ms()))).await?)
}

/// 工作日历导入 · saves calendars; clocks that run keep what they were given
#[utoipa::path(put, path = "/v1/calendars", tag = "duty", request_body = CalendarsRequest,
    responses((status = 200, description = "What came of it.", body = CalendarsSaved)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn save_calendars(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    body: Json<CalendarsRequest, SMALL>,
) -> Answer {
    json(&blocking(&app, move |app| calendars::save(app.house(), who, &body.value, now_ms())).await?)
}

/// 责任空白与重叠 · what nobody answers for, and what several do
#[utoipa::path(get, path = "/v1/duty/gaps", tag = "duty",
    responses((status = 200, description = "The map.", body = GapMap, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NO_RIGHTS.code, NOT_FOUND.code]))))]
pub async fn gaps(State(app): State<Arc<App>>, Caller(who): Caller) -> Answer {
    tagged(&blocking(&app, move |app| duty::gaps(app.house(), who, now_ms())).await?)
}

/// 排班 · shifts in the place of those that begin in a span of time
#[utoipa::path(put, path = "/v1/roster", tag = "checks", request_body = RosterRequest,
    responses((status = 200, description = "What came of it.", body = RosterSaved)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn save_roster(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    body: Json<RosterRequest, LARGE>,
) -> Answer {
    let run = move |app: &App| drawing::save_roster(app.house(), who, &body.value, now_ms());
    json(&blocking(&app, run).await?)
}

/// Which shifts.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpanQuery {
    /// From when, milliseconds since 1970.
    from_ms: i64,
    /// Till when.
    to_ms: i64,
}

/// 排班查询 · who is on shift
#[utoipa::path(get, path = "/v1/roster", tag = "checks", params(SpanQuery),
    responses((status = 200, description = "Shifts that touch the span.", body = Items<Shift>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NO_RIGHTS.code]))))]
pub async fn roster(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(SpanQuery { from_ms, to_ms }): Params<SpanQuery>,
) -> Answer {
    let run = move |app: &App| drawing::roster(app.house(), who, from_ms, to_ms, now_ms());
    tagged(&Items { items: blocking(&app, run).await? })
}

/// 抽签记录 · the draws of a day, with the seed when it is over: anybody draws them again
#[utoipa::path(get, path = "/v1/draws/{day}", tag = "checks",
    params(("day" = String, Path, description = "`2026-11-29`, UTC+8.")),
    responses((status = 200, description = "The draws.", body = DayOfDraws, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NO_RIGHTS.code]))))]
pub async fn draws(State(app): State<Arc<App>>, Caller(who): Caller, Id(day): Id<String>) -> Answer {
    tagged(&blocking(&app, move |app| drawing::draws_of(app.house(), who, &day, now_ms())).await?)
}

/// 全市暂停 · orders a pause of the clocks, or moves its end
#[utoipa::path(post, path = "/v1/pauses", tag = "duty", request_body = PauseRequest,
    responses((status = 200, description = "As it stands now.", body = PauseView)),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn order_pause(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    body: Json<PauseRequest, SMALL>,
) -> Answer {
    json(&blocking(&app, move |app| pauses::order(app.house(), who, &body.value, now_ms())).await?)
}

/// 暂停列表 · pauses in force, to come, and of the last month
#[utoipa::path(get, path = "/v1/pauses", tag = "duty",
    responses((status = 200, description = "The pauses.", body = Items<PauseView>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))))]
pub async fn list_pauses(State(app): State<Arc<App>>, Caller(_): Caller) -> Answer {
    tagged(&Items { items: blocking(&app, move |app| pauses::list(app.house(), now_ms())).await? })
}

/// Where a page begins.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AfterQuery {
    /// Rows after this number; from the first when nothing is said.
    #[serde(default)]
    after: i64,
}

/// 责任台账 · every move of a case between units, chained by hashes
#[utoipa::path(get, path = "/v1/ledger", tag = "duty", params(AfterQuery),
    responses((status = 200, description = "A page.", body = LedgerPage, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NO_RIGHTS.code]))))]
pub async fn ledger_page(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(AfterQuery { after }): Params<AfterQuery>,
) -> Answer {
    tagged(&blocking(&app, move |app| ledger::page(app.house(), who, after, now_ms())).await?)
}

/// 推诿分析 · what the ledger says of units and of the dispatch desk, and whether it is whole
#[utoipa::path(get, path = "/v1/ledger/sum", tag = "duty",
    responses((status = 200, description = "The sums.", body = LedgerReport, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NO_RIGHTS.code]))))]
pub async fn ledger_sum(State(app): State<Arc<App>>, Caller(who): Caller) -> Answer {
    tagged(&blocking(&app, move |app| ledger::report_for(app.house(), who, now_ms())).await?)
}
