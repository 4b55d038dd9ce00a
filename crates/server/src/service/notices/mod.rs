//! Notices that leave (field.md U10): what a change of cases puts into the outbox, in the very transaction of the change.
//! Which change tells whom stands in `core::projection::notices`. Off while the city has no channel that is on.

pub mod channels;
pub mod clocks;
pub mod log;
pub mod message;
pub mod send;
#[cfg(test)]
mod tests;

use super::{House, Reference};
use blindspot_core::case::Case;
use blindspot_core::projection::notice_text::line;
use blindspot_core::projection::notices::{Notice, NoticeKind, Quiet, Target};
use blindspot_store::jobs::{self, JobKey};
use blindspot_store::notices::{self as store, ChannelRecord, NewNotice};
use blindspot_store::{Result, Tx};
use std::fmt::Write as _;

/// How long a notice waits for others of its channel, milliseconds: never longer than this.
pub const BATCH_MS: i64 = 120_000;

/// How this server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeSettings {
    /// How long a notice waits for others of its channel, milliseconds.
    pub batch_ms: i64,
    /// Whether a channel may lead to plain http on this machine: for trials and tests.
    pub loopback_http: bool,
    /// The address of a case in the city's own pages; `{case}` is its id. Without one, lines carry no link.
    pub link: Option<String>,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        Self { batch_ms: BATCH_MS, loopback_http: false, link: None }
    }
}

/// A channel that is on, read.
pub(super) struct Open {
    pub(super) id: [u8; 16],
    targets: Vec<Target>,
    kinds: Vec<NoticeKind>,
    quiet: Option<Quiet>,
}

impl Open {
    fn of(record: &ChannelRecord) -> Result<Self> {
        let targets: Vec<String> = serde_json::from_str(&record.targets)?;
        Ok(Self {
            id: record.channel_id,
            targets: targets.iter().filter_map(|t| Target::parse(t)).collect(),
            kinds: serde_json::from_str(&record.kinds)?,
            quiet: record.quiet,
        })
    }

    /// Whether this channel is told of a kind that goes to these.
    pub(super) fn takes<'t>(&self, kind: &NoticeKind, to: impl IntoIterator<Item = &'t Target>) -> bool {
        let wanted = self.kinds.is_empty() || self.kinds.contains(kind);
        wanted && to.into_iter().any(|target| self.targets.contains(target))
    }
}

/// The channels that are on.
pub(super) fn open_channels(tx: &Tx<'_>, house: &House) -> Result<Vec<Open>> {
    store::load_channels(tx, &house.city)?.iter().filter(|c| c.enabled).map(Open::of).collect()
}

/// A notice on its way into the outbox.
pub(super) struct Letter<'a> {
    /// The case, or what else it is about.
    pub(super) about: String,
    pub(super) kind: &'a NoticeKind,
    pub(super) mark: &'a str,
    pub(super) line: String,
    pub(super) urgent: bool,
}

/// Puts a letter into the outbox of a channel, once, and sees to it that somebody sends it.
pub(super) fn put(
    tx: &Tx<'_>,
    house: &House,
    channel: &Open,
    letter: &Letter<'_>,
    now_ms: i64,
) -> Result<()> {
    let ready_ms = ready(tx, house, channel, letter.urgent, now_ms)?;
    let new = NewNotice {
        notice_id: new_id(house, now_ms),
        channel_id: channel.id,
        about: letter.about.clone(),
        kind: letter.kind.as_str().to_owned(),
        mark: letter.mark.to_owned(),
        line: letter.line.clone(),
        urgent: letter.urgent,
        created_ms: now_ms,
        ready_ms,
    };
    if store::append(tx, &house.city, &new)? {
        jobs::put_sooner(tx, &house.city, &send::job_of(channel.id), ready_ms, now_ms)?;
    }
    Ok(())
}

/// When it may be sent: danger at once; the rest with what waits already, within the time for that, and not in the
/// channel's quiet hours.
fn ready(tx: &Tx<'_>, house: &House, channel: &Open, urgent: bool, now_ms: i64) -> Result<i64> {
    if urgent {
        return Ok(now_ms);
    }
    let alone = now_ms + house.notice_settings().batch_ms.clamp(0, BATCH_MS);
    let alone = channel.quiet.map_or(alone, |quiet| quiet.end_ms(alone));
    let next = store::load_next(tx, &house.city, channel.id)?;
    let quiet_now = channel.quiet.is_some_and(|quiet| quiet.end_ms(now_ms) != now_ms);
    Ok(next.filter(|next| !quiet_now && (now_ms..alone).contains(next)).unwrap_or(alone))
}

/// Sixteen bytes that grow with time.
fn new_id(house: &House, now_ms: i64) -> [u8; 16] {
    *blindspot_core::OpId::from_parts(now_ms, house.id_bytes()).as_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A case before and after a group of changes.
pub(super) struct Changed<'a> {
    pub(super) before: Option<&'a Case>,
    pub(super) after: &'a Case,
}

/// Tells of what changed, in the transaction that changes it. Asks the database nothing for changes of which nobody is
/// told: reports, photos, words.
pub(super) fn tell(
    tx: &Tx<'_>,
    house: &House,
    reference: &Reference,
    changed: &[Changed<'_>],
    now_ms: i64,
) -> Result<()> {
    use blindspot_core::projection::notices::notices;
    let told: Vec<(&Case, Vec<Notice>)> = changed
        .iter()
        .map(|c| (c.after, notices(c.before, c.after)))
        .filter(|(_, n)| !n.is_empty())
        .collect();
    let clocks: Vec<(JobKey, Option<i64>)> =
        changed.iter().filter_map(|c| clocks::change(c, now_ms)).collect();
    if told.is_empty() && clocks.is_empty() {
        return Ok(());
    }
    let channels = open_channels(tx, house)?;
    if channels.is_empty() {
        return Ok(());
    }
    let due: Vec<(&JobKey, i64)> = clocks.iter().filter_map(|(job, at)| at.map(|at| (job, at))).collect();
    let over: Vec<&JobKey> = clocks.iter().filter(|(_, at)| at.is_none()).map(|(job, _)| job).collect();
    jobs::put_all(tx, &house.city, &due, now_ms)?;
    jobs::remove_all(tx, &house.city, &over)?;
    for (case, notices) in &told {
        for notice in notices {
            tell_one(tx, house, reference, &channels, (case, notice), now_ms)?;
        }
    }
    Ok(())
}

/// Tells every channel that is for it of one notice.
pub(super) fn tell_one(
    tx: &Tx<'_>,
    house: &House,
    reference: &Reference,
    channels: &[Open],
    (case, notice): (&Case, &Notice),
    now_ms: i64,
) -> Result<()> {
    for channel in channels.iter().filter(|c| c.takes(&notice.kind, &notice.to)) {
        let letter = Letter {
            about: case.case_id.to_string(),
            kind: &notice.kind,
            mark: &notice.mark,
            line: line(&notice.kind, case, reference.catalogue.as_ref(), &reference.places),
            urgent: case.urgent_danger,
        };
        put(tx, house, channel, &letter, now_ms)?;
    }
    Ok(())
}
