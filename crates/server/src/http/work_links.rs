//! `/v1/cases/{id}/work-links`: making, listing and revoking work links.

use crate::error::{Answer, Fault};
use crate::http::caller::{Caller, Id, Two};
use crate::http::once::{Once, created};
use crate::http::{Items, blocking, json, now_ms};
use crate::service::once;
use crate::service::work_links::{self, LinkView, NewWorkLink};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::CaseId;
use blindspot_core::error::{CONFLICT, KEY_REUSED, NOT_FOUND};
use blindspot_core::id::LinkId;
use std::sync::Arc;

/// 处置链接 · the work links of a case, for the unit that leads
#[utoipa::path(get, path = "/v1/cases/{id}/work-links", tag = "cases",
    params(("id" = CaseId, Path, description = "The case.")),
    responses((status = 200, description = "All of them.", body = Items<LinkView>)))]
pub async fn list_links(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
) -> Answer {
    let run = move |app: &App| work_links::list(app.house(), credential, case, now_ms());
    json(&Items { items: blocking(&app, run).await? })
}

/// 生成处置链接 · makes a link for one case: opens without account or install, ends 3 days after the deadline
///
/// For a clerk of the unit that leads. What is said by it is said in that clerk's name. The address is answered once.
#[utoipa::path(post, path = "/v1/cases/{id}/work-links", tag = "cases",
    params(("id" = CaseId, Path, description = "The case."),
        ("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The link and its address.", body = NewWorkLink)),
    extensions(("x-problems" = json!([CONFLICT.code, KEY_REUSED.code, blindspot_core::error::BAD_REQUEST.code]))))]
pub async fn make_link(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(case): Id<CaseId>,
    once: Once,
) -> Answer {
    let key = once.with(None);
    let run = move |app: &App| {
        let now_ms = now_ms();
        once::once(app.house(), credential, key.as_ref(), true, now_ms, || {
            work_links::make(app.house(), credential, case, &app.base_url, now_ms)
        })
    };
    created(blocking(&app, run).await?)
}

/// 作废处置链接 · ends a link at once
#[utoipa::path(delete, path = "/v1/cases/{id}/work-links/{link}", tag = "cases",
    params(("id" = CaseId, Path, description = "The case."), ("link" = LinkId, Path, description = "The link.")),
    responses((status = 204, description = "It is over.")))]
pub async fn revoke_link(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Two(case, link): Two,
) -> Answer<StatusCode> {
    let missing = || Fault::of(&NOT_FOUND, None);
    let (case, link) = (case.parse().map_err(|_| missing())?, link.parse().map_err(|_| missing())?);
    blocking(&app, move |app| work_links::revoke(app.house(), credential, case, link, now_ms())).await?;
    Ok(StatusCode::NO_CONTENT)
}
