//! Reminders 催办 by the clock: 2 hours and 30 minutes before a deadline, when it is over, and a digest of each unit once a day.
//! Jobs with leases: a reminder is put once, whatever stops and however many servers look. Moves no case.

use super::{Changed, Letter, open_channels, put, tell_one};
use crate::service::{House, ServiceError};
use blindspot_core::CaseId;
use blindspot_core::case::Case;
use blindspot_core::error::BUSY;
use blindspot_core::local::{DAY_MS, MINUTE_MS, ZONE_MS, day_of};
use blindspot_core::projection::notice_text::digest;
use blindspot_core::projection::notices::{NoticeKind, Target, next_rung_ms, reminder, running};
use blindspot_core::row::RowKind;
use blindspot_store::cases::{CaseFilter, ListKey};
use blindspot_store::jobs::{self, Claimed, JobKey};
use blindspot_store::{Tx, cases, rows};
use std::collections::BTreeMap;

const CLOCK: &str = "case_clock";
const DIGEST: &str = "overdue_digest";
const LEASE_MS: i64 = 60_000;
/// Most reminders of one call.
const AT_ONCE: usize = 200;
/// Cases read in one step.
const PAGE: usize = 500;
/// When the digest is made: minutes of the day in UTC+8 (08:30).
const DIGEST_MIN: i64 = 8 * 60 + 30;

/// The job of a case.
#[must_use]
pub fn job_of(case: CaseId) -> JobKey {
    JobKey { kind: CLOCK, key: case.to_string() }
}

fn digest_job() -> JobKey {
    JobKey { kind: DIGEST, key: "all".to_owned() }
}

/// What becomes of the job of a case whose clock changed: when it is due, or that it goes.
pub(super) fn change(changed: &Changed<'_>, now_ms: i64) -> Option<(JobKey, Option<i64>)> {
    let before = changed.before.and_then(running).map(|due| due.due_ms);
    let after = running(changed.after).map(|due| due.due_ms);
    (before != after).then(|| (job_of(changed.after.case_id), next_rung_ms(changed.after, now_ms)))
}

/// The next time for a digest after a moment.
fn next_digest_ms(after_ms: i64) -> i64 {
    let today = day_of(after_ms) * DAY_MS - ZONE_MS + DIGEST_MIN * MINUTE_MS;
    if today > after_ms { today } else { today + DAY_MS }
}

/// Puts down the clocks of all open cases and the digest: for a city whose first channel is on from now.
///
/// # Errors
/// The database's.
pub fn fill(house: &House, now_ms: i64) -> Result<(), ServiceError> {
    let mut before = None;
    loop {
        let page = open_page(house, before)?;
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        house.store.write(|tx| {
            for (_, case) in &page {
                if let Some(at) = next_rung_ms(case, now_ms) {
                    jobs::put_sooner(tx, &house.city, &job_of(case.case_id), at, now_ms)?;
                }
            }
            Ok::<_, ServiceError>(())
        })?;
    }
    house
        .store
        .write(|tx| Ok(jobs::put_if_idle(tx, &house.city, &digest_job(), next_digest_ms(now_ms), now_ms)?))
}

fn open_page(house: &House, before: Option<ListKey>) -> Result<Vec<(ListKey, Case)>, ServiceError> {
    let open = CaseFilter { open: Some(true), ..CaseFilter::default() };
    let lines = house
        .store
        .read(|tx| cases::load_cases(tx, &house.city, &cases::Scope::City, &open, before, PAGE))?;
    lines.into_iter().map(|line| Ok((line.key, serde_json::from_str(&line.body)?))).collect()
}

/// Reminds of what is due; says how many clocks were looked at. A test drives it with a clock of its own.
///
/// # Errors
/// The database's; what was begun is done later.
pub fn run_due(house: &House, owner: &str, now_ms: i64) -> Result<usize, ServiceError> {
    let mut done = 0;
    for _ in 0..AT_ONCE {
        let Some(claimed) = claim(house, CLOCK, owner, now_ms)? else { break };
        remind(house, &claimed, now_ms)?;
        done += 1;
    }
    if let Some(claimed) = claim(house, DIGEST, owner, now_ms)? {
        tell_digest(house, &claimed, now_ms)?;
        done += 1;
    }
    Ok(done)
}

fn claim(
    house: &House,
    kind: &'static str,
    owner: &str,
    now_ms: i64,
) -> Result<Option<Claimed>, ServiceError> {
    // Looked at first: nothing is written while nothing is due.
    let due = house.store.read(|tx| jobs::load_due(tx, &house.city, kind, 1, now_ms))?;
    let Some(key) = due.into_iter().next() else { return Ok(None) };
    house.store.write(|tx| {
        Ok(jobs::lease(tx, &house.city, JobKey { kind, key: key.clone() }, owner, LEASE_MS, now_ms)?)
    })
}

/// Runs work with a claimed job and says when it is due next, in one transaction.
fn settle(
    house: &House,
    claimed: &Claimed,
    now_ms: i64,
    work: impl Fn(&Tx<'_>) -> Result<Option<i64>, ServiceError>,
) -> Result<(), ServiceError> {
    let done = house.store.write(|tx| {
        let held = match work(tx)? {
            Some(at) => jobs::put_off(tx, &house.city, claimed, None, at)?,
            None => jobs::finish(tx, &house.city, claimed, None, now_ms)?,
        };
        if held { Ok(()) } else { Err(ServiceError::refused(&BUSY)) }
    });
    match done {
        // Lost, or the clock was set anew: whoever has it now does it.
        Err(ServiceError::Refused(text, _)) if text.code == BUSY.code => Ok(()),
        other => other,
    }
}

fn remind(house: &House, claimed: &Claimed, now_ms: i64) -> Result<(), ServiceError> {
    let reference = house.reference();
    settle(house, claimed, now_ms, |tx| {
        let row = rows::load_row(tx, &house.city, &RowKind::Case, &claimed.job.key)?;
        let Some(row) = row else { return Ok(None) };
        let case: Case = serde_json::from_str(&row.body)?;
        if let Some(notice) = reminder(&case, claimed.due_ms, now_ms) {
            let channels = open_channels(tx, house)?;
            tell_one(tx, house, &reference, &channels, (&case, &notice), now_ms)?;
        }
        Ok(next_rung_ms(&case, now_ms))
    })
}

fn tell_digest(house: &House, claimed: &Claimed, now_ms: i64) -> Result<(), ServiceError> {
    let mut overdue: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut before = None;
    loop {
        let page = open_page(house, before)?;
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        for (_, case) in page {
            let late = running(&case).is_some_and(|due| due.is_overdue(now_ms));
            if let Some(lead) = case.lead.as_ref().filter(|_| late) {
                overdue.entry(lead.as_str().to_owned()).or_default().push(case);
            }
        }
    }
    for cases in overdue.values_mut() {
        cases.sort_by_key(|c| (c.due.as_ref().map(|d| d.due_ms), c.short_no.as_ref().map(|s| s.n)));
    }
    let reference = house.reference();
    let mark = day_of(now_ms).to_string();
    settle(house, claimed, now_ms, |tx| {
        let channels = open_channels(tx, house)?;
        if channels.is_empty() {
            return Ok(None);
        }
        for (unit, cases) in &overdue {
            let department = reference.catalogue.as_ref().and_then(|c| c.department(unit));
            let name = department.map_or(unit.as_str(), |d| d.name_zh.as_str());
            let line = digest(name, &cases.iter().collect::<Vec<_>>());
            let to = [Target::Leaders, Target::Unit(unit.as_str().into())];
            for channel in channels.iter().filter(|c| c.takes(&NoticeKind::Digest, &to)) {
                let about = format!("unit:{unit}");
                let letter = Letter {
                    about,
                    kind: &NoticeKind::Digest,
                    mark: &mark,
                    line: line.clone(),
                    urgent: false,
                };
                put(tx, house, channel, &letter, now_ms)?;
            }
        }
        Ok(Some(next_digest_ms(now_ms)))
    })
}
