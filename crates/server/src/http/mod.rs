//! The axum shell: a file an endpoint; decides nothing.

pub mod body;
pub mod caller;
pub mod cases;
pub mod desk;
pub mod devices;
pub mod docs;
pub mod epochs;
pub mod events;
pub mod hand_in;
pub mod health;
pub mod hotline;
pub mod install;
pub mod letters;
pub mod life;
pub mod metrics;
pub mod notices;
pub mod once;
pub mod orphans;
pub mod outer;
pub mod outside;
mod pack;
pub mod people;
pub mod photos;
pub mod places;
pub mod pulls;
pub mod quarantine;
pub mod reference;
pub mod sandbox;
pub mod sessions;
pub mod setup;
pub mod sheets_in;
pub mod sheets_out;
pub mod standing;
pub mod start;
pub mod sync;
pub mod tag;
pub mod turns;
pub mod work_links;
pub mod work_page;

use crate::error::{Answer, Fault};
use crate::service::{ServiceError, WriteJob};
use crate::state::App;
use blindspot_core::error::{BUSY, INTERNAL};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Server time, milliseconds since 1970: the one clock that counts.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Runs a use-case on a thread that may block. It runs to its end even when the caller goes away.
///
/// # Errors
/// The use-case's; `INTERNAL` when it panics.
pub(crate) async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    f: impl FnOnce(&App) -> Result<T, ServiceError> + Send + 'static,
) -> Answer<T> {
    let app = app.clone();
    match tokio::task::spawn_blocking(move || f(&app)).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Fault::of(&INTERNAL, None)),
    }
}

/// As `blocking`, for what only reads: no more threads than there are connections to read by, so that two
/// hundred phones at once do not wake two hundred threads to wait for four.
///
/// # Errors
/// As `blocking`.
pub(crate) async fn reading<T: Send + 'static>(
    app: &Arc<App>,
    f: impl FnOnce(&App) -> Result<T, ServiceError> + Send + 'static,
) -> Answer<T> {
    let turn = app.reads.clone().acquire_owned().await.map_err(|_| Fault::of(&BUSY, None))?;
    blocking(app, move |app| {
        let _turn = turn;
        f(app)
    })
    .await
}

/// As `blocking`, for work with a password: few at once, since each takes 19 MiB and a core for a while.
///
/// # Errors
/// As `blocking`; `BUSY` when too many wait for their turn.
pub(crate) async fn with_password<T: Send + 'static>(
    app: &Arc<App>,
    f: impl FnOnce(&App) -> Result<T, ServiceError> + Send + 'static,
) -> Answer<T> {
    let turn = app.logins.turn(app.house()).await?;
    blocking(app, move |app| {
        let _turn = turn;
        f(app)
    })
    .await
}

/// Hands a job to the writer and waits for its durable commit. The job runs to its end even when the
/// caller goes away.
///
/// # Errors
/// `BUSY` when the queue is full; the job's own.
pub(crate) async fn written<T: Send + 'static>(
    app: &Arc<App>,
    make: impl FnOnce(crate::service::Done<T>) -> WriteJob,
) -> Answer<T> {
    match handed(app, make)?.await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Fault::of(&BUSY, None)),
    }
}

/// As `written`, and gives what to wait for: many jobs may be handed over before one is waited for.
///
/// # Errors
/// `BUSY` when the queue is full.
pub(crate) fn handed<T: Send + 'static>(
    app: &Arc<App>,
    make: impl FnOnce(crate::service::Done<T>) -> WriteJob,
) -> Answer<tokio::sync::oneshot::Receiver<Result<T, ServiceError>>> {
    let (send, receive) = tokio::sync::oneshot::channel();
    let job = make(Box::new(move |result| {
        // Nobody waiting any more is no error: what was done stays done.
        let _ = send.send(result);
    }));
    app.writer.submit(job)?;
    Ok(receive)
}

/// A list that is short by nature.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Items<T> {
    /// What there is.
    pub items: Vec<T>,
}

/// A JSON answer with a tag: who holds it already is told so in its place (`outer`).
pub(crate) fn tagged<T: serde::Serialize>(value: &T) -> Answer {
    use axum::http::header;
    let bytes = serde_json::to_vec(value).map_err(ServiceError::from)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::ETAG, tag::of(&bytes)),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::VARY, "authorization, cookie".to_owned()),
    ];
    Ok(axum::response::IntoResponse::into_response((headers, bytes)))
}

/// A JSON answer.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Answer {
    let bytes = serde_json::to_vec(value).map_err(ServiceError::from)?;
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    Ok(axum::response::IntoResponse::into_response((headers, bytes)))
}
