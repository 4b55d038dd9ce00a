//! Notices that leave: where they go, and the outbox, which is the log of what was sent to whom as well. Knows no channel's
//! shape and nothing of sending; addresses and secrets are bytes that it cannot read.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::id::CityId;
use blindspot_core::projection::notices::Quiet;

const SQL: &str = include_str!("../sql/notices.sql");
static CHANNELS: Stmt = Stmt::new(SQL, "notice_channels");
static CHANNEL: Stmt = Stmt::new(SQL, "notice_channel");
static SAVE_CHANNEL: Stmt = Stmt::new(SQL, "save_notice_channel");
static REMOVE_CHANNEL: Stmt = Stmt::new(SQL, "remove_notice_channel");
static APPEND: Stmt = Stmt::new(SQL, "append_notice");
static READY: Stmt = Stmt::new(SQL, "notices_ready");
static NEXT: Stmt = Stmt::new(SQL, "notices_next");
static END: Stmt = Stmt::new(SQL, "end_notice");
static PUT_OFF: Stmt = Stmt::new(SQL, "put_off_notice");
static DROP: Stmt = Stmt::new(SQL, "drop_notices");
static LIST: Stmt = Stmt::new(SQL, "list_notices");
static SWEEP: Stmt = Stmt::new(SQL, "sweep_notices");

/// A channel as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRecord {
    /// Its id.
    pub channel_id: [u8; 16],
    /// The word of its shape.
    pub shape: String,
    /// Its name.
    pub name: String,
    /// Whom it is for: a JSON list.
    pub targets: String,
    /// Which kinds it takes: a JSON list; none are all.
    pub kinds: String,
    /// Where it leads, as far as that may be shown.
    pub host: String,
    /// Address and secrets, closed.
    pub sealed: Vec<u8>,
    /// When nothing is sent that can wait.
    pub quiet: Option<Quiet>,
    /// Whether anything is sent at all.
    pub enabled: bool,
    /// Since when it is there, milliseconds.
    pub created_ms: i64,
}

/// A notice to be put into the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// Its id; grows with time.
    pub notice_id: [u8; 16],
    /// Where it goes.
    pub channel_id: [u8; 16],
    /// The case, or what else it is about.
    pub about: String,
    /// The kind's word.
    pub kind: String,
    /// Which time of its kind.
    pub mark: String,
    /// What is sent.
    pub line: String,
    /// Goes through in quiet hours.
    pub urgent: bool,
    /// When it was put, milliseconds.
    pub created_ms: i64,
    /// Not before.
    pub ready_ms: i64,
}

/// A notice as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRecord {
    /// Its id.
    pub notice_id: [u8; 16],
    /// Where it goes.
    pub channel_id: [u8; 16],
    /// The case, or what else it is about.
    pub about: String,
    /// The kind's word.
    pub kind: String,
    /// What is sent.
    pub line: String,
    /// Goes through in quiet hours.
    pub urgent: bool,
    /// When it was put, milliseconds.
    pub created_ms: i64,
    /// Not before.
    pub ready_ms: i64,
    /// `waiting`, `sent`, `failed` or `dropped`.
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    /// When it was sent or given up.
    pub ended_ms: Option<i64>,
    /// What went wrong last.
    pub problem: Option<String>,
}

fn channel(row: &Row) -> Result<ChannelRecord> {
    let minute = |i| row.opt_int(i).map(|m| m.and_then(|m| u32::try_from(m).ok()));
    let quiet = minute(7)?.zip(minute(8)?).map(|(from_min, to_min)| Quiet { from_min, to_min });
    Ok(ChannelRecord {
        channel_id: row.id(0)?,
        shape: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        targets: row.text(3)?.to_owned(),
        kinds: row.text(4)?.to_owned(),
        host: row.text(5)?.to_owned(),
        sealed: row.blob(6)?.to_vec(),
        quiet,
        enabled: row.bool(9)?,
        created_ms: row.int(10)?,
    })
}

/// All channels, oldest first.
///
/// # Errors
/// The engine's.
pub fn load_channels(tx: &Tx<'_>, city: &CityId) -> Result<Vec<ChannelRecord>> {
    tx.query(&CHANNELS, &[city.into()])?.iter().map(channel).collect()
}

/// One channel.
///
/// # Errors
/// The engine's.
pub fn load_channel(tx: &Tx<'_>, city: &CityId, id: [u8; 16]) -> Result<Option<ChannelRecord>> {
    tx.query_one(&CHANNEL, &[city.into(), id.into()])?.as_ref().map(channel).transpose()
}

/// Writes a channel.
///
/// # Errors
/// The engine's.
pub fn save_channel(tx: &Tx<'_>, city: &CityId, channel: &ChannelRecord) -> Result<()> {
    let set = [
        city.into(),
        channel.channel_id.into(),
        channel.shape.as_str().into(),
        channel.name.as_str().into(),
        channel.targets.as_str().into(),
        channel.kinds.as_str().into(),
        channel.host.as_str().into(),
        channel.sealed.as_slice().into(),
        channel.quiet.map(|q| q.from_min).into(),
        channel.quiet.map(|q| q.to_min).into(),
        channel.enabled.into(),
        channel.created_ms.into(),
    ];
    tx.exec(&SAVE_CHANNEL, &set).map(drop)
}

/// Takes a channel away; what still waited for it is dropped, what was sent stays on the log.
///
/// # Errors
/// The engine's.
pub fn remove_channel(tx: &Tx<'_>, city: &CityId, id: [u8; 16], at_ms: i64) -> Result<bool> {
    drop_waiting(tx, city, id, "the channel was removed", at_ms)?;
    Ok(tx.exec(&REMOVE_CHANNEL, &[city.into(), id.into()])? == 1)
}

/// Drops what still waits for a channel.
///
/// # Errors
/// The engine's.
pub fn drop_waiting(tx: &Tx<'_>, city: &CityId, id: [u8; 16], why: &str, at_ms: i64) -> Result<usize> {
    tx.exec(&DROP, &[city.into(), id.into(), at_ms.into(), why.into()])
}

/// Puts a notice into the outbox; false when the channel was told of the same before.
///
/// # Errors
/// The engine's.
pub fn append(tx: &Tx<'_>, city: &CityId, new: &NewNotice) -> Result<bool> {
    let set = [
        city.into(),
        new.notice_id.into(),
        new.channel_id.into(),
        new.about.as_str().into(),
        new.kind.as_str().into(),
        new.mark.as_str().into(),
        new.line.as_str().into(),
        new.urgent.into(),
        new.created_ms.into(),
        new.ready_ms.into(),
    ];
    Ok(tx.exec(&APPEND, &set)? == 1)
}

fn notice(row: &Row) -> Result<NoticeRecord> {
    Ok(NoticeRecord {
        notice_id: row.id(0)?,
        channel_id: row.id(1)?,
        about: row.text(2)?.to_owned(),
        kind: row.text(3)?.to_owned(),
        line: row.text(4)?.to_owned(),
        urgent: row.bool(5)?,
        created_ms: row.int(6)?,
        ready_ms: row.int(7)?,
        state: row.text(8)?.to_owned(),
        tries: row.int(9)?,
        ended_ms: row.opt_int(10)?,
        problem: row.opt_text(11)?.map(str::to_owned),
    })
}

/// What waits for a channel and may be sent now, oldest first.
///
/// # Errors
/// The engine's.
pub fn load_ready(
    tx: &Tx<'_>,
    city: &CityId,
    channel: [u8; 16],
    now_ms: i64,
    most: i64,
) -> Result<Vec<NoticeRecord>> {
    let set = [city.into(), channel.into(), now_ms.into(), most.into()];
    tx.query(&READY, &set)?.iter().map(notice).collect()
}

/// When the first of what waits for a channel may be sent.
///
/// # Errors
/// The engine's.
pub fn load_next(tx: &Tx<'_>, city: &CityId, channel: [u8; 16]) -> Result<Option<i64>> {
    tx.query_one(&NEXT, &[city.into(), channel.into()])?.map_or(Ok(None), |row| row.opt_int(0))
}

/// How a notice ends.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// `sent` or `failed`.
    pub state: &'static str,
    /// How often it was tried.
    pub tries: i64,
    /// Names the message that carried it.
    pub batch: [u8; 16],
    /// When, milliseconds.
    pub at_ms: i64,
    /// What went wrong.
    pub problem: Option<&'a str>,
}

/// Ends a notice that waits; false when it no longer did.
///
/// # Errors
/// The engine's.
pub fn end(tx: &Tx<'_>, city: &CityId, id: [u8; 16], how: Ended<'_>) -> Result<bool> {
    let set = [
        city.into(),
        id.into(),
        how.state.into(),
        how.tries.into(),
        how.batch.into(),
        how.at_ms.into(),
        how.problem.into(),
    ];
    Ok(tx.exec(&END, &set)? == 1)
}

/// Puts a notice off.
///
/// # Errors
/// The engine's.
pub fn put_off(
    tx: &Tx<'_>,
    city: &CityId,
    id: [u8; 16],
    tries: i64,
    ready_ms: i64,
    problem: Option<&str>,
) -> Result<()> {
    let set = [city.into(), id.into(), tries.into(), ready_ms.into(), problem.into()];
    tx.exec(&PUT_OFF, &set).map(drop)
}

/// A page of the log before a place, newest first.
///
/// # Errors
/// The engine's.
pub fn load_log(
    tx: &Tx<'_>,
    city: &CityId,
    before: [u8; 16],
    state: Option<&str>,
    channel: Option<[u8; 16]>,
    most: i64,
) -> Result<Vec<NoticeRecord>> {
    let set = [city.into(), before.into(), state.into(), channel.into(), most.into()];
    tx.query(&LIST, &set)?.iter().map(notice).collect()
}

/// Forgets notices that ended before a time.
///
/// # Errors
/// The engine's.
pub fn sweep(tx: &Tx<'_>, city: &CityId, before_ms: i64) -> Result<usize> {
    tx.exec(&SWEEP, &[city.into(), before_ms.into()])
}
