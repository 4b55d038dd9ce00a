//! `/livez`, `/readyz`, `/version`: for whoever watches the server.

use crate::error::Answer;
use crate::http::{blocking, json};
use crate::service::health;
use crate::state::App;
use axum::extract::State;
use std::sync::Arc;

/// The process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The database answers.
pub async fn ready(State(app): State<Arc<App>>) -> Answer<&'static str> {
    blocking(&app, |app| health::check(app.house())).await?;
    Ok("ok\n")
}

/// Which program this is.
pub async fn version() -> Answer {
    json(&serde_json::json!({
        "name": "blindspot",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": blindspot_core::limits::PROTOCOL,
        "op_schema": blindspot_core::limits::OP_SCHEMA,
        "row_schema": blindspot_core::limits::ROW_SCHEMA,
    }))
}
