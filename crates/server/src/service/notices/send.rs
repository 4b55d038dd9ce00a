//! Sending what waits in the outbox: one channel at a time under a lease, so that of several servers one sends a message.
//!
//! What came of it is committed once, by who still holds the lease. A server that stops between the robot's answer and that
//! commit leaves the message to the next one, which sends it again: a deadline that is told twice is better than one that is
//! not told at all. Knows no HTTP library: whoever sends is handed in.

use super::message::{self, Answered, LINES_MAX, Line, Outgoing, Reply};
use super::{channels, hex, new_id};
use crate::service::{House, ServiceError};
use blindspot_core::error::BUSY;
use blindspot_store::jobs::{self, Claimed, JobKey};
use blindspot_store::notices::{self as store, ChannelRecord, Ended, NoticeRecord};
use std::time::Duration;

const KIND: &str = "notice_send";
/// Longer than any message takes; after it, another takes it for crashed.
const LEASE_MS: i64 = 60_000;
/// A message that is not answered within this time has failed.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are looked at.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Most messages on their way at once.
pub const AT_ONCE: usize = 4;
/// Most messages of one call.
const CALL_MAX: usize = 50;
/// A notice is given up after so many tries: about an hour.
const TRIES_MAX: i64 = 8;
const BACKOFF_MS: i64 = 30_000;
const BACKOFF_MS_MAX: i64 = 30 * 60_000;
/// What was told too fast goes on after this.
const SLOWER_MS: i64 = 60_000;
/// What is a day old tells nobody anything: it is given up, also when the server was away all that time.
const OLD_MS: i64 = 24 * 3_600_000;

/// Whoever sends: the server's HTTP, or a test's.
pub trait Post: Sync {
    /// Sends a request; gives how it was taken and the beginning of the answer.
    ///
    /// # Errors
    /// Why there was no answer, in words that say nothing of the address.
    fn post(&self, out: &Outgoing) -> Result<Reply, String>;
}

/// The job of a channel.
#[must_use]
pub fn job_of(channel: [u8; 16]) -> JobKey {
    JobKey { kind: KIND, key: hex(&channel) }
}

fn channel_of(key: &str) -> Option<[u8; 16]> {
    uuid::Uuid::try_parse(key).ok().map(|id| *id.as_bytes())
}

/// Sends what is due, some channels at once; says how many messages went out. `owner` names who does it.
///
/// # Errors
/// The database's; what was begun is done later.
pub fn run_due(house: &House, post: &dyn Post, owner: &str, now_ms: i64) -> Result<usize, ServiceError> {
    let due = |most| house.store.read(|tx| jobs::load_due(tx, &house.city, KIND, most, now_ms));
    let first = due(i64::try_from(AT_ONCE).unwrap_or(1))?;
    if first.len() < 2 {
        return run_some(house, post, owner, now_ms);
    }
    std::thread::scope(|scope| {
        let names = (0..first.len()).map(|n| format!("{owner}-{n}"));
        let runs: Vec<_> =
            names.map(|name| scope.spawn(move || run_some(house, post, &name, now_ms))).collect();
        let lost = || ServiceError::refused(&blindspot_core::error::INTERNAL);
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| Err(lost()))).sum()
    })
}

fn run_some(house: &House, post: &dyn Post, owner: &str, now_ms: i64) -> Result<usize, ServiceError> {
    let mut sent = 0;
    for _ in 0..CALL_MAX {
        let claimed = house.store.write(|tx| {
            for key in jobs::load_due(tx, &house.city, KIND, 1, now_ms)? {
                let job = JobKey { kind: KIND, key };
                if let Some(claimed) = jobs::lease(tx, &house.city, job, owner, LEASE_MS, now_ms)? {
                    return Ok::<_, ServiceError>(Some(claimed));
                }
            }
            Ok(None)
        })?;
        let Some(claimed) = claimed else { break };
        sent += usize::from(run(house, post, &claimed, now_ms)?);
    }
    Ok(sent)
}

/// One message of a channel; says whether one went out.
fn run(house: &House, post: &dyn Post, claimed: &Claimed, now_ms: i64) -> Result<bool, ServiceError> {
    let Some(id) = channel_of(&claimed.job.key) else { return finish(house, claimed, now_ms, |_| Ok(())) };
    let most = i64::try_from(LINES_MAX).unwrap_or(i64::MAX);
    let (channel, ready) = house.store.read(|tx| {
        let channel = store::load_channel(tx, &house.city, id)?;
        Ok::<_, ServiceError>((channel, store::load_ready(tx, &house.city, id, now_ms, most)?))
    })?;
    let Some(channel) = channel.filter(|c| c.enabled) else {
        return finish(house, claimed, now_ms, |tx| {
            store::drop_waiting(tx, &house.city, id, "the channel is off", now_ms).map(drop)
        });
    };
    // Put before the night and not sent in time: danger goes through, the rest waits for the morning.
    let morning = channel.quiet.map(|q| q.end_ms(now_ms)).filter(|end| *end > now_ms);
    let (old, ready): (Vec<_>, Vec<_>) = ready.into_iter().partition(|n| now_ms - n.created_ms > OLD_MS);
    let (now, later): (Vec<_>, Vec<_>) = ready.into_iter().partition(|n| n.urgent || morning.is_none());
    let put_off_rest = |tx: &blindspot_store::Tx<'_>| {
        for notice in &old {
            settle(tx, house, notice, &Answered::Failed("a day old".to_owned()), (notice.notice_id, now_ms))?;
        }
        for notice in &later {
            let until = morning.unwrap_or(now_ms);
            store::put_off(
                tx,
                &house.city,
                notice.notice_id,
                notice.tries,
                until,
                notice.problem.as_deref(),
            )?;
        }
        Ok(())
    };
    if now.is_empty() {
        return finish(house, claimed, now_ms, put_off_rest);
    }
    let (answered, taken) = say(house, post, &channel, &now, now_ms);
    let batch = new_id(house, now_ms);
    finish(house, claimed, now_ms, |tx| {
        put_off_rest(tx)?;
        for notice in &now[..taken.min(now.len())] {
            settle(tx, house, notice, &answered, (batch, now_ms))?;
        }
        Ok(())
    })?;
    if let Answered::Failed(why) | Answered::TooMany(why) = &answered {
        tracing::warn!(channel = %claimed.job.key, %why, "a message was not taken");
    }
    Ok(answered == Answered::Sent)
}

/// Says it now; how many lines the message held.
fn say(
    house: &House,
    post: &dyn Post,
    channel: &ChannelRecord,
    ready: &[NoticeRecord],
    now_ms: i64,
) -> (Answered, usize) {
    let link = house.notice_settings().link;
    let to_line = |n: &NoticeRecord| Line {
        text: n.line.clone(),
        link: link
            .as_ref()
            .filter(|_| n.about.parse::<blindspot_core::CaseId>().is_ok())
            .map(|l| l.replace("{case}", &n.about)),
    };
    let lines: Vec<Line> = ready.iter().map(to_line).collect();
    deliver(house, post, channel, &lines, now_ms)
}

/// Sends lines to a channel; what came of it and how many went.
pub(super) fn deliver(
    house: &House,
    post: &dyn Post,
    channel: &ChannelRecord,
    lines: &[Line],
    now_ms: i64,
) -> (Answered, usize) {
    let failed = |why: &str| (Answered::Failed(why.to_owned()), lines.len());
    let (shape, address) = match channels::opened(house, channel) {
        Ok(opened) => opened,
        Err(why) => return failed(why),
    };
    let (out, taken) = match message::build(shape, &address, lines, now_ms) {
        Ok(built) => built,
        Err(why) => return failed(why),
    };
    // Once more: what was allowed when it was written down may no longer be.
    if channels::check_url(&out.url, house.notice_settings().loopback_http).is_err() {
        return failed("the address is not https");
    }
    match post.post(&out) {
        Ok(reply) => (message::read_answer(shape, &address, &reply), taken),
        Err(why) => (Answered::Failed(why), taken),
    }
}

/// What a message came to, for one of its lines.
fn settle(
    tx: &blindspot_store::Tx<'_>,
    house: &House,
    notice: &NoticeRecord,
    answered: &Answered,
    (batch, now_ms): ([u8; 16], i64),
) -> blindspot_store::Result<()> {
    let (why, tries, again_ms) = match answered {
        Answered::Sent => {
            let how = Ended { state: "sent", tries: notice.tries + 1, batch, at_ms: now_ms, problem: None };
            return store::end(tx, &house.city, notice.notice_id, how).map(drop);
        }
        Answered::TooMany(why) => (why, notice.tries, SLOWER_MS),
        Answered::Failed(why) => {
            let doubled = BACKOFF_MS << notice.tries.clamp(0, 10);
            (why, notice.tries + 1, doubled.min(BACKOFF_MS_MAX))
        }
    };
    if tries >= TRIES_MAX || now_ms - notice.created_ms > OLD_MS {
        let how = Ended { state: "failed", tries, batch, at_ms: now_ms, problem: Some(why) };
        return store::end(tx, &house.city, notice.notice_id, how).map(drop);
    }
    store::put_off(tx, &house.city, notice.notice_id, tries, now_ms + again_ms, Some(why))
}

/// Writes what a run came to, and when the channel is next looked at; nothing of it when the lease was lost. False: no
/// message went out by this.
fn finish(
    house: &House,
    claimed: &Claimed,
    now_ms: i64,
    work: impl Fn(&blindspot_store::Tx<'_>) -> blindspot_store::Result<()>,
) -> Result<bool, ServiceError> {
    let done = house.store.write(|tx| {
        work(tx)?;
        let next = match channel_of(&claimed.job.key) {
            Some(id) => store::load_next(tx, &house.city, id)?,
            None => None,
        };
        let held = match next {
            Some(at) => jobs::put_off(tx, &house.city, claimed, None, at)?,
            None => jobs::finish(tx, &house.city, claimed, None, now_ms)?,
        };
        if held { Ok(false) } else { Err(ServiceError::refused(&BUSY)) }
    });
    match done {
        // Lost: whoever has it now says it again.
        Err(ServiceError::Refused(text, _)) if text.code == BUSY.code => Ok(false),
        other => other,
    }
}
