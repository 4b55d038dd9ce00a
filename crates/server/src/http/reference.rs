//! `/v1/reference/{catalogue,divisions,grids}` and `/v1/looks`.

use crate::error::Answer;
use crate::http::caller::{Caller, Id};
use crate::http::{Items, blocking, json, now_ms};
use crate::service::{listing, looks};
use crate::state::App;
use axum::extract::State;
use blindspot_core::wire::v1::GridFreshness;
use std::sync::Arc;

/// 基础数据 · reference data of a kind
#[utoipa::path(get, path = "/v1/reference/{kind}", tag = "reference",
    params(("kind" = String, Path, description = "`catalogue`, `divisions` or `grids`.")),
    responses((status = 200, description = "Rows of that kind, in order of id.", body = Items<Object>)))]
pub async fn list(State(app): State<Arc<App>>, Caller(_): Caller, Id(word): Id<String>) -> Answer {
    let items = blocking(&app, move |app| listing::list(app.house(), &word)).await?;
    json(&Items { items })
}

/// 巡查新鲜度 · when somebody was last in each duty grid
#[utoipa::path(get, path = "/v1/looks", tag = "reference",
    responses((status = 200, description = "Grids of the caller's scope.", body = Items<GridFreshness>)))]
pub async fn looks(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let items = blocking(&app, move |app| looks::grids(app.house(), credential, now_ms())).await?;
    json(&Items { items })
}
