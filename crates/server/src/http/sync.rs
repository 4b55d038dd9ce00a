//! `POST /v1/sync/push` and `POST /v1/sync/pull`.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::Caller;
use crate::http::pack::{Packed, Packing};
use crate::http::standing::Standing;
use crate::http::{blocking, json, pulls, written};
use crate::service::ingest::ReadPush;
use crate::service::pull::{self, Answered, Ask};
use crate::service::{ServiceError, WriteJob};
use crate::state::App;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use blindspot_core::error::{BAD_CURSOR, HAND_IN_OVER, HAND_IN_QUOTA, TOO_MANY_OPS, UPGRADE_REQUIRED};
use blindspot_core::feed::Feed;
use blindspot_core::limits::{PULL_WAIT_S_MAX, PUSH_BYTES_MAX};
use blindspot_core::wire::v1::{Hint, PullReply, PullRequest, PushReply, PushRequest};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;

const PULL_BYTES_MAX: usize = 256 * 1024;
/// So many ops are read faster than another thread is woken.
const READ_INLINE: usize = 25;
/// Bytes of rows, likewise.
const PACK_INLINE: usize = 32 * 1024;

/// 上传操作 · takes ops; answers each one's verdict after the durable commit
///
/// 200 means that every op is durable; `verdicts` says what became of each, in order. Sending again does no harm.
#[utoipa::path(post, path = "/v1/sync/push", tag = "sync", request_body = PushRequest,
    responses((status = 200, description = "One verdict an op.", body = PushReply)),
    extensions(("x-problems" = json!([TOO_MANY_OPS.code, HAND_IN_OVER.code, HAND_IN_QUOTA.code]))))]
pub async fn push(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    standing: Standing,
    body: Json<PushRequest, PUSH_BYTES_MAX>,
) -> Answer {
    let Json { value, received_ms, held, .. } = body;
    app.seen.note(credential.device, None, received_ms);
    let push = if value.ops.len() <= READ_INLINE {
        ReadPush::of(value)?
    } else {
        blocking(&app, |_| ReadPush::of(value)).await?
    };
    let push = if standing.hands_in() { push.handed_in() } else { push };
    let reply = written(&app, |done| WriteJob::Push {
        credential,
        push,
        received_ms,
        // The memory is free again when the writer is done, whether or not the phone still waits.
        done: Box::new(move |result| {
            drop(held);
            done(result);
        }),
    })
    .await?;
    json(&reply)
}

/// 拉取 · gives a page of rows; waits for news when asked to and there is none
#[utoipa::path(post, path = "/v1/sync/pull", tag = "sync", request_body = PullRequest,
    responses((status = 200, description = "A page.", body = PullReply)),
    extensions(("x-problems" = json!([BAD_CURSOR.code, UPGRADE_REQUIRED.code]))))]
pub async fn pull(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    standing: Standing,
    headers: HeaderMap,
    body: Json<PullRequest, PULL_BYTES_MAX>,
) -> Answer<Response> {
    let packing = Packing::of(&headers);
    let request = body.value;
    drop(body.held);
    if !credential.desk {
        app.seen.note(credential.device, request.client.as_ref(), body.received_ms);
    }
    let ask = Arc::new(Ask::read(app.house(), credential, &request)?);
    let mut rights = standing.changes();
    let mut lost = std::pin::pin!(standing.lost(app.clone()));
    let until = Instant::now() + Duration::from_secs(u64::from(request.wait.min(PULL_WAIT_S_MAX)));
    // Listening begins before the first read: what commits in between is not missed.
    let mut listener = app.hints.listen();
    let mut stopping = app.stopping.subscribe();
    loop {
        let last = Instant::now() >= until || *stopping.borrow();
        let Answered { reply, feeds } = pulls::answered(&app, &ask).await?;
        if last || pull::is_news(&reply) {
            return Ok(packed(&app, reply, packing).await?.into_response());
        }
        tokio::select! {
            () = moved(&mut listener, &feeds) => {}
            () = tokio::time::sleep_until(until) => {}
            fault = &mut lost => return Err(fault),
            // A grant may have been given or ended beside this server: the page is read by what holds now.
            Ok(()) = rights.changed() => {}
            _ = stopping.changed() => {}
        }
    }
}

/// A page written and packed. A small one is so faster than another thread is woken.
async fn packed(app: &Arc<App>, reply: PullReply, packing: Packing) -> Answer<Packed> {
    let bytes: usize = reply.rows.iter().map(|row| row.body.get().len()).sum();
    if bytes <= PACK_INLINE {
        return Ok(Packed::json(&reply, packing).map_err(ServiceError::from)?);
    }
    blocking(app, move |_| Ok(Packed::json(&reply, packing)?)).await
}

/// Returns when one of the feeds has moved, or may have.
async fn moved(listener: &mut Receiver<Arc<[Hint]>>, feeds: &BTreeSet<Feed>) {
    loop {
        match listener.recv().await {
            Ok(hints) if hints.iter().any(|h| feeds.contains(&h.feed)) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // The sender lives as long as the server; without it there is nothing to wait for.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Hints of the caller's feeds, for a stream of them.
pub(crate) fn hints_for<'h>(hints: &'h [Hint], feeds: &BTreeSet<Feed>) -> Vec<&'h Hint> {
    hints.iter().filter(|h| feeds.contains(&h.feed)).collect()
}
