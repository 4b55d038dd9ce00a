//! What comes because a time has come: silence that is acceptance, what hangs and works again, what is watched and archived,
//! checks that are drawn, clocks that stand still with the city. Finds what is due; what it means is core's.
//!
//! Looked for by every server, done by the one that holds the lease; an op of a due time has one id, so that even two do it
//! once.

use super::system::{self, Submit};
use super::{Credential, House, ServiceError, case_files, drawing, pauses};
use blindspot_core::CaseId;
use blindspot_core::apply::next_lapse;
use blindspot_core::command::Lapse;
use blindspot_core::wire::v1::DeskOp;
use blindspot_store::jobs::{self, JobKey};
use blindspot_store::{StoreError, Tx, cases};
use std::collections::BTreeSet;

/// Most cases of one look.
const AT_ONCE: i64 = 200;
/// How long one server has the turn, milliseconds.
const LEASE_MS: i64 = 60_000;

/// What is due now.
struct Due {
    lapses: Vec<CaseId>,
    draws: Vec<CaseId>,
    pauses: bool,
}

/// Does what is due; says how many ops that were. `owner` names who does it, another name for every thread of every server.
/// A test calls it with a clock of its own and a `submit` that decides inline.
///
/// # Errors
/// The database's; what was begun is done later.
pub fn run_due(house: &House, owner: &str, submit: Submit<'_>, now_ms: i64) -> Result<usize, ServiceError> {
    let due = house.store.read(|tx| look(tx, house, now_ms))?;
    if due.lapses.is_empty() && due.draws.is_empty() && !due.pauses {
        return Ok(0);
    }
    let job = JobKey { kind: "clockwork", key: "turn".to_owned() };
    let turn = house.store.write(|tx| {
        jobs::put_if_idle(tx, &house.city, &job, now_ms, now_ms)?;
        let claimed = jobs::lease(tx, &house.city, job.clone(), owner, LEASE_MS, now_ms)?;
        let who = system::credential(tx, house, now_ms)?;
        Ok::<_, StoreError>(claimed.map(|claimed| (claimed, who)))
    })?;
    let Some((claimed, who)) = turn else { return Ok(0) };
    let done = work(house, who, &due, submit, now_ms);
    let problem = done.as_ref().err().map(ToString::to_string);
    house.store.write(|tx| jobs::put_off(tx, &house.city, &claimed, problem.as_deref(), now_ms).map(drop))?;
    done
}

fn look(tx: &Tx<'_>, house: &House, now_ms: i64) -> Result<Due, StoreError> {
    Ok(Due {
        lapses: cases::load_due(tx, &house.city, now_ms, AT_ONCE)?,
        draws: drawing::due(tx, house, now_ms, AT_ONCE)?,
        pauses: pauses::any_in_force(tx, house, now_ms)?,
    })
}

fn work(
    house: &House,
    who: Credential,
    due: &Due,
    submit: Submit<'_>,
    now_ms: i64,
) -> Result<usize, ServiceError> {
    let mut ops = vec![];
    let ids: BTreeSet<CaseId> = due.lapses.iter().chain(&due.draws).copied().collect();
    let files = house.store.read(|tx| case_files::load(tx, house, &ids))?;
    for id in &due.lapses {
        let next = files.get(id).and_then(|file| next_lapse(&file.case));
        let Some((what, due_ms)) = next.filter(|(_, due_ms)| *due_ms <= now_ms) else { continue };
        let about = format!("{id} {what} {due_ms}");
        ops.push((*id, system::op("lapse", &about, due_ms, &Lapse { what, due_ms })?));
    }
    for id in &due.draws {
        if let Some(file) = files.get(id) {
            ops.extend(drawing::draw(house, file, now_ms)?.map(|op| (*id, op)));
        }
    }
    if due.pauses {
        ops.extend(pauses::untouched(house, now_ms)?);
    }
    let count = ops.len();
    let entries = system::act(who, ops, submit, now_ms)?;
    debug_assert_eq!(entries.len(), count);
    Ok(count)
}

/// Ops as they are handed to the writer.
pub(super) type Ops = Vec<(CaseId, DeskOp)>;
