//! Work that is due at a time, done by one however many threads or servers look: whoever claims it holds a lease, and
//! a lease that ran out is taken over. Knows no clock, and nothing of what a job is about.
//!
//! What a job does and that it is done belong in one transaction: `finish` says whether the lease still stood, and a
//! worker that has lost it rolls back. Then a job's effect happens once, whatever stops in between.

use crate::{Result, Stmt, Tx};
use blindspot_core::id::CityId;

const SQL: &str = include_str!("../sql/jobs.sql");
static PUT: Stmt = Stmt::new(SQL, "job_put");
static PUT_IF_IDLE: Stmt = Stmt::new(SQL, "job_put_if_idle");
static PUT_SOONER: Stmt = Stmt::new(SQL, "job_put_sooner");
static DUE: Stmt = Stmt::new(SQL, "job_due");
static LEASE: Stmt = Stmt::new(SQL, "job_lease");
static DONE: Stmt = Stmt::new(SQL, "job_done");
static AGAIN: Stmt = Stmt::new(SQL, "job_again");
static LOAD: Stmt = Stmt::new(SQL, "job_load");
static REMOVE: Stmt = Stmt::new(SQL, "job_remove");
static SWEEP: Stmt = Stmt::new(SQL, "jobs_sweep");

/// Names a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobKey {
    /// What is to be done.
    pub kind: &'static str,
    /// To what.
    pub key: String,
}

/// A job that somebody has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Which.
    pub job: JobKey,
    /// Who holds the lease.
    pub owner: String,
    /// When it was due, milliseconds.
    pub due_ms: i64,
    /// How often it was claimed, this time included.
    pub tries: i64,
    /// What it needs to know.
    pub payload: String,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// When it is due, milliseconds.
    pub due_ms: i64,
    /// How often it was claimed.
    pub tries: i64,
    /// What it needs to know.
    pub payload: String,
    /// Who holds the lease.
    pub owner: Option<String>,
    /// Until when.
    pub lease_until_ms: i64,
    /// When it was done with.
    pub done_ms: Option<i64>,
    /// What went wrong last.
    pub problem: Option<String>,
}

/// Puts a job, or puts it anew: whoever holds an older lease of it will find it lost.
///
/// # Errors
/// The engine's.
pub fn put(tx: &Tx<'_>, city: &CityId, job: &JobKey, due_ms: i64, payload: &str, now_ms: i64) -> Result<()> {
    let key = job.key.as_str();
    tx.exec(&PUT, &[city.into(), job.kind.into(), key.into(), due_ms.into(), payload.into(), now_ms.into()])
        .map(drop)
}

/// Puts jobs of a kind, each with when it is due, over whatever was put of them; no two of one key.
///
/// # Errors
/// The engine's.
pub fn put_all(tx: &Tx<'_>, city: &CityId, jobs: &[(&JobKey, i64)], now_ms: i64) -> Result<()> {
    let sets = jobs.iter().map(|(job, due_ms)| {
        let key = job.key.as_str();
        [city.into(), job.kind.into(), key.into(), (*due_ms).into(), "".into(), now_ms.into()]
    });
    tx.exec_many(&PUT, sets).map(drop)
}

/// Takes jobs away, whoever holds them.
///
/// # Errors
/// The engine's.
pub fn remove_all(tx: &Tx<'_>, city: &CityId, jobs: &[&JobKey]) -> Result<()> {
    let sets = jobs.iter().map(|job| [city.into(), job.kind.into(), job.key.as_str().into()]);
    tx.exec_many(&REMOVE, sets).map(drop)
}

/// Puts a job unless it is put already or held by somebody.
///
/// # Errors
/// The engine's.
pub fn put_if_idle(tx: &Tx<'_>, city: &CityId, job: &JobKey, due_ms: i64, now_ms: i64) -> Result<()> {
    let key = job.key.as_str();
    let set = [city.into(), job.kind.into(), key.into(), due_ms.into(), "".into(), now_ms.into()];
    tx.exec(&PUT_IF_IDLE, &set).map(drop)
}

/// Puts a job, or lets one that is put already be due sooner. Whoever holds a lease keeps it, and looks once more before
/// saying that the job is done.
///
/// # Errors
/// The engine's.
pub fn put_sooner(tx: &Tx<'_>, city: &CityId, job: &JobKey, due_ms: i64, now_ms: i64) -> Result<()> {
    let key = job.key.as_str();
    let set = [city.into(), job.kind.into(), key.into(), due_ms.into(), "".into(), now_ms.into()];
    tx.exec(&PUT_SOONER, &set).map(drop)
}

/// Takes a job away, whoever holds it.
///
/// # Errors
/// The engine's.
pub fn remove(tx: &Tx<'_>, city: &CityId, job: &JobKey) -> Result<()> {
    remove_all(tx, city, &[job])
}

/// Of the jobs of a kind that are due and that nobody holds, those due at the earliest moment, at most `most`, in the
/// order of their keys.
///
/// # Errors
/// The engine's.
pub fn load_due(
    tx: &Tx<'_>,
    city: &CityId,
    kind: &'static str,
    most: i64,
    now_ms: i64,
) -> Result<Vec<String>> {
    let rows = tx.query(&DUE, &[city.into(), kind.into(), now_ms.into(), most.into()])?;
    let mut keys = vec![];
    let mut first = None;
    for row in &rows {
        let due = row.int(1)?;
        if *first.get_or_insert(due) == due {
            keys.push(row.text(0)?.to_owned());
        }
    }
    Ok(keys)
}

/// Claims this job, if it is due and nobody holds it, until `now_ms + lease_ms`.
///
/// # Errors
/// The engine's.
pub fn lease(
    tx: &Tx<'_>,
    city: &CityId,
    job: JobKey,
    owner: &str,
    lease_ms: i64,
    now_ms: i64,
) -> Result<Option<Claimed>> {
    let until = now_ms.saturating_add(lease_ms);
    let set = [
        city.into(),
        job.kind.into(),
        job.key.as_str().into(),
        owner.into(),
        until.into(),
        // Said again: where readers do not wait for writers, another may have been quicker.
        now_ms.into(),
    ];
    let Some(row) = tx.query_one(&LEASE, &set)? else { return Ok(None) };
    Ok(Some(Claimed {
        owner: owner.to_owned(),
        due_ms: row.int(0)?,
        tries: row.int(1)?,
        payload: row.text(2)?.to_owned(),
        job,
    }))
}

/// The job is done with, for good; `problem` says that it was given up. False when the lease was lost: then nothing
/// of it may be committed.
///
/// # Errors
/// The engine's.
pub fn finish(
    tx: &Tx<'_>,
    city: &CityId,
    claimed: &Claimed,
    problem: Option<&str>,
    now_ms: i64,
) -> Result<bool> {
    end(tx, &DONE, city, claimed, now_ms, problem)
}

/// The job is due again later. False when the lease was lost.
///
/// # Errors
/// The engine's.
pub fn put_off(
    tx: &Tx<'_>,
    city: &CityId,
    claimed: &Claimed,
    problem: Option<&str>,
    due_ms: i64,
) -> Result<bool> {
    end(tx, &AGAIN, city, claimed, due_ms, problem)
}

fn end(
    tx: &Tx<'_>,
    stmt: &Stmt,
    city: &CityId,
    claimed: &Claimed,
    at_ms: i64,
    problem: Option<&str>,
) -> Result<bool> {
    let Claimed { job, owner, .. } = claimed;
    let set = [
        city.into(),
        job.kind.into(),
        job.key.as_str().into(),
        owner.as_str().into(),
        at_ms.into(),
        problem.into(),
    ];
    Ok(tx.exec(stmt, &set)? == 1)
}

/// How a job stands; nothing when there is none.
///
/// # Errors
/// The engine's.
pub fn load(tx: &Tx<'_>, city: &CityId, job: &JobKey) -> Result<Option<JobState>> {
    let row = tx.query_one(&LOAD, &[city.into(), job.kind.into(), job.key.as_str().into()])?;
    row.map(|row| {
        Ok(JobState {
            due_ms: row.int(0)?,
            tries: row.int(1)?,
            payload: row.text(2)?.to_owned(),
            owner: row.opt_text(3)?.map(str::to_owned),
            lease_until_ms: row.int(4)?,
            done_ms: row.opt_int(5)?,
            problem: row.opt_text(6)?.map(str::to_owned),
        })
    })
    .transpose()
}

/// Forgets jobs that were done with before a time.
///
/// # Errors
/// The engine's.
pub fn sweep(tx: &Tx<'_>, city: &CityId, before_ms: i64) -> Result<usize> {
    tx.exec(&SWEEP, &[city.into(), before_ms.into()])
}
