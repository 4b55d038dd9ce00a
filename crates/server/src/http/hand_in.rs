//! `POST /v1/sync/hand-in`: an exported file of unsent work, from whoever carries it.

use crate::error::{Answer, Fault};
use crate::http::body::{PIECES, Pieces, pour};
use crate::http::caller::Caller;
use crate::http::standing::Standing;
use crate::http::{json, now_ms};
use crate::service::hand_in::Intake;
use crate::state::App;
use axum::extract::{Request, State};
use axum::http::header;
use blindspot_core::error::{
    BODY_TOO_LARGE, BUSY, HAND_IN_DAMAGED, INTERNAL, NO_SPACE, UNSUPPORTED_MEDIA_TYPE, UPLOAD_QUOTA,
};
use blindspot_core::limits::HAND_IN_FILE_BYTES_MAX;
use blindspot_core::wire::hand_in::{HAND_IN_TYPE, HandInReply};
use std::sync::Arc;
use tokio::sync::mpsc::channel;

/// 交件 · takes in a file of unsent work that a phone exported, whoever carries it; twice does no harm
///
/// Author and device are the signature's, the carrier is only recorded. Each op and photo is stored as it passes: after
/// a cut the same file is sent again.
#[utoipa::path(post, path = "/v1/sync/hand-in", tag = "sync",
    request_body(content = String, content_type = "application/vnd.blindspot.hand-in", description = "The file: a tar archive, see docs/protocol.md."),
    responses((status = 200, description = "What became of it.", body = HandInReply)),
    extensions(("x-problems" = json!([HAND_IN_DAMAGED.code, UNSUPPORTED_MEDIA_TYPE.code, BODY_TOO_LARGE.code, BUSY.code,
        NO_SPACE.code, UPLOAD_QUOTA.code]))))]
pub async fn hand_in(
    State(app): State<Arc<App>>,
    Caller(carrier): Caller,
    standing: Standing,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let text = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    if text(header::CONTENT_TYPE).split(';').next().map(str::trim) != Some(HAND_IN_TYPE) {
        return Err(Fault::of(&UNSUPPORTED_MEDIA_TYPE, Some(HAND_IN_TYPE.to_owned())));
    }
    if text(header::CONTENT_LENGTH).parse::<u64>().is_ok_and(|n| n > HAND_IN_FILE_BYTES_MAX) {
        return Err(Fault::of(&BODY_TOO_LARGE, Some(format!("at most {HAND_IN_FILE_BYTES_MAX} bytes"))));
    }
    let turn = app.hand_ins.turn(app.house()).await?;
    let (send, receive) = channel(PIECES);
    let shared = app.clone();
    // On its own thread to the end: what came before a cut is kept even when the handler is dropped.
    let taking = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let intake = Intake {
            house: shared.house(),
            depot: shared.depot(),
            submit: &|job| shared.writer.submit(job),
            room: &|| shared.reserve.check(now_ms()),
            now_ms: now_ms(),
        };
        intake.take(carrier, Pieces::new(receive, HAND_IN_FILE_BYTES_MAX))
    });
    let refused = pour(&app, body, standing, send).await;
    let taken = taking.await;
    if let Some(fault) = refused {
        return Err(fault);
    }
    json(&taken.map_err(|_| Fault::of(&INTERNAL, None))??)
}
