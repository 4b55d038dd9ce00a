//! From what a damaged database still said to a new one: ops verbatim, captures, photos whose files are there.
//! Knows no damaged file.

use crate::error::ClientError;
use crate::host::PhotoFiles;
use crate::identity::Identity;
use crate::store::captures::{self, CaptureRecord, ShotRecord};
use crate::store::recover::{Salvage, SavedCapture, SavedOp};
use crate::store::{carried, erased, meta, outbox, signed, unsigned, uploads, write};
use blindspot_core::command::{Command, FormName, PhotoTaken};
use blindspot_core::id::Sha256;
use blindspot_core::{CaseId, PhotoId};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Numbers that a replica leaves out after a rescue: so many ops may have been lost without a trace, and none of
/// their numbers may be given again.
const NUMBERS_LEFT_OUT: u64 = 1_000;

/// What was brought out of a damaged database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// The damaged file's new name, beside the database. It is never deleted by the program.
    pub set_aside: String,
    /// What was wrong with it.
    pub why: String,
    /// Ops that wait to be sent.
    pub ops: u64,
    /// Ops that the server has, kept in case it loses its past.
    pub acknowledged: u64,
    /// Captures that are not sealed yet.
    pub captures: u64,
    /// Photos whose files are there.
    pub photos: u64,
    /// Ops, captures and photos that could not be read, as far as is known.
    pub unreadable: u64,
    /// Whether only a new enrolment lets the phone sync again.
    pub enrol_again: bool,
    /// Whether the person has been told.
    #[serde(default)]
    pub told: bool,
}

impl std::fmt::Display for Recovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { set_aside, ops, captures, photos, unreadable, .. } = self;
        let (zh, en) = if self.enrol_again {
            (
                "；请向管理员要新的绑定码重新绑定，之后照常上传",
                "; enrol again with a new code and all of it is sent",
            )
        } else {
            ("；照常上传", "; all of it is sent")
        };
        write!(
            f,
            "手机数据库损坏，已抢救：待上传 {ops} 条、未封存 {captures} 条、照片 {photos} 张；读不出 {unreadable} 条；\
             原文件保留为 {set_aside}{zh} / the phone's database was damaged; rescued: {ops} to send, {captures} not \
             sealed, {photos} photos; {unreadable} could not be read; the file is kept as {set_aside}{en}"
        )
    }
}

/// Fills an empty, prepared database. With `keeps_enrolment` the replica goes on as the device it was.
pub(crate) fn refill(
    db: &Connection,
    salvage: &Salvage,
    files: &dyn PhotoFiles,
    keeps_enrolment: bool,
    mut told: Recovered,
) -> Result<Recovered, ClientError> {
    let taken: Vec<(CaseId, bool, PhotoTaken)> = salvage.ops.iter().filter_map(photo).collect();
    let named: BTreeSet<PhotoId> = taken.iter().map(|(.., p)| p.photo_id).collect();
    let given_up: BTreeSet<PhotoId> = salvage.ops.iter().filter_map(given_up).collect();
    let tx = write(db)?;
    erased::keep(&tx, &salvage.erased)?;
    for saved in &salvage.ops {
        let decided = saved.decided.as_ref().map(|(verdict, at)| (verdict.as_str(), *at));
        match (outbox::restore(&tx, &saved.op, saved.sealed_ms, decided)?, decided) {
            (false, _) => told.unreadable += 1,
            (true, None) => told.ops += 1,
            (true, Some(_)) => told.acknowledged += 1,
        }
    }
    for (case_id, decided, photo) in &taken {
        if !given_up.contains(&photo.photo_id) {
            told.photos += u64::from(requeue(&tx, *case_id, *decided, photo, salvage, files)?);
        }
    }
    for file in salvage.carried.iter().filter(|c| is_there(files, &c.file)) {
        carried::insert(&tx, file, 0)?;
    }
    for capture in &salvage.captures {
        keep_capture(&tx, capture, salvage, &named, files, &mut told)?;
    }
    told.unreadable += salvage.broken + numbers_missing(salvage);
    let was_enrolled = identity(salvage).is_some() && salvage.meta.contains_key(meta::TOKENS);
    told.enrol_again = !(keeps_enrolment && was_enrolled);
    keep_meta(&tx, salvage, &told)?;
    tx.commit()?;
    Ok(told)
}

fn photo(saved: &SavedOp) -> Option<(CaseId, bool, PhotoTaken)> {
    match saved.op.command().ok()? {
        Command::Photo(photo) => Some((saved.op.env.case_id?, saved.decided.is_some(), photo)),
        _ => None,
    }
}

fn given_up(saved: &SavedOp) -> Option<PhotoId> {
    match saved.op.command().ok()? {
        Command::PhotoLost(lost) => Some(lost.photo_id),
        _ => None,
    }
}

fn identity(salvage: &Salvage) -> Option<Identity> {
    serde_json::from_str(salvage.meta.get(meta::IDENTITY)?).ok()
}

/// Queues the forms that an op names: the op vouches for the digest, the file for itself. Says whether any of them
/// has to go to the server.
fn requeue(
    db: &Connection,
    case_id: CaseId,
    decided: bool,
    photo: &PhotoTaken,
    salvage: &Salvage,
    files: &dyn PhotoFiles,
) -> Result<bool, ClientError> {
    let mut waits = false;
    for (name, form) in &photo.forms {
        let acked_ms = salvage.verified.get(&(photo.photo_id, name.as_str().to_owned())).copied();
        let bytes = files.read(&crate::shot::file_name(photo.photo_id, name)).ok();
        let whole = bytes.as_ref().is_some_and(|b| Sha256::of(b) == form.sha256);
        if acked_ms.is_some() && !whole || acked_ms.is_none() && bytes.is_none() && decided {
            // Delivered and let go, or not known to be missing.
            continue;
        }
        let filetype = crate::shot::filetype(&photo.media, bytes.as_deref().unwrap_or_default());
        let line = crate::seal::queued(case_id, photo, name, form, filetype);
        uploads::insert(db, &line, crate::seal::rank(photo, name), 0)?;
        match acked_ms {
            Some(at) => uploads::set_verified(db, photo.photo_id, name.as_str(), at)?,
            None => waits = true,
        }
    }
    Ok(waits)
}

/// A capture that was not sealed waits again. One that was, as its op shows, does not become another op; photos of
/// it that no op names are still added.
fn keep_capture(
    db: &Connection,
    saved: &SavedCapture,
    salvage: &Salvage,
    named: &BTreeSet<PhotoId>,
    files: &dyn PhotoFiles,
    told: &mut Recovered,
) -> Result<(), ClientError> {
    let is_op = |id| salvage.ops.iter().any(|o| o.op.env.op_id == id);
    let was_sealed = saved.record.op_id.is_some_and(is_op);
    let open: Vec<&ShotRecord> = saved.shots.iter().filter(|s| !named.contains(&s.photo_id)).collect();
    let (there, gone): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|s| is_there(files, &s.file) || is_there(files, &original(s)));
    let is_bare = saved.record.op_id.is_none() && !saved.shots.is_empty();
    // Sealing takes the raw files away: one that is said to be sealed, and is no op, and has them, was not.
    let has_raw = there.iter().any(|s| is_there(files, &s.file));
    let over = saved.record.sealed && (was_sealed || !has_raw);
    if over || there.is_empty() && (was_sealed || is_bare) {
        return Ok(());
    }
    told.unreadable += u64::try_from(gone.len()).unwrap_or(0);
    let mut record: CaptureRecord = saved.record.clone();
    if was_sealed {
        record.for_op = record.for_op.or(record.op_id);
        (record.op_id, record.kind, record.payload) = (None, None, None);
    }
    captures::insert(db, &record)?;
    told.captures += 1;
    for (n, shot) in there.into_iter().enumerate() {
        captures::insert_shot(db, record.capture_id, n, shot)?;
        told.photos += 1;
    }
    Ok(())
}

fn is_there(files: &dyn PhotoFiles, name: &str) -> bool {
    files.len(name).is_ok_and(|len| len.is_some())
}

fn original(shot: &ShotRecord) -> String {
    crate::shot::file_name(shot.photo_id, &FormName::Original)
}

/// Numbers of this device that the server is not known to have and whose op is not here.
fn numbers_missing(salvage: &Salvage) -> u64 {
    let Some(identity) = identity(salvage) else { return 0 };
    let own = salvage.ops.iter().filter(|o| o.op.env.device_id == identity.device_id);
    let mut here: BTreeSet<u64> = own.map(|o| o.op.env.device_seq).collect();
    let erased = salvage.erased.values().filter(|(device, ..)| *device == identity.device_id);
    here.extend(erased.map(|(_, seq, _)| unsigned(*seq)));
    let number = |key: &str| salvage.meta.get(key).and_then(|v| v.parse::<u64>().ok());
    let top = number(meta::DEVICE_SEQ).max(here.last().copied()).unwrap_or(0);
    let known = number(meta::RECEIVED_THROUGH);
    let from = known.or(here.first().map(|n| n.saturating_sub(1))).unwrap_or(top);
    let there = here.range(from.saturating_add(1)..).count();
    top.saturating_sub(from).saturating_sub(u64::try_from(there).unwrap_or(0))
}

fn keep_meta(db: &Connection, salvage: &Salvage, told: &Recovered) -> Result<(), ClientError> {
    // A revoked phone goes on handing in: that asks for nothing but its key.
    let always = [meta::GRANTS, meta::OFFSET, meta::EPOCH, meta::SAFE_THROUGH, meta::TAG, meta::REVOKED];
    let enrolment = [meta::TOKENS, meta::RECEIPT, meta::RECEIVED_THROUGH, meta::ME_DUE, meta::SIGNED_OUT];
    let keys = always.iter().chain(enrolment.iter().filter(|_| !told.enrol_again));
    for key in keys {
        if let Some(value) = salvage.meta.get(*key) {
            meta::set(db, key, value)?;
        }
    }
    if !salvage.meta.contains_key(meta::EPOCH) {
        // Whether the server has lost its past since is not known: all is offered again.
        meta::set(db, meta::REOFFER, "1")?;
    }
    if let Some(identity) = identity(salvage) {
        // Capturing goes on under the old name, with numbers that nothing lost can have had.
        let own = salvage.ops.iter().filter(|o| o.op.env.device_id == identity.device_id);
        let top = own.map(|o| o.op.env.device_seq).max().unwrap_or(0);
        let counted = salvage.meta.get(meta::DEVICE_SEQ).and_then(|v| v.parse().ok()).unwrap_or(0);
        let left_out = if told.enrol_again { NUMBERS_LEFT_OUT } else { 0 };
        meta::set_i64(db, meta::DEVICE_SEQ, signed(top.max(counted) + left_out))?;
        meta::set_json(db, meta::IDENTITY, &identity)?;
        if told.enrol_again {
            meta::set(db, meta::SIGNED_OUT, "1")?;
        }
    }
    meta::set_json(db, meta::RECOVERED, told)
}
