//! Ops in quarantine that are decided again by themselves: after 5 minutes, an hour, a day, and after an upgrade
//! (protocol 5), as jobs with leases. Which causes can become right by waiting says `Cause::again`. Knows no HTTP.

use super::ingest::{self, EntryId};
use super::start::NODE_DEAD_MS;
use super::{House, ServiceError};
use blindspot_core::error::BUSY;
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::limits::REPLAY_AFTER_MS;
use blindspot_core::verdict::{Again, Verdict};
use blindspot_store::jobs::{self, Claimed, JobKey};
use blindspot_store::quarantine::{self, Quarantined};
use blindspot_store::{Result, Tx, meta, ops};
use std::collections::{BTreeSet, VecDeque};

const KIND: &str = "replay";
/// Longer than any replay takes; after it, another takes it for crashed.
const LEASE_MS: i64 = 60_000;
/// Most replays of one call, so that whoever runs them looks after other work as well.
const AT_ONCE: usize = 200;
/// Most replays of one moment that are put in order at once.
const ORDERED_MAX: i64 = 100;
/// A replay that fails as such is given up after so many claims; the entry stays for a person.
const TRIES_MAX: i64 = 20;
/// Done jobs are kept so long, milliseconds (7 days).
const KEEP_MS: i64 = 7 * 24 * 3_600_000;
/// Entries put down for a replay in one transaction.
const PAGE: i64 = 500;
/// Which version last had all entries decided again.
const VERSION: &str = "replayed_by_version";
/// The payload of a replay that a person asked for.
const ASKED: &str = "asked";

/// The job of an entry.
#[must_use]
pub fn job_of((op_id, hash): EntryId) -> JobKey {
    JobKey { kind: KIND, key: format!("{op_id}/{hash}") }
}

fn entry_of(key: &str) -> Option<EntryId> {
    let (op_id, hash) = key.split_once('/')?;
    Some((op_id.parse().ok()?, Sha256::from_hex(hash)?))
}

/// When an entry put aside at `at_ms` is decided again next.
fn next_ms(at_ms: i64, now_ms: i64) -> Option<i64> {
    REPLAY_AFTER_MS.iter().map(|after| at_ms.saturating_add(*after)).find(|due| *due > now_ms)
}

/// Puts down the first replay of an entry, if waiting can make it right. Part of the transaction that puts it aside.
///
/// # Errors
/// The engine's.
pub fn plan(tx: &Tx<'_>, city: &CityId, kept: &Quarantined, now_ms: i64) -> Result<()> {
    if kept.cause.again() != Again::Time {
        return Ok(());
    }
    match next_ms(kept.at_ms, now_ms) {
        Some(due) => jobs::put(tx, city, &job_of((kept.op_id, kept.hash)), due, "", now_ms),
        None => Ok(()),
    }
}

/// As `plan`, for an entry whose replay somebody may be doing in this very transaction.
///
/// # Errors
/// The engine's.
pub fn plan_if_idle(tx: &Tx<'_>, city: &CityId, kept: &Quarantined, now_ms: i64) -> Result<()> {
    match next_ms(kept.at_ms, now_ms).filter(|_| kept.cause.again() == Again::Time) {
        Some(due) => jobs::put_if_idle(tx, city, &job_of((kept.op_id, kept.hash)), due, now_ms),
        None => Ok(()),
    }
}

/// Puts down a replay at once, because a person asked for it.
///
/// # Errors
/// The database's.
pub fn ask(house: &House, entry: EntryId, now_ms: i64) -> Result<(), ServiceError> {
    Ok(house.store.write(|tx| jobs::put(tx, &house.city, &job_of(entry), now_ms, ASKED, now_ms))?)
}

/// Whether nothing is to be done about an entry now: its replay is over, or put off.
///
/// # Errors
/// The database's.
pub fn is_done(house: &House, entry: EntryId) -> Result<bool, ServiceError> {
    let job = house.store.read(|tx| jobs::load(tx, &house.city, &job_of(entry)))?;
    Ok(job.is_none_or(|j| j.done_ms.is_some() || (j.tries > 0 && j.owner.is_none())))
}

/// After an upgrade, puts down a replay for each entry that a newer version may decide; says how many. Once a version.
///
/// # Errors
/// The database's.
pub fn after_upgrade(house: &House, version: &str, now_ms: i64) -> Result<usize, ServiceError> {
    if house.store.read(|tx| meta::load(tx, &house.city, VERSION))?.as_deref() == Some(version) {
        return Ok(0);
    }
    let (mut after, mut count) = (None, 0);
    loop {
        let page = house.store.write(|tx| {
            let page = quarantine::load_quarantine(tx, &house.city, None, after, PAGE)?;
            for kept in page.iter().filter(|k| matches!(k.cause.again(), Again::Time | Again::Upgrade)) {
                jobs::put(tx, &house.city, &job_of((kept.op_id, kept.hash)), now_ms, "", now_ms)?;
            }
            Ok::<_, ServiceError>(page)
        })?;
        count += page.iter().filter(|k| matches!(k.cause.again(), Again::Time | Again::Upgrade)).count();
        match page.last() {
            Some(last) => after = Some(last.place()),
            None => break,
        }
    }
    house.store.write(|tx| meta::save(tx, &house.city, VERSION, version))?;
    Ok(count)
}

/// Does replays that are due; says how many. `owner` names who does it, another name for every thread of every server.
/// A simulation calls it inline.
///
/// # Errors
/// The database's; what was begun is done later.
pub fn run_due(house: &House, owner: &str, now_ms: i64) -> Result<usize, ServiceError> {
    let (mut due, mut done) = (VecDeque::new(), 0);
    for _ in 0..AT_ONCE {
        if due.is_empty() {
            due = due_in_order(house, now_ms)?;
        }
        let Some(job) = due.pop_front() else { break };
        // One that another has claimed meanwhile is that one's.
        if let Some((claimed, stopped)) = claim(house, job, owner, now_ms)? {
            run(house, &claimed, stopped, now_ms)?;
            done += 1;
        }
    }
    Ok(done)
}

/// Forgets what was done long ago.
///
/// # Errors
/// The database's.
pub fn sweep(tx: &Tx<'_>, city: &CityId, now_ms: i64) -> Result<usize> {
    jobs::sweep(tx, city, now_ms - KEEP_MS)
}

/// The replays due at the earliest moment, the first received first: the ids of ops, by which jobs stand, are of their
/// phones' clocks, which have no say (P8).
fn due_in_order(house: &House, now_ms: i64) -> Result<VecDeque<JobKey>> {
    house.store.read(|tx| {
        let mut keys = jobs::load_due(tx, &house.city, KIND, ORDERED_MAX, now_ms)?;
        if keys.len() > 1 {
            let ids = keys.iter().filter_map(|key| Some(entry_of(key)?.0)).collect();
            let stored = ops::load_ops(tx, &house.city, &ids)?;
            let received = |key: &String| entry_of(key).and_then(|(id, _)| Some(stored.get(&id)?.n));
            keys.sort_by_key(|key| received(key).unwrap_or(i64::MAX));
        }
        Ok(keys.into_iter().map(|key| JobKey { kind: KIND, key }).collect())
    })
}

/// Claims a replay and notes durably which op is about to be decided: one that stopped the server must not do so
/// again and again. Says whether it did.
fn claim(house: &House, job: JobKey, owner: &str, now_ms: i64) -> Result<Option<(Claimed, bool)>> {
    house.store.write(|tx| {
        let Some(claimed) = jobs::lease(tx, &house.city, job.clone(), owner, LEASE_MS, now_ms)? else {
            return Ok(None);
        };
        let Some((op_id, _)) = entry_of(&claimed.job.key) else { return Ok(Some((claimed, false))) };
        let (run, ids) = (house.run(), BTreeSet::from([op_id]));
        let alive_ms = now_ms - NODE_DEAD_MS;
        let stopped = !quarantine::load_trying(tx, &house.city, &ids, run, alive_ms)?.is_empty();
        quarantine::append_trying(tx, &house.city, &ids, run)?;
        Ok(Some((claimed, stopped)))
    })
}

fn run(house: &House, claimed: &Claimed, stopped: bool, now_ms: i64) -> Result<(), ServiceError> {
    let city = &house.city;
    let asked = claimed.payload == ASKED;
    let entry = entry_of(&claimed.job.key);
    let kept = match entry {
        Some((op, hash)) => house.store.read(|tx| quarantine::load_quarantined(tx, city, op, &hash))?,
        None => None,
    };
    let give_up =
        |why: Option<&str>| house.store.write(|tx| jobs::finish(tx, city, claimed, why, now_ms).map(drop));
    let (Some(entry), Some(kept)) = (entry, kept.filter(|k| k.released_ms.is_none())) else {
        end_trying(house, entry)?;
        return Ok(give_up(None)?);
    };
    if claimed.tries > TRIES_MAX {
        return Ok(give_up(Some("the database refused each time"))?);
    }
    if stopped && !asked {
        return Ok(give_up(Some("the server stopped while deciding it"))?);
    }
    let done = ingest::decide_again(house, entry, asked, now_ms, |tx, verdict| {
        let held = match (verdict, next_ms(kept.at_ms, now_ms)) {
            (Verdict::Quarantined { cause, .. }, Some(due)) if cause.again() == Again::Time => {
                jobs::put_off(tx, city, claimed, Some(cause.as_str()), due)?
            }
            (Verdict::Quarantined { cause, .. }, _) => {
                jobs::finish(tx, city, claimed, Some(cause.as_str()), now_ms)?
            }
            _ => jobs::finish(tx, city, claimed, None, now_ms)?,
        };
        // Another has taken it over: nothing of this may stand.
        if held { Ok(()) } else { Err(ServiceError::refused(&BUSY)) }
    });
    end_trying(house, Some(entry))?;
    match done {
        Ok(done) => {
            tracing::info!(op = %entry.0, verdict = done.verdict.word(), "an op in quarantine was decided again");
            Ok(())
        }
        // Lost: whoever has it now does it.
        Err(ServiceError::Refused(text, _)) if text.code == BUSY.code => Ok(()),
        Err(error) => Err(error),
    }
}

fn end_trying(house: &House, entry: Option<EntryId>) -> Result<(), ServiceError> {
    let Some((op_id, _)) = entry else { return Ok(()) };
    Ok(house.store.write(|tx| quarantine::end_trying(tx, &house.city, &BTreeSet::from([op_id])))?)
}

#[cfg(test)]
#[path = "replays_tests.rs"]
mod tests;
