//! `/v1/reference/{catalogue,divisions,grids}` and `/v1/looks`.

use crate::error::Answer;
use crate::http::caller::{Caller, Id};
use crate::http::{blocking, json, now_ms};
use crate::service::{listing, looks};
use crate::state::App;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
}

/// Reference data of a kind.
pub async fn list(State(app): State<Arc<App>>, Caller(_): Caller, Id(word): Id<String>) -> Answer {
    let items = blocking(&app, move |app| listing::list(app.house(), &word)).await?;
    json(&Items { items })
}

/// When somebody was last in each duty grid.
pub async fn looks(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let items = blocking(&app, move |app| looks::grids(app.house(), credential, now_ms())).await?;
    json(&Items { items })
}
