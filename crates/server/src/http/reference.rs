//! `/v1/reference/{catalogue,divisions,grids}` and `/v1/looks`.

use crate::error::Answer;
use crate::http::caller::{Caller, Id, Params};
use crate::http::{blocking, now_ms, tagged};
use crate::service::page::{Page, PageQuery};
use crate::service::{listing, looks};
use crate::state::App;
use axum::extract::State;
use blindspot_core::error::BAD_CURSOR;
use blindspot_core::wire::v1::GridFreshness;
use std::sync::Arc;

/// 基础数据 · reference data of a kind
#[utoipa::path(get, path = "/v1/reference/{kind}", tag = "reference",
    params(("kind" = String, Path, description = "`catalogue`, `divisions` or `grids`."), PageQuery),
    responses((status = 200, description = "A page of the rows of that kind, in order of id.", body = Page<Object>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Id(word): Id<String>,
    Params(query): Params<PageQuery>,
) -> Answer {
    tagged(&blocking(&app, move |app| listing::list(app.house(), &word, &query)).await?)
}

/// 巡查新鲜度 · when somebody was last in each duty grid
#[utoipa::path(get, path = "/v1/looks", tag = "reference", params(PageQuery),
    responses((status = 200, description = "A page of the grids of the caller's scope.", body = Page<GridFreshness>, headers(("ETag" = String, description = "Names this very answer; see `If-None-Match`.")))),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn looks(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<PageQuery>,
) -> Answer {
    let run = move |app: &App| looks::grids(app.house(), credential, &query, now_ms());
    tagged(&blocking(&app, run).await?)
}
