//! What a person, or time, does with an entry of the quarantine: decides it again as it is, puts an edited op or a note in
//! its place, or sets it aside (protocol 5). Each in one transaction, with whatever else the caller writes of it. What
//! that means for the ops of a group stands in `desk_ops`.

use super::Committed;
use super::apart::ticket;
use super::decide::entry_of;
use super::group::Group;
use super::holds::tell;
use super::sparing::{is_refusal, sparing};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::{CONFLICT, NOT_FOUND};
use blindspot_core::id::Sha256;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, OpId, PersonId, PhotoId};
use blindspot_store::quarantine::Quarantined;
use blindspot_store::{Tx, quarantine};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// Names an entry: op and hash of its bytes.
pub type EntryId = (OpId, Sha256);

/// What an entry becomes on a case.
#[derive(Clone, Debug)]
pub struct DeskNote {
    /// The op of the note.
    pub op_id: OpId,
    /// On which case.
    pub case_id: CaseId,
    /// What it says.
    pub text: String,
}

/// A photo whose op never came.
#[derive(Clone, Copy, Debug)]
pub struct FoundPhoto {
    /// The op to make.
    pub op_id: OpId,
    /// The photo.
    pub photo_id: PhotoId,
    /// On which case it goes.
    pub case_id: CaseId,
}

/// An op in place of one in quarantine.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The new op.
    pub op_id: OpId,
    /// What is done.
    pub kind: String,
    /// On which case.
    pub case_id: Option<CaseId>,
    /// By kind.
    pub payload: Box<RawValue>,
    /// Whose work it is, where the entry itself does not say.
    pub author: Option<PersonId>,
}

fn find(tx: &Tx<'_>, house: &House, (op_id, hash): EntryId) -> Result<Quarantined, ServiceError> {
    let found = quarantine::load_quarantined(tx, &house.city, op_id, &hash)?;
    found.ok_or_else(|| ServiceError::refused(&NOT_FOUND))
}

/// A person's decision in a group of its own: one transaction, and then whoever listens is told.
fn in_group<T>(
    house: &House,
    now_ms: i64,
    work: impl Fn(&Tx<'_>, &mut Group<'_, '_>) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let reference = house.reference();
    let (done, moved) = sparing(|with| {
        house.store.write(|tx| {
            let mut group = Group::begin(tx, house, &reference, now_ms)?;
            group.sparing = Some(with);
            let done = work(tx, &mut group)?;
            let Committed { moved, .. } = group.finish(vec![])?;
            with.end()?;
            Ok::<_, ServiceError>((done, moved))
        })
    })?;
    tell(house, moved);
    Ok(done)
}

/// An entry that nobody has decided.
fn find_open(tx: &Tx<'_>, house: &House, entry_id: EntryId) -> Result<Quarantined, ServiceError> {
    let kept = find(tx, house, entry_id)?;
    let open = kept.released_ms.is_none();
    open.then_some(kept).ok_or_else(|| ServiceError::because(&CONFLICT, "decided already"))
}

/// Decides an entry again as it is. `vouched`: a person stands up for whose work it is. `also` is written in the same
/// transaction, knowing the verdict; its error undoes all.
///
/// # Errors
/// `NOT_FOUND`, the closure's, the database's.
pub fn decide_again(
    house: &House,
    entry_id: EntryId,
    vouched: bool,
    now_ms: i64,
    also: impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError>,
) -> Result<VerdictEntry, ServiceError> {
    let decided = in_group(house, now_ms, |tx, group| {
        let kept = find(tx, house, entry_id)?;
        let entry = group.again(&kept, vouched)?;
        if !matches!(entry.verdict, Verdict::Quarantined { .. }) {
            quarantine::save_released(tx, &house.city, [(kept.op_id, &kept.hash, now_ms)])?;
        }
        also(tx, &entry.verdict)?;
        Ok(entry)
    });
    match decided {
        // As it stood: that the engine refuses it still is an answer, and delays no other entry.
        Err(error) if is_refusal(&error) => {
            tracing::warn!(op = %entry_id.0, %error, "the engine refuses an op in quarantine");
            house.store.write(|tx| {
                let kept = find(tx, house, entry_id)?;
                let verdict = ticket(kept.op_id, Cause::Engine);
                also(tx, &verdict)?;
                let op_id = Some(kept.op_id);
                Ok(VerdictEntry { op_id, verdict, seen_before: true, cases: vec![], erased: None })
            })
        }
        decided => decided,
    }
}

/// Puts an edited op in the place of an entry: the author stays, `who` is shown as the editor. Nothing is written when
/// the edited op would itself have to wait.
///
/// # Errors
/// `NOT_FOUND`; `CONFLICT` for an entry that is decided already, and for an edit that would wait; `BAD_REQUEST` for one
/// that is no op or whose author nobody knows; the closure's.
pub fn replace(
    house: &House,
    who: Credential,
    entry_id: EntryId,
    edit: &Edit,
    now_ms: i64,
    also: impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError>,
) -> Result<VerdictEntry, ServiceError> {
    put_in_place(house, entry_id, edit.op_id, now_ms, also, |group, kept| group.put_edit(who, kept, edit))
}

/// Puts a comment of the desk on a case in the place of an entry: what it said is kept there, as a note of whoever put
/// it there, since whose work it is may be the very question.
///
/// # Errors
/// As `replace`; `CONFLICT` also when there is no such case.
pub fn hand_to_case(
    house: &House,
    who: Credential,
    entry_id: EntryId,
    note: &DeskNote,
    now_ms: i64,
    also: impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError>,
) -> Result<VerdictEntry, ServiceError> {
    put_in_place(house, entry_id, note.op_id, now_ms, also, |group, kept| group.put_note(who, kept, note))
}

/// Puts a photo whose op never came on a case: the author is who sent its bytes, `who` put it there.
///
/// # Errors
/// `NOT_FOUND` for a photo without bytes; `CONFLICT` when its op has come, when there is no such case, and when the
/// op would have to wait; the closure's.
pub fn adopt_photo(
    house: &House,
    who: Credential,
    found: &FoundPhoto,
    now_ms: i64,
    also: impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError>,
) -> Result<VerdictEntry, ServiceError> {
    in_group(house, now_ms, |tx, group| {
        group.need_ops(&BTreeSet::from([found.op_id]))?;
        if let Some(known) = group.ops.get(&found.op_id) {
            let same = known.kind == "photo" && known.case_id == Some(found.case_id);
            let other = || ServiceError::because(&CONFLICT, "op_id is in use");
            return same.then(|| entry_of(known, true)).ok_or_else(other);
        }
        let entry = group.put_photo(who, found)?;
        also(tx, &entry.verdict)?;
        Ok(entry)
    })
}

/// Sets an entry aside for good: its phone is told why; what waits for it goes on.
///
/// # Errors
/// `NOT_FOUND`; `CONFLICT` for an entry that is decided already; the closure's.
pub fn dismiss(
    house: &House,
    entry_id: EntryId,
    why: &str,
    now_ms: i64,
    also: impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    in_group(house, now_ms, |tx, group| {
        let kept = find_open(tx, house, entry_id)?;
        group.need_ops(&BTreeSet::from([kept.op_id]))?;
        let verdict = Verdict::Dismissed { why: why.to_owned() };
        group.set_decided(&kept, &verdict)?;
        also(tx, &verdict)
    })
}

/// What stands in an entry's place is made by `put`; sent again, it is found by its id.
fn put_in_place(
    house: &House,
    entry_id: EntryId,
    op_id: OpId,
    now_ms: i64,
    also: impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError>,
    put: impl Fn(&mut Group<'_, '_>, &Quarantined) -> Result<VerdictEntry, ServiceError>,
) -> Result<VerdictEntry, ServiceError> {
    in_group(house, now_ms, |tx, group| {
        group.need_ops(&BTreeSet::from([entry_id.0, op_id]))?;
        if let Some(known) = group.ops.get(&op_id) {
            let was = SealedOp::read(known.body.clone()).ok().and_then(|op| op.env.replaces);
            if was == Some(entry_id.0) {
                return Ok(entry_of(known, true));
            }
            return Err(ServiceError::because(&CONFLICT, "op_id is in use"));
        }
        let kept = find_open(tx, house, entry_id)?;
        let entry = put(group, &kept)?;
        group.set_decided(&kept, &Verdict::Replaced { by: op_id })?;
        also(tx, &entry.verdict)?;
        Ok(entry)
    })
}
