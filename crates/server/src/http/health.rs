//! `/livez`, `/readyz`, `/version`: for whoever watches the server.

use crate::error::Answer;
use crate::http::{blocking, json};
use crate::service::health;
use crate::state::App;
use crate::telemetry;
use axum::extract::State;
use blindspot_core::error::{BUSY, NO_SPACE};
use std::sync::Arc;

/// 进程在运行 · the process answers
#[utoipa::path(get, path = "/livez", tag = "server",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")))]
pub async fn live() -> &'static str {
    "ok\n"
}

/// 数据库可用 · the database answers and the disk takes writes; a second line warns of a disk that fills up
#[utoipa::path(get, path = "/readyz", tag = "server",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!([BUSY.code, NO_SPACE.code]))))]
pub async fn ready(State(app): State<Arc<App>>) -> Answer<String> {
    blocking(&app, |app| health::check(app.house(), &app.data)).await?;
    let low = low_space_mb(&app).map(|mb| format!("low_space: {mb} MB free\n"));
    Ok(format!("ok\n{}", low.unwrap_or_default()))
}

/// Free space, MB, when it is below what the operator wants to hear of.
#[must_use]
pub fn low_space_mb(app: &App) -> Option<u64> {
    let mb = u64::try_from(telemetry::free_bytes(&app.data)?).ok()? / 1_000_000;
    (mb < app.space_warn_mb).then_some(mb)
}

/// Which program this is.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct Version {
    /// `blindspot`.
    name: &'static str,
    /// Of the program.
    version: &'static str,
    /// Of the frames: what the header `Blindspot-Protocol` says.
    protocol: &'static str,
    /// Newest schema of ops that it takes.
    op_schema: u32,
    /// Schema of the rows that it gives.
    row_schema: u32,
}

/// 程序版本 · which program this is
#[utoipa::path(get, path = "/version", tag = "server",
    responses((status = 200, description = "Name and versions.", body = Version)))]
pub async fn version() -> Answer {
    json(&Version {
        name: "blindspot",
        version: env!("CARGO_PKG_VERSION"),
        protocol: blindspot_core::limits::PROTOCOL,
        op_schema: blindspot_core::limits::OP_SCHEMA,
        row_schema: blindspot_core::limits::ROW_SCHEMA,
    })
}
