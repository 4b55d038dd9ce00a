//! `/v1/notices`: where notices go, and what was sent to whom. For administrators.

use crate::error::Answer;
use crate::http::body::Json;
use crate::http::caller::{Caller, Id, Params};
use crate::http::once::{Once, created};
use crate::http::{Items, blocking, json, now_ms};
use crate::service::notices::channels::{self, ChannelChange, ChannelTest, ChannelView, NewChannel};
use crate::service::notices::log::{self, NoticeView};
use crate::service::page::{Page, PageQuery};
use crate::service::{once, people};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST, CONFLICT, KEY_REUSED};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const SMALL: usize = 64 * 1024;

/// Which notices.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// `waiting`, `sent`, `failed` or `dropped`; all when left out.
    state: Option<String>,
    /// Of one channel.
    channel: Option<Uuid>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Most items, up to 500; 100 when left out.
    limit: Option<usize>,
}

/// 通知记录 · what was sent to whom, and what failed, newest first
#[utoipa::path(get, path = "/v1/notices", tag = "notices", params(LogQuery),
    responses((status = 200, description = "A page.", body = Page<NoticeView>)),
    extensions(("x-problems" = json!([BAD_CURSOR.code]))))]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Params(query): Params<LogQuery>,
) -> Answer {
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        log::page(app.house(), query.state.as_deref(), query.channel, &page)
    };
    json(&blocking(&app, run).await?)
}

/// 通知渠道 · where notices go; addresses and secrets are not shown
#[utoipa::path(get, path = "/v1/notices/channels", tag = "notices",
    responses((status = 200, description = "All channels.", body = Items<ChannelView>)))]
pub async fn list_channels(State(app): State<Arc<App>>, Caller(credential): Caller) -> Answer {
    let run = move |app: &App| {
        people::require_administrator(app.house(), credential, now_ms())?;
        channels::list(app.house())
    };
    json(&Items { items: blocking(&app, run).await? })
}

/// 新增通知渠道 · adds a channel; its address and secret never come back
#[utoipa::path(post, path = "/v1/notices/channels", tag = "notices", request_body = NewChannel,
    params(("Idempotency-Key" = Option<String>, Header, description = "Made up by the desk: sent again, it is not done again, for 24 hours.")),
    responses((status = 201, description = "The channel.", body = ChannelView, headers(("Idempotency-Replayed" = Option<String>, description = "`true` when this is the answer of the first time.")))),
    extensions(("x-problems" = json!([BAD_REQUEST.code, CONFLICT.code, KEY_REUSED.code]))))]
pub async fn add_channel(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    once: Once,
    body: Json<NewChannel, SMALL>,
) -> Answer {
    let key = once.with(body.hash.as_ref());
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        once::once(app.house(), credential, key.as_ref(), false, now_ms, || {
            channels::add(app.house(), actor, &body.value, now_ms)
        })
    };
    created(blocking(&app, run).await?)
}

/// 修改通知渠道 · changes a channel, turns it on or off
#[utoipa::path(patch, path = "/v1/notices/channels/{id}", tag = "notices", request_body = ChannelChange,
    params(("id" = Uuid, Path, description = "The channel.")),
    responses((status = 200, description = "The channel.", body = ChannelView)))]
pub async fn change_channel(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(channel): Id<Uuid>,
    body: Json<ChannelChange, SMALL>,
) -> Answer {
    let run = move |app: &App| {
        let now_ms = body.received_ms;
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        channels::change(app.house(), actor, channel, &body.value, now_ms)
    };
    json(&blocking(&app, run).await?)
}

/// 删除通知渠道 · takes a channel away; what was sent stays on the log
#[utoipa::path(delete, path = "/v1/notices/channels/{id}", tag = "notices",
    params(("id" = Uuid, Path, description = "The channel.")),
    responses((status = 204, description = "It is gone.")))]
pub async fn remove_channel(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(channel): Id<Uuid>,
) -> Answer<StatusCode> {
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        channels::remove(app.house(), actor, channel, now_ms)
    };
    blocking(&app, run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 试发 · sends a trial message at once and says what came of it
#[utoipa::path(post, path = "/v1/notices/channels/{id}/test", tag = "notices",
    params(("id" = Uuid, Path, description = "The channel.")),
    responses((status = 200, description = "Whether it was taken.", body = ChannelTest)))]
pub async fn test_channel(
    State(app): State<Arc<App>>,
    Caller(credential): Caller,
    Id(channel): Id<Uuid>,
) -> Answer {
    let run = move |app: &App| {
        let now_ms = now_ms();
        let actor = people::require_administrator(app.house(), credential, now_ms)?;
        channels::test(app.house(), actor, channel, &app.outside, now_ms)
    };
    json(&blocking(&app, run).await?)
}
