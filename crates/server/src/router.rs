//! Which address leads where.

use crate::http::{cases, devices, events, health, outer, people, photos, reference, sessions, setup, sync};
use crate::state::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, head, options, post};
use std::sync::Arc;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};

/// All routes over the shared state.
pub fn router(app: Arc<App>) -> Router {
    // Pictures do not get smaller, and an event must not wait in a compressor.
    let worth = SizeAbove::new(512)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/octet-stream"));
    Router::new()
        .merge(phones())
        .merge(desks())
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/version", get(health::version))
        .route("/setup", get(setup::page))
        .route("/v1/setup", post(setup::run))
        .fallback(outer::not_found)
        .method_not_allowed_fallback(outer::method_not_allowed)
        // Every handler has its own limit, in bytes unpacked.
        .layer(DefaultBodyLimit::disable())
        .layer(CompressionLayer::new().compress_when(worth))
        .layer(axum::middleware::from_fn_with_state(app.clone(), outer::layer))
        .with_state(app)
}

fn phones() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/devices/enrol", post(devices::enrol))
        .route("/v1/token/refresh", post(devices::refresh))
        .route("/v1/sync/push", post(sync::push))
        .route("/v1/sync/pull", post(sync::pull))
        .route("/v1/events", get(events::events))
        .route("/v1/photos", options(photos::options).post(photos::create))
        .route(
            "/v1/photos/{id}",
            head(photos::head).patch(photos::patch).delete(photos::terminate).options(photos::options),
        )
        .route("/v1/photos/{id}/{form}", get(photos::download))
        .route("/v1/me", get(sessions::me))
}

fn desks() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/sessions", post(sessions::sign_in).delete(sessions::sign_out).get(sessions::me))
        .route("/v1/cases", get(cases::list))
        .route("/v1/cases/{id}", get(cases::detail))
        .route("/v1/cases/{id}/timeline", get(cases::timeline))
        .route("/v1/cases/{id}/ops", post(cases::act))
        .route("/v1/looks", get(reference::looks))
        .route("/v1/reference/{kind}", get(reference::list))
        .route("/v1/people", get(people::list).post(people::create))
        .route("/v1/people/{id}", axum::routing::patch(people::change))
        .route("/v1/people/{id}/grants", post(people::grant))
        .route("/v1/people/{id}/enrol-codes", post(people::enrol_code))
        .route("/v1/grants/{id}", delete(people::end_grant))
        .route("/v1/devices", get(devices::list))
        .route("/v1/devices/{id}/revoke", post(devices::revoke))
        .route("/v1/audit", get(people::audit))
}
