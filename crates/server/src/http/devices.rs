//! `POST /v1/devices/enrol`, `POST /v1/token/refresh`, and the administrator's list of phones.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id};
use crate::http::{blocking, json, now_ms};
use crate::service::people;
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::DeviceId;
use blindspot_core::wire::account::{EnrolRequest, RefreshRequest};
use std::sync::Arc;

const SMALL: usize = 16 * 1024;

/// Enrols a phone.
pub async fn enrol(State(app): State<Arc<App>>, body: Json<EnrolRequest, SMALL>) -> Answer {
    let run = move |app: &App| app.gate.enrol(app.house(), &body.value, body.received_ms);
    json(&blocking(&app, run).await?)
}

/// Exchanges a refresh token.
pub async fn refresh(State(app): State<Arc<App>>, body: Json<RefreshRequest, SMALL>) -> Answer {
    let run = move |app: &App| app.gate.refresh(app.house(), &body.value, body.received_ms);
    json(&blocking(&app, run).await?)
}

/// All phones, for administrators.
pub async fn list(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        people::list_devices(app.house())
    };
    json(&serde_json::json!({ "items": blocking(&app, run).await? }))
}

/// Revokes a phone.
pub async fn revoke(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(device): Id<DeviceId>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let actor = people::require_administrator(app.house(), credential, now_ms())?;
        people::revoke_device(app.house(), actor, device, now_ms())
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}
