//! `GET /v1/events`: server-sent hints that feeds have moved. After any gap the listener pulls.

use crate::error::{Answer, Fault};
use crate::http::caller::Caller;
use crate::http::standing::Standing;
use crate::http::sync::hints_for;
use crate::http::{blocking, now_ms};
use crate::service::{Credential, pull};
use crate::state::App;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use blindspot_core::feed::Feed;
use blindspot_core::wire::v1::Hint;
use futures_util::stream::{self, Stream};
use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;

const HEARTBEAT: Duration = Duration::from_secs(20);
/// A grant may end by itself: no hint is sent by a scope that is older than this, milliseconds.
const SCOPE_MS_MAX: i64 = 3_000;

struct Listening {
    app: Arc<App>,
    credential: Credential,
    feeds: BTreeSet<Feed>,
    listener: Receiver<Arc<[Hint]>>,
    stopping: watch::Receiver<bool>,
    waiting: VecDeque<Event>,
    /// When `feeds` were read, server time in milliseconds.
    scoped_ms: i64,
    lost: Pin<Box<dyn Future<Output = Fault> + Send>>,
}

/// 变动提示 · server-sent hints that feeds have moved; after any gap the listener pulls
#[utoipa::path(get, path = "/v1/events", tag = "sync",
    responses((status = 200, description = "Events `hint` (a `Hint` as data) and `gap`.", body = String,
        content_type = "text/event-stream")))]
pub async fn events(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    standing: Standing,
) -> Answer<Response> {
    let listener = app.hints.listen();
    let stopping = app.stopping.subscribe();
    let scoped_ms = now_ms();
    let feeds = blocking(&app, move |app| pull::scope(app.house(), credential, scoped_ms)).await?;
    let lost = Box::pin(standing.lost(app.clone()));
    let waiting = VecDeque::new();
    let state = Listening { app, credential, feeds, listener, stopping, waiting, scoped_ms, lost };
    Ok(Sse::new(hints(state)).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

fn hints(state: Listening) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    stream::unfold(state, |mut state| async move {
        loop {
            if let Some(event) = state.waiting.pop_front() {
                return Some((Ok(event), state));
            }
            if *state.stopping.borrow() {
                return None;
            }
            tokio::select! {
                told = state.listener.recv() => match told {
                    Ok(hints) => state.take(&hints).await?,
                    // Some hints were missed: everything may have moved.
                    Err(RecvError::Lagged(_)) => state.waiting.push_back(Event::default().event("gap").data("{}")),
                    Err(RecvError::Closed) => return None,
                },
                _ = state.stopping.changed() => {}
                _ = &mut state.lost => return None,
            }
        }
    })
}

impl Listening {
    /// Queues the events of a group of hints; ends the stream when the caller may no longer listen.
    async fn take(&mut self, hints: &[Hint]) -> Option<()> {
        let now = now_ms();
        let stale = !(0..SCOPE_MS_MAX).contains(&(now - self.scoped_ms));
        if stale || hints.iter().any(|h| h.feed == Feed::user(self.credential.person)) {
            // The scope may have changed.
            let credential = self.credential;
            self.scoped_ms = now;
            self.feeds =
                blocking(&self.app, move |app| pull::scope(app.house(), credential, now)).await.ok()?;
        }
        for hint in hints_for(hints, &self.feeds) {
            let id = format!("{:x}.{}", short(&hint.feed), hint.seq);
            let data = serde_json::to_string(hint).ok()?;
            self.waiting.push_back(Event::default().event("hint").id(id).data(data));
        }
        Some(())
    }
}

/// A short name for a feed in an event id (FNV-1a, 32 bits): it only has to differ, not to hide.
fn short(feed: &Feed) -> u32 {
    feed.as_str().bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
