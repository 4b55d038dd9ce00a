//! Ingest: a group of pushes, desk actions and photo arrivals decided in one durable transaction.
//!
//! One bad op never fails or delays what does not depend on it (protocol 5): rules run inside a panic
//! boundary, and a group that the engine refuses is halved until the bad op stands alone. Must not know
//! HTTP or threads.

mod apart;
#[cfg(test)]
mod asks_tests;
mod decide;
mod desk;
mod desk_ops;
mod erase;
#[cfg(test)]
mod fault_tests;
mod finish;
mod group;
mod holds;
mod needs;
mod numbers;
mod photos;
mod sparing;
mod task;
#[cfg(test)]
mod tests;

pub use desk::{
    DeskNote, Edit, EntryId, FoundPhoto, adopt_photo, decide_again, dismiss, hand_to_case, replace,
};
pub(super) use erase::Toll;
pub use erase::erase_listed;
pub use holds::{expire_holds, flag_mismatch, replay_understood};

pub use task::ReadPush;

use super::writer::WriteJob;
use super::{House, ServiceError, erasure, pull};
use blindspot_core::error::{self, ProblemText};
use blindspot_core::feed::Feed;
use blindspot_core::mutant;
use blindspot_core::verdict::Cause;
use blindspot_core::wire::v1::{Hint, PushReply, VerdictEntry};
use blindspot_core::{DeviceId, OpId};
use blindspot_store::{StoreError, meta, quarantine};
use group::Group;
use sparing::{Sparing, sparing};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use task::{Task, take_apart};

/// Most tasks of one transaction; bounds the rows it changes (protocol 8).
const TASKS_MAX: usize = 1_000;

/// What a committed group gives back.
#[derive(Default)]
pub(super) struct Committed {
    pub(super) entries: Vec<Option<VerdictEntry>>,
    pub(super) moved: BTreeMap<Feed, i64>,
    pub(super) received_through: BTreeMap<DeviceId, u64>,
    pub(super) safe_through: Option<i64>,
    pub(super) epoch: i64,
    /// Something was erased: lists and files follow before anybody is answered.
    pub(super) erased: bool,
    /// Rulings were given that like cases follow.
    pub(super) precedents: bool,
    /// Uploads whose bytes were erased while they came.
    pub(super) not_taken: BTreeSet<[u8; 16]>,
}

impl Committed {
    /// Takes over what the next part of a group gave.
    fn add(&mut self, part: Self) {
        self.entries.extend(part.entries);
        self.moved.extend(part.moved);
        self.received_through.extend(part.received_through);
        self.epoch = part.epoch;
        self.erased |= part.erased;
        self.precedents |= part.precedents;
        self.not_taken.extend(part.not_taken);
        self.safe_through = part.safe_through.or(self.safe_through);
    }
}

/// Ops that were noted before they are applied.
type Noted = BTreeSet<OpId>;

fn ids_of(tasks: &[Task]) -> Noted {
    tasks.iter().filter_map(|t| if let Task::Op(op) = t { op.op_id() } else { None }).collect()
}

/// Why a part of a group was not written; nothing of it is acknowledged.
#[derive(Clone, Copy)]
enum Failure {
    Full,
    Other,
}

impl Failure {
    fn of(error: &StoreError) -> Self {
        tracing::error!(%error, "a write group failed");
        if matches!(error, StoreError::Full) { Failure::Full } else { Failure::Other }
    }
    fn problem(self) -> &'static ProblemText {
        match self {
            _ if mutant::is("fault_is_refusal") => &error::BAD_REQUEST,
            Failure::Full => &error::NO_SPACE,
            Failure::Other => &error::BUSY,
        }
    }
}

/// A job taken apart: its tasks stand in a range of the group's.
struct Taken {
    job: WriteJob,
    tasks: Range<usize>,
}

/// Decides a group and answers each job after the durable commit, then tells of the feeds that moved.
pub fn step(house: &House, jobs: Vec<WriteJob>) {
    let (mut tasks, mut taken) = (Vec::new(), Vec::new());
    for mut job in jobs {
        match take_apart(house, &mut job) {
            Err(error) => job.refuse(error),
            Ok(part) => {
                let from = tasks.len();
                tasks.extend(part);
                taken.push(Taken { job, tasks: from..tasks.len() });
            }
        }
    }
    if tasks.is_empty() && taken.is_empty() {
        return;
    }
    let total = tasks.len();
    let tasks_approve = tasks.iter().any(Task::approves);
    let mut sum = Committed::default();
    let (mut failed, mut noted) = (None, BTreeSet::new());
    while !tasks.is_empty() && failed.is_none() {
        let rest = tasks.split_off(tasks.len().min(TASKS_MAX));
        failed = commit(house, &mut tasks, &mut sum, &mut noted).err();
        tasks = rest;
    }
    end_trying(house, &noted);
    // Said again after its answer was lost, an approval is answered only when everything is gone, too.
    if (sum.erased || tasks_approve) && failed.is_none() {
        failed = erasure::settle_near(house).err().map(|error| {
            tracing::error!(%error, "an erasure is not complete; it is gone on with");
            sum.entries.clear();
            Failure::Other
        });
    }
    if sum.precedents
        && let Err(error) = super::reference::load_duty(house)
    {
        tracing::error!(%error, "a ruling is not yet known to the matrix; the next start reads it");
    }
    debug_assert!(failed.is_some() || sum.entries.len() == total);
    answer(house, taken, &mut sum, failed);
    let hints: Vec<Hint> = sum.moved.into_iter().map(|(feed, seq)| Hint { feed, seq }).collect();
    if !hints.is_empty() {
        house.tell(&hints);
    }
}

/// Commits tasks, halving when the engine refuses the data, until the bad op stands alone. Pieces that
/// were committed before a failure stay; sending again finds their verdicts.
fn commit(house: &House, tasks: &mut [Task], sum: &mut Committed, noted: &mut Noted) -> Result<(), Failure> {
    let error = match run_noted(house, tasks, noted) {
        Ok(done) => {
            sum.add(done);
            return Ok(());
        }
        Err(error) => error,
    };
    if !error.is_refusal() {
        return Err(Failure::of(&error));
    }
    if tasks.len() > 1 {
        tracing::warn!(%error, tasks = tasks.len(), "a group was refused and is halved");
        let (first, second) = tasks.split_at_mut(tasks.len() / 2);
        commit(house, first, sum, noted)?;
        return commit(house, second, sum, noted);
    }
    match sparing(|with| Ok(run(house, tasks, Some(with), noted)?)) {
        Ok(Some(done)) => {
            sum.add(done);
            Ok(())
        }
        // Another server stopped without a word in this very moment: whoever asks again is answered.
        Ok(None) => Err(Failure::of(&StoreError::Busy)),
        Err(ServiceError::Store(error)) if !error.is_refusal() => Err(Failure::of(&error)),
        Err(_) => blame(house, tasks, (sum, noted), &error),
    }
}

/// An op that the engine refuses by itself is put aside.
fn blame(
    house: &House,
    tasks: &mut [Task],
    (sum, noted): (&mut Committed, &mut Noted),
    error: &StoreError,
) -> Result<(), Failure> {
    match tasks {
        [Task::Op(op)] if op.forced.is_none() => {
            tracing::error!(%error, "an op was refused by the database and is quarantined");
            op.forced = Some(Cause::Engine);
            commit(house, tasks, sum, noted)
        }
        _ => Err(Failure::of(error)),
    }
}

/// Runs a part of a group; when ops are to be noted before they are applied, notes them first.
fn run_noted(house: &House, tasks: &mut [Task], noted: &mut Noted) -> Result<Committed, StoreError> {
    if let Some(done) = run(house, tasks, None, noted)? {
        return Ok(done);
    }
    noted.extend(note_trying(house, tasks)?);
    run(house, tasks, None, noted)?.ok_or(StoreError::Busy)
}

/// Nothing is done, and nothing given, when ops of it are to be noted before they are applied and are not.
fn run(
    house: &House,
    tasks: &[Task],
    sparing: Option<&Sparing>,
    noted: &Noted,
) -> Result<Option<Committed>, StoreError> {
    let reference = house.reference();
    let now_ms = tasks.iter().map(Task::at_ms).max().unwrap_or(0);
    let (mut too_early, mut to_note) = (None, false);
    let done = house.store.write(|tx| {
        let mut group = Group::begin(tx, house, &reference, now_ms)?;
        to_note = group.trying_left > 0 && !ids_of(tasks).is_subset(noted);
        if to_note {
            return Err(StoreError::Busy);
        }
        // After the look: what is written here is gathered no more, and would go with a group that is begun again.
        house.used.write(tx, house)?;
        group.load(tasks)?;
        group.sparing = sparing;
        let mut entries = Vec::with_capacity(tasks.len());
        let mut not_taken = BTreeSet::new();
        for task in tasks {
            entries.push(match task {
                Task::Op(op) => Some(group.receive(op)?),
                Task::Frame { device, next_seq, receipt, gone, .. } => {
                    group.frame(*device, *next_seq, *receipt, gone);
                    None
                }
                Task::Arrived { credential, photo_id, sha256, upload_id, now_ms } => {
                    if !group.arrived(*credential, *photo_id, *sha256, *upload_id, *now_ms)? {
                        not_taken.insert(*upload_id);
                    }
                    None
                }
                Task::Mismatch { photo_id } => {
                    group.mismatch(*photo_id)?;
                    None
                }
            });
        }
        let done = Committed { not_taken, ..group.finish(entries)? };
        sparing.map_or(Ok(()), Sparing::end)?;
        if mutant::is("ack_before_commit") && tasks.len() % 3 == 1 {
            too_early = Some(done);
            return Err(StoreError::Busy);
        }
        Ok(done)
    });
    match too_early {
        Some(early) => Ok(Some(early)),
        None if to_note => Ok(None),
        None => done.map(Some),
    }
}

fn answer(house: &House, taken: Vec<Taken>, sum: &mut Committed, failed: Option<Failure>) {
    for Taken { job, tasks } in taken {
        // Entries stand in task order; what comes after a failure has none.
        let Some(entries) = sum.entries.get_mut(tasks) else {
            job.refuse(ServiceError::refused(failed.unwrap_or(Failure::Other).problem()));
            continue;
        };
        let verdicts: Vec<VerdictEntry> = entries.iter_mut().filter_map(Option::take).collect();
        match job {
            WriteJob::Push { credential, received_ms, done, .. } => {
                let through = sum.received_through.get(&credential.device).copied().unwrap_or(0);
                let common = pull::common_from(
                    house,
                    sum.epoch,
                    credential.device,
                    through,
                    sum.safe_through,
                    received_ms,
                );
                done(Ok(PushReply { common, received_through: through, verdicts }));
            }
            WriteJob::Desk { done, .. } => match verdicts.into_iter().next() {
                Some(entry) => done(Ok(entry)),
                None => done(Err(ServiceError::refused(&error::INTERNAL))),
            },
            WriteJob::Arrived { upload_id, done, .. } if sum.not_taken.contains(&upload_id) => {
                done(Err(ServiceError::refused(&error::ERASED)));
            }
            WriteJob::Arrived { done, .. } | WriteJob::Mismatch { done, .. } => done(Ok(())),
        }
    }
}

/// After an unclean stop: notes durably which ops are about to be applied, and quarantines those that an
/// earlier run was applying when it ended. Gives the ids noted.
fn note_trying(house: &House, tasks: &mut [Task]) -> Result<Noted, StoreError> {
    let ids = ids_of(tasks);
    let run = house.run();
    let alive_ms = tasks.iter().map(Task::at_ms).max().unwrap_or(0) - super::start::NODE_DEAD_MS;
    let suspects = house.store.write(|tx| {
        let left = meta::load_int(tx, &house.city, meta::TRYING_LEFT)?.unwrap_or(0);
        let suspects = quarantine::load_trying(tx, &house.city, &ids, run, alive_ms)?;
        quarantine::append_trying(tx, &house.city, &ids, run)?;
        let left = left.saturating_sub(i64::try_from(ids.len()).unwrap_or(i64::MAX));
        meta::save(tx, &house.city, meta::TRYING_LEFT, &left.max(0).to_string())?;
        Ok::<_, StoreError>(suspects)
    })?;
    for task in tasks {
        if let Task::Op(op) = task
            && op.op_id().is_some_and(|id| suspects.contains(&id))
        {
            op.forced = Some(Cause::Trying);
        }
    }
    Ok(ids)
}

/// Whatever became of the group, it did not stop the server.
fn end_trying(house: &House, ids: &Noted) {
    if ids.is_empty() {
        return;
    }
    if let Err(error) = house.store.write(|tx| quarantine::end_trying(tx, &house.city, ids)) {
        tracing::error!(%error, "ops stay noted as being tried");
    }
}
