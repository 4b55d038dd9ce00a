//! Channels: where notices go, as administrators set them by HTTP or by the command line. Addresses and secrets go in and
//! never come out. Every change is audited. Knows no HTTP.

use super::message::{Address, Answered, Line, Shape};
use super::send::{Post, deliver};
use super::{clocks, new_id};
use crate::auth::{sealed, secret};
use crate::service::people::{Actor, checked};
use crate::service::{House, ServiceError};
use blindspot_core::error::{BAD_REQUEST, NOT_FOUND};
use blindspot_core::projection::notices::{NoticeKind, Quiet, Target};
use blindspot_store::notices::{self as store, ChannelRecord};
use blindspot_store::{Tx, audit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::{Host, Url};
use uuid::Uuid;

/// Most channels of a city.
const CHANNELS_MAX: usize = 2_000;
const TEXT_MAX: usize = 4_000;
const TARGETS_MAX: usize = 100;

/// A channel to add.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNoticeChannel)]
pub struct NewChannel {
    /// Its name as shown.
    pub name: String,
    /// What the other side understands.
    pub shape: Shape,
    /// Whom it is for: `unit:KEY`, `team:KEY/NAME` as the unit hands on to it, `grid:ID`, `leaders`.
    pub targets: Vec<String>,
    /// Which kinds it takes; all when left out.
    #[serde(default)]
    pub kinds: Vec<NoticeKind>,
    /// The whole address, the robot's key in it. `https`.
    #[schema(format = Password)]
    pub url: String,
    /// 钉钉: the 加签 secret. SMS: what `{secret}` stands for.
    #[serde(default)]
    #[schema(format = Password)]
    pub secret: Option<String>,
    /// SMS: `GET` or `POST`.
    #[serde(default)]
    pub method: Option<String>,
    /// SMS: headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// SMS: the body; `{text}`, `{count}` and `{secret}` are filled in.
    #[serde(default)]
    pub body: Option<String>,
    /// SMS: words that a good answer holds.
    #[serde(default)]
    pub accept: Option<String>,
    /// Hours in which only danger goes through.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// Whether it is on from now; off when left out.
    #[serde(default)]
    pub enabled: bool,
}

/// What may be changed of a channel. Another address is another channel.
#[derive(Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = NoticeChannelChange)]
pub struct ChannelChange {
    /// Its name as shown.
    pub name: Option<String>,
    /// Whom it is for.
    pub targets: Option<Vec<String>>,
    /// Which kinds it takes; an empty list are all.
    pub kinds: Option<Vec<NoticeKind>>,
    /// Quiet hours; from equal to to is none.
    pub quiet: Option<Quiet>,
    /// Whether it is on.
    pub enabled: Option<bool>,
}

/// A channel as shown: nothing of its address but the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = NoticeChannel)]
pub struct ChannelView {
    /// Its id.
    pub channel_id: Uuid,
    /// Its name.
    pub name: String,
    /// What the other side understands.
    pub shape: String,
    /// Whom it is for.
    pub targets: Vec<String>,
    /// Which kinds it takes; none are all.
    pub kinds: Vec<NoticeKind>,
    /// Where it leads.
    pub host: String,
    /// Hours in which only danger goes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Whether it is on.
    pub enabled: bool,
    /// Since when it is there, milliseconds since 1970.
    pub created_ms: i64,
}

/// What came of a trial message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChannelTest {
    /// Whether it was taken.
    pub taken: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

fn view(record: ChannelRecord) -> Result<ChannelView, ServiceError> {
    Ok(ChannelView {
        channel_id: Uuid::from_bytes(record.channel_id),
        name: record.name,
        shape: record.shape,
        targets: serde_json::from_str(&record.targets)?,
        kinds: serde_json::from_str(&record.kinds)?,
        host: record.host,
        quiet: record.quiet,
        enabled: record.enabled,
        created_ms: record.created_ms,
    })
}

fn bad(why: impl Into<String>) -> ServiceError {
    ServiceError::because(&BAD_REQUEST, why)
}

/// Whether an address may be sent to: https, or http on this machine where that is allowed. Gives its host.
///
/// # Errors
/// What is wrong, without the address.
pub(super) fn check_url(text: &str, loopback_http: bool) -> Result<String, &'static str> {
    let url = Url::parse(text).map_err(|_| "url: not an address")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("url: no user name or password in it");
    }
    let near = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err("url: no host"),
    };
    match url.scheme() {
        "https" => {}
        "http" if near && loopback_http => {}
        _ => return Err("url: https only"),
    }
    Ok(url.host_str().unwrap_or_default().to_owned())
}

fn targets(given: &[String]) -> Result<String, ServiceError> {
    if given.is_empty() || given.len() > TARGETS_MAX {
        return Err(bad("targets: 1 to 100"));
    }
    let read = |text: &String| {
        let target = Target::parse(text).filter(|_| text.chars().count() <= 100);
        target
            .map(|t| t.to_string())
            .ok_or_else(|| bad("targets: unit:KEY, team:KEY/NAME, grid:ID or leaders"))
    };
    let read: Vec<String> = given.iter().map(read).collect::<Result<_, _>>()?;
    Ok(serde_json::to_string(&read)?)
}

fn kinds(given: &[NoticeKind]) -> Result<String, ServiceError> {
    if given.iter().any(|k| matches!(k, NoticeKind::Other(_))) {
        return Err(bad("kinds: one of them is not known"));
    }
    Ok(serde_json::to_string(given)?)
}

fn quiet(given: Option<Quiet>) -> Result<Option<Quiet>, ServiceError> {
    if given.is_some_and(|q| q.from_min >= 1_440 || q.to_min >= 1_440) {
        return Err(bad("quiet: minutes of the day, 0 to 1439"));
    }
    Ok(given.filter(|q| q.from_min != q.to_min))
}

/// What is kept closed of a new channel.
fn address(new: &NewChannel) -> Result<Address, ServiceError> {
    let sms = new.shape == Shape::Sms;
    let more = new.method.is_some() || !new.headers.is_empty() || new.body.is_some() || new.accept.is_some();
    if more && !sms {
        return Err(bad("method, headers, body and accept are for sms"));
    }
    let asked_for_text =
        [Some(&new.url), new.body.as_ref()].into_iter().flatten().any(|t| t.contains("{text}"));
    if sms && !asked_for_text {
        return Err(bad("url or body: {text} stands for what is sent"));
    }
    if new.method.as_deref().is_some_and(|m| m != "GET" && m != "POST") {
        return Err(bad("method: GET or POST"));
    }
    let sound = |text: &str| text.len() <= TEXT_MAX && !text.chars().any(|c| c.is_control() && c != '\n');
    let headers = new.headers.iter().flat_map(|(name, value)| [name, value]);
    let texts = [Some(&new.url), new.secret.as_ref(), new.body.as_ref(), new.accept.as_ref()];
    if !texts.into_iter().flatten().all(|t| sound(t))
        || !headers.into_iter().all(|t| sound(t) && !t.contains('\n'))
    {
        return Err(bad("a text is too long or holds control characters"));
    }
    Ok(Address {
        url: new.url.trim().to_owned(),
        secret: new.secret.as_deref().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned),
        method: new.method.clone(),
        headers: new.headers.clone(),
        body: new.body.clone(),
        accept: new.accept.clone(),
    })
}

fn about(channel: [u8; 16]) -> Vec<u8> {
    [b"notice channel ".as_slice(), &channel].concat()
}

/// Shape and address of a channel.
pub(super) fn opened(house: &House, channel: &ChannelRecord) -> Result<(Shape, Address), &'static str> {
    let shape = Shape::parse(&channel.shape).ok_or("a shape of a later version")?;
    let plain = sealed::open(&house.keys, &about(channel.channel_id), &channel.sealed);
    let plain = plain.ok_or("the address was closed with another secret.key")?;
    Ok((shape, serde_json::from_slice(&plain).map_err(|_| "the address cannot be read")?))
}

fn note(
    tx: &Tx<'_>,
    house: &House,
    actor: Actor,
    (action, channel): (&str, &ChannelRecord),
    now_ms: i64,
) -> Result<(), ServiceError> {
    let object = format!("notice_channel:{}", Uuid::from_bytes(channel.channel_id));
    let ChannelRecord { shape, host, targets, enabled, .. } = channel;
    let detail = serde_json::json!({"shape": shape, "host": host, "targets": targets, "enabled": enabled});
    let detail = detail.to_string();
    Ok(audit::append(tx, &house.city, now_ms, &actor.text(), action, &object, "ok", &detail)?)
}

/// Adds a channel.
///
/// # Errors
/// `BAD_REQUEST` saying what will not do.
pub fn add(house: &House, actor: Actor, new: &NewChannel, now_ms: i64) -> Result<ChannelView, ServiceError> {
    let id = new_id(house, now_ms);
    let address = address(new)?;
    // Braces stand for themselves where a host is read.
    let plain = address.url.replace(['{', '}'], "");
    let host = check_url(&plain, house.notice_settings().loopback_http).map_err(bad)?;
    let plain = serde_json::to_vec(&address)?;
    let record = ChannelRecord {
        channel_id: id,
        shape: new.shape.as_str().to_owned(),
        name: checked(&new.name, "name: 1 to 60 characters", 60)?,
        targets: targets(&new.targets)?,
        kinds: kinds(&new.kinds)?,
        host,
        sealed: sealed::close(&house.keys, &about(id), secret::random(house), &plain),
        quiet: quiet(new.quiet)?,
        enabled: new.enabled,
        created_ms: now_ms,
    };
    house.store.write(|tx| {
        if store::load_channels(tx, &house.city)?.len() >= CHANNELS_MAX {
            return Err(bad("too many channels"));
        }
        store::save_channel(tx, &house.city, &record)?;
        note(tx, house, actor, ("notice_channel_added", &record), now_ms)
    })?;
    if record.enabled {
        clocks::fill(house, now_ms)?;
    }
    view(record)
}

/// Changes a channel.
///
/// # Errors
/// `NOT_FOUND`; `BAD_REQUEST` saying what will not do.
pub fn change(
    house: &House,
    actor: Actor,
    channel: Uuid,
    change: &ChannelChange,
    now_ms: i64,
) -> Result<ChannelView, ServiceError> {
    let (record, turned_on) = house.store.write(|tx| {
        let mut record = existing(tx, house, channel)?;
        let was_on = record.enabled;
        if let Some(name) = &change.name {
            record.name = checked(name, "name: 1 to 60 characters", 60)?;
        }
        if let Some(given) = &change.targets {
            record.targets = targets(given)?;
        }
        if let Some(given) = &change.kinds {
            record.kinds = kinds(given)?;
        }
        if change.quiet.is_some() {
            record.quiet = quiet(change.quiet)?;
        }
        record.enabled = change.enabled.unwrap_or(record.enabled);
        store::save_channel(tx, &house.city, &record)?;
        if was_on && !record.enabled {
            store::drop_waiting(tx, &house.city, record.channel_id, "the channel is off", now_ms)?;
        }
        note(tx, house, actor, ("notice_channel_changed", &record), now_ms)?;
        let turned_on = record.enabled && !was_on;
        Ok::<_, ServiceError>((record, turned_on))
    })?;
    if turned_on {
        clocks::fill(house, now_ms)?;
    }
    view(record)
}

fn existing(tx: &Tx<'_>, house: &House, channel: Uuid) -> Result<ChannelRecord, ServiceError> {
    let found = store::load_channel(tx, &house.city, *channel.as_bytes())?;
    found.ok_or_else(|| ServiceError::refused(&NOT_FOUND))
}

/// Takes a channel away; what was sent by it stays on the log.
///
/// # Errors
/// `NOT_FOUND`.
pub fn remove(house: &House, actor: Actor, channel: Uuid, now_ms: i64) -> Result<(), ServiceError> {
    house.store.write(|tx| {
        let record = existing(tx, house, channel)?;
        store::remove_channel(tx, &house.city, record.channel_id, now_ms)?;
        note(tx, house, actor, ("notice_channel_removed", &record), now_ms)
    })
}

/// All channels.
///
/// # Errors
/// The database's.
pub fn list(house: &House) -> Result<Vec<ChannelView>, ServiceError> {
    house.store.read(|tx| store::load_channels(tx, &house.city))?.into_iter().map(view).collect()
}

/// Sends a trial message at once, whatever the hour and whether the channel is on or not.
///
/// # Errors
/// `NOT_FOUND`.
pub fn test(
    house: &House,
    actor: Actor,
    channel: Uuid,
    post: &dyn Post,
    now_ms: i64,
) -> Result<ChannelTest, ServiceError> {
    let record = house.store.write(|tx| {
        let record = existing(tx, house, channel)?;
        note(tx, house, actor, ("notice_channel_tested", &record), now_ms)?;
        Ok::<_, ServiceError>(record)
    })?;
    let line =
        Line { text: format!("【测试】{}：收到这一条就是通了", house.city_name), link: None };
    let problem = match deliver(house, post, &record, &[line], now_ms).0 {
        Answered::Sent => None,
        Answered::TooMany(why) | Answered::Failed(why) => Some(why),
    };
    Ok(ChannelTest { taken: problem.is_none(), problem })
}
