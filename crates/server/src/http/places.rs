//! Places over time: freshness, what is long unseen, clusters, a site's page, a linked leader's places; the sample of what was fixed
//! on the spot; and a worker's own month.

use crate::error::{Answer, Fault};
use crate::http::caller::{Caller, Id, Params};
use crate::http::sheets_out::made;
use crate::http::standing::Standing;
use crate::http::{blocking, now_ms, tagged};
use crate::service::clusters::{self, ClusterList, ClusterQuery};
use crate::service::freshness::{self, FreshnessQuery, GridLooked, Unseen, UnseenQuery};
use crate::service::linked::{self, LinkedPlaces, LinkedQuery};
use crate::service::month::{self, Month, MonthQuery};
use crate::service::page::{Page, PageQuery};
use crate::service::sheets::cases_out::Format;
use crate::service::sheets::month_out::month_file;
use crate::service::site_history::{self, SiteHistory};
use crate::service::spot_checks::{self, DayOfSamples};
use crate::state::App;
use axum::extract::State;
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST, BUSY, NO_RIGHTS, NOT_FOUND, SHEET_TOO_LARGE};
use serde::Deserialize;
use std::sync::Arc;

/// 巡查新鲜度 · duty grids of the caller's scope: last looks, and by how many days and people they were looked at
///
/// Days and people are counted, never named; no list ranks people. A page has at most as many grids as asked for.
#[utoipa::path(get, path = "/v1/freshness", tag = "places", params(FreshnessQuery, PageQuery),
    responses((status = 200, description = "A page.", body = Page<GridLooked>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code, BAD_REQUEST.code]))))]
pub async fn freshness(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<FreshnessQuery>,
    Params(page): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| freshness::grids(app.house(), Some(who), &query, &page, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 久未巡查 · duty grids and sites of the caller's scope that nobody was at for so many days, longest first
#[utoipa::path(get, path = "/v1/freshness/unseen", tag = "places", params(UnseenQuery),
    responses((status = 200, description = "The places.", body = Unseen, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code]))))]
pub async fn unseen(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<UnseenQuery>,
) -> Answer {
    let run = move |app: &App| freshness::unseen(app.house(), Some(who), query.days, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// Which day.
#[derive(Deserialize, Default, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct DayQuery {
    /// `2026-11-29`, UTC+8; today when left out.
    day: Option<String>,
}

/// 自行处置抽查 · the sample of what was fixed on the spot, 5 of a hundred, that the desk looks at
///
/// What it finds is the op `spot_check` on the case. See decision 0024.
#[utoipa::path(get, path = "/v1/self-fixed", tag = "checks", params(DayQuery),
    responses((status = 200, description = "The sample of a day.", body = DayOfSamples, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn self_fixed(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<DayQuery>,
) -> Answer {
    let run = move |app: &App| spot_checks::samples(app.house(), Some(who), query.day.as_deref(), now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 点位聚合 · places of the caller's scope at which the same was found again, those with most relapses first
#[utoipa::path(get, path = "/v1/clusters", tag = "places", params(ClusterQuery),
    responses((status = 200, description = "The places.", body = ClusterList, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, SHEET_TOO_LARGE.code]))))]
pub async fn clusters(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<ClusterQuery>,
) -> Answer {
    let run = move |app: &App| clusters::list(app.house(), Some(who), &query, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 点位档案 · a site of the register: its cases, looks and relapses, and who answered for it when
#[utoipa::path(get, path = "/v1/sites/{id}/history", tag = "places",
    params(("id" = String, Path, description = "The city's own number of the site.")),
    responses((status = 200, description = "The page.", body = SiteHistory, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([NOT_FOUND.code]))))]
pub async fn site_history(State(app): State<Arc<App>>, Caller(who): Caller, Id(site): Id<String>) -> Answer {
    let run = move |app: &App| site_history::history(app.house(), who, &site, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 我挂钩的地方 · towns and communities linked to the caller: open, overdue, come back, long unseen
#[utoipa::path(get, path = "/v1/me/places", tag = "places", params(LinkedQuery),
    responses((status = 200, description = "The places.", body = LinkedPlaces, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, NO_RIGHTS.code]))))]
pub async fn linked(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<LinkedQuery>,
) -> Answer {
    let run = move |app: &App| linked::places(app.house(), who, query.days, now_ms());
    tagged(&blocking(&app, run).await?)
}

/// 我的月报 · the caller's own month: what he reported and what became of it
///
/// Answers for the caller alone: nothing names another person.
#[utoipa::path(get, path = "/v1/me/month", tag = "account", params(MonthQuery),
    responses((status = 200, description = "The month.", body = Month, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code]))))]
pub async fn own_month(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(query): Params<MonthQuery>,
) -> Answer {
    let run = move |app: &App| month::own(app.house(), who, query.month.as_deref(), now_ms());
    tagged(&blocking(&app, run).await?)
}

/// As what.
#[derive(Deserialize, Default, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct FormatQuery {
    /// `xlsx` (when left out) or `csv`.
    format: Option<String>,
}

/// 导出我的月报 · the caller's own month as XLSX or CSV
#[utoipa::path(get, path = "/v1/me/month/file", tag = "account", params(MonthQuery, FormatQuery),
    responses((status = 200, description = "The file.", body = String,
        content(("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), ("text/csv")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, BUSY.code]))))]
pub async fn own_month_file(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    standing: Standing,
    Params(query): Params<MonthQuery>,
    Params(also): Params<FormatQuery>,
) -> Answer {
    let format = also.format.as_deref().map_or(Some(Format::Xlsx), Format::parse);
    let format = format.ok_or_else(|| Fault::of(&BAD_REQUEST, Some("format: xlsx, csv".into())))?;
    made(&app, standing, move |app| {
        month_file(app.house(), who, query.month.as_deref(), format, &app.data, now_ms())
    })
    .await
}
