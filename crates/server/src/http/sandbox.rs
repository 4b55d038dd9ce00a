//! `POST /v1/sandbox/reset`: a sandbox is as it was made. Anywhere else there is no such address.

use crate::error::{Answer, Fault};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::error::NOT_FOUND;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The server stops taking connections meanwhile; those that come then wait for the city to be back.
const UNTIL_THE_DOOR_IS_SHUT: Duration = Duration::from_millis(100);

/// 沙盒复原 · puts the sandbox back: city, people and codes as they were made, nothing else
///
/// Only of a server started with `serve --sandbox`. The next request waits until it is done; phones enrolled before
/// are unknown afterwards and begin anew, with an empty replica.
#[utoipa::path(post, path = "/v1/sandbox/reset", tag = "server",
    responses((status = 202, description = "It is being put back.")),
    extensions(("x-problems" = json!([NOT_FOUND.code]))))]
pub async fn reset(State(app): State<Arc<App>>) -> Answer<StatusCode> {
    if !app.sandbox {
        return Err(Fault::of(&NOT_FOUND, None));
    }
    app.put_back.store(true, Ordering::SeqCst);
    app.stopping.send_replace(true);
    tokio::time::sleep(UNTIL_THE_DOOR_IS_SHUT).await;
    Ok(StatusCode::ACCEPTED)
}
