//! `/v1/orphans`: whose work it is that nobody can tell, and an administrator's word on it.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params, Two};
use crate::http::quarantine::entry_of;
use crate::http::{blocking, json, now_ms, tagged};
use crate::service::orphans::{self, OpHome, Orphan, PhotoHome};
use crate::service::page::{Page, PageQuery};
use crate::service::people;
use crate::state::App;
use axum::extract::State;
use blindspot_core::error::{BAD_CURSOR, CONFLICT};
use blindspot_core::id::Sha256;
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{OpId, PhotoId};
use std::sync::Arc;

const SMALL: usize = 16 * 1024;

/// 归属待定 · ops of which nobody knows whose they are, and photos whose op never came
///
/// Ops first, one cause after the other, then photos. A page with few items, or none, may be followed by more: go on
/// while there is a `next`.
#[utoipa::path(get, path = "/v1/orphans", tag = "orphans", params(PageQuery),
    responses((status = 200, description = "A page.", body = Page<Orphan>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        orphans::page(app.house(), &query, now_ms())
    };
    tagged(&blocking(&app, run).await?)
}

/// 认定操作归属 · says whose an op is, and decides it
#[utoipa::path(post, path = "/v1/orphans/ops/{op_id}/{hash}", tag = "orphans", request_body = OpHome,
    params(("op_id" = OpId, Path, description = "The op."), ("hash" = Sha256, Path, description = "Of its bytes.")),
    responses((status = 200, description = "The verdict now.", body = VerdictEntry)),
    extensions(("x-problems" = json!([CONFLICT.code]))))]
pub async fn adopt_op(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    at: Two,
    body: Json<OpHome, SMALL>,
) -> Answer {
    let entry = entry_of(&at)?;
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, body.received_ms)?;
        orphans::adopt_op(app.house(), credential, entry, body.value, body.received_ms)
    };
    json(&blocking(&app, run).await?)
}

/// 认定照片归属 · puts a photo whose op never came on a case
#[utoipa::path(post, path = "/v1/orphans/photos/{id}", tag = "orphans", request_body = PhotoHome,
    params(("id" = PhotoId, Path, description = "The photo.")),
    responses((status = 200, description = "The verdict of the op that was made.", body = VerdictEntry)),
    extensions(("x-problems" = json!([CONFLICT.code]))))]
pub async fn adopt_photo(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(photo): Id<PhotoId>,
    body: Json<PhotoHome, SMALL>,
) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, body.received_ms)?;
        orphans::adopt_photo(app.house(), credential, photo, body.value, body.received_ms)
    };
    json(&blocking(&app, run).await?)
}
