//! What was sent to whom, what waits and what failed, for administrators. Knows no HTTP.

use crate::service::page::{Page, PageQuery, page_of};
use crate::service::{House, ServiceError};
use blindspot_core::id::CityId;
use blindspot_store::notices::{self as store, NoticeRecord};
use blindspot_store::{Result, Tx};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long the log is kept, milliseconds (180 days).
const KEEP_MS: i64 = 180 * 24 * 3_600_000;

/// A notice as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Notice)]
pub struct NoticeView {
    /// Its id.
    pub notice_id: Uuid,
    /// Where it went.
    pub channel_id: Uuid,
    /// The channel's name; missing once it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The case, or `unit:KEY` of a digest.
    pub about: String,
    /// What kind.
    pub kind: String,
    /// What was sent.
    pub line: String,
    /// `waiting`, `sent`, `failed` (given up) or `dropped` (its channel went or was turned off).
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    /// When it was put, milliseconds since 1970.
    pub created_ms: i64,
    /// Not sent before.
    pub ready_ms: i64,
    /// When it was sent or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A page of the log, newest first, of one state or one channel when they are given.
///
/// # Errors
/// `BAD_CURSOR`.
pub fn page(
    house: &House,
    state: Option<&str>,
    channel: Option<Uuid>,
    query: &PageQuery,
) -> Result<Page<NoticeView>, ServiceError> {
    // Keys count down, so that they rise as the list goes on.
    let key = |id: Uuid| format!("{:032x}", u128::MAX - id.as_u128());
    let after = query.after(house, "notices")?.and_then(|k| u128::from_str_radix(&k, 16).ok());
    let before = after.map_or([255; 16], |k| (u128::MAX - k).to_be_bytes());
    let most = i64::try_from(query.limit() + 1).unwrap_or(i64::MAX);
    let channel = channel.map(|c| *c.as_bytes());
    let (rows, names) = house.store.read(|tx| {
        let rows = store::load_log(tx, &house.city, before, state, channel, most)?;
        Ok::<_, ServiceError>((rows, names(tx, &house.city)?))
    })?;
    let shown = rows.into_iter().map(|row| view(row, &names));
    page_of(house, "notices", query, shown, |view| key(view.notice_id))
}

fn names(tx: &Tx<'_>, city: &CityId) -> Result<BTreeMap<[u8; 16], String>> {
    Ok(store::load_channels(tx, city)?.into_iter().map(|c| (c.channel_id, c.name)).collect())
}

fn view(row: NoticeRecord, names: &BTreeMap<[u8; 16], String>) -> NoticeView {
    NoticeView {
        notice_id: Uuid::from_bytes(row.notice_id),
        channel_id: Uuid::from_bytes(row.channel_id),
        channel: names.get(&row.channel_id).cloned(),
        about: row.about,
        kind: row.kind,
        line: row.line,
        state: row.state,
        tries: row.tries,
        created_ms: row.created_ms,
        ready_ms: row.ready_ms,
        ended_ms: row.ended_ms,
        problem: row.problem,
    }
}

/// Forgets what ended long ago.
///
/// # Errors
/// The engine's.
pub fn sweep(tx: &Tx<'_>, city: &CityId, now_ms: i64) -> Result<usize> {
    store::sweep(tx, city, now_ms - KEEP_MS)
}
