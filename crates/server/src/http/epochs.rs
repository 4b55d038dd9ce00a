//! What follows a new epoch: `POST /v1/photos/lacking` for phones, `GET /v1/after-restore` for desks.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Params};
use crate::http::{blocking, json, now_ms, tagged};
use crate::service::after_restore::{self, AfterRestore};
use crate::service::offered;
use crate::service::page::{Page, PageQuery};
use crate::state::App;
use axum::extract::State;
use blindspot_core::error::{BAD_CURSOR, TOO_MANY_FORMS};
use blindspot_core::wire::v1::{LackingReply, OfferRequest};
use std::sync::Arc;

const OFFER_BYTES_MAX: usize = 128 * 1024;

/// 缺哪些照片 · which of these photos the server lacks
///
/// For a phone that has learnt of a new epoch: one question for up to 500 forms that it was told are stored. Only the
/// caller's own uploads count; bytes that another person brought are answered as lacking, like bytes that nobody did.
#[utoipa::path(post, path = "/v1/photos/lacking", tag = "photos", request_body = OfferRequest,
    responses((status = 200, description = "What to upload again.", body = LackingReply)),
    extensions(("x-problems" = json!([TOO_MANY_FORMS.code]))))]
pub async fn lacking(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    body: Json<OfferRequest, OFFER_BYTES_MAX>,
) -> Answer {
    let run = move |app: &App| offered::lacking(app.house(), app.depot(), credential, &body.value);
    json(&blocking(&app, run).await?)
}

/// 恢复后不再适用的操作 · ops that ended otherwise after a restore
///
/// Ops that phones offered again after the server had lost its past, and whose verdict now differs from the one they
/// were told before. `former` is the phone's word. An administrator and a supervisor of the city see all, other
/// supervisors those of their cases.
#[utoipa::path(get, path = "/v1/after-restore", tag = "cases", params(PageQuery),
    responses((status = 200, description = "A page, oldest first.", body = Page<AfterRestore>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn after_restore(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| after_restore::list(app.house(), credential, &query, now_ms());
    tagged(&blocking(&app, run).await?)
}
