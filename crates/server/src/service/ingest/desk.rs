//! What a person, or time, does with an entry of the quarantine: decides it again as it is, or puts an edited op in its
//! place (protocol 5). Each in one transaction, with whatever else the caller writes of it.

use super::apart::ticket;
use super::decide::{desk_clock, entry_of, waits};
use super::group::Group;
use super::holds::tell;
use super::{Committed, OpTask, Source};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::apply::touched;
use blindspot_core::clock::{CaptureTime, Captured, ClockClass, recover};
use blindspot_core::command::{Comment, FormRef, PhotoRole, PhotoTaken};
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NOT_FOUND};
use blindspot_core::id::Sha256;
use blindspot_core::limits::OP_SCHEMA;
use blindspot_core::op::{Envelope, SealedOp};
use blindspot_core::row::RowKind;
use blindspot_core::verdict::{Cause, Verdict, VerdictRow};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, OpId, PersonId, PhotoId};
use blindspot_store::ops::OpRecord;
use blindspot_store::quarantine::Quarantined;
use blindspot_store::{Tx, accounts, ops, quarantine, rows, uploads, waiting};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// What an op in the place of an entry says.
struct Draft<'a> {
    op_id: OpId,
    kind: &'a str,
    case_id: Option<CaseId>,
    payload: Box<RawValue>,
    captured: Captured,
}

fn find(tx: &Tx<'_>, house: &House, (op_id, hash): EntryId) -> Result<Quarantined, ServiceError> {
    let found = quarantine::load_quarantined(tx, &house.city, op_id, &hash)?;
    found.ok_or_else(|| ServiceError::refused(&NOT_FOUND))
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
    let reference = house.reference();
    let (entry, moved) = house.store.write(|tx| {
        let kept = find(tx, house, entry_id)?;
        let mut group = Group::open(tx, house, &reference, &[], now_ms)?;
        let entry = group.again(&kept, vouched)?;
        if !matches!(entry.verdict, Verdict::Quarantined { .. }) {
            quarantine::save_released(tx, &house.city, [(kept.op_id, &kept.hash, now_ms)])?;
        }
        let Committed { moved, .. } = group.finish(vec![])?;
        also(tx, &entry.verdict)?;
        Ok::<_, ServiceError>((entry, moved))
    })?;
    tell(house, moved);
    Ok(entry)
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
    let reference = house.reference();
    let (entry, moved) = house.store.write(|tx| {
        let mut group = Group::open(tx, house, &reference, &[], now_ms)?;
        group.need_ops(&BTreeSet::from([found.op_id]))?;
        if let Some(known) = group.ops.get(&found.op_id) {
            return Ok((entry_of(known, true), Default::default()));
        }
        let entry = group.put_photo(who, found)?;
        let Committed { moved, .. } = group.finish(vec![])?;
        also(tx, &entry.verdict)?;
        Ok::<_, ServiceError>((entry, moved))
    })?;
    tell(house, moved);
    Ok(entry)
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
    let reference = house.reference();
    let moved = house.store.write(|tx| {
        let kept = find(tx, house, entry_id)?;
        let mut group = Group::open(tx, house, &reference, &[], now_ms)?;
        group.need_ops(&BTreeSet::from([kept.op_id]))?;
        if kept.released_ms.is_some() {
            return Err(ServiceError::because(&CONFLICT, "decided already"));
        }
        let verdict = Verdict::Dismissed { why: why.to_owned() };
        group.set_decided(&kept, &verdict)?;
        let Committed { moved, .. } = group.finish(vec![])?;
        also(tx, &verdict)?;
        Ok::<_, ServiceError>(moved)
    })?;
    tell(house, moved);
    Ok(())
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
    let reference = house.reference();
    let (entry, moved) = house.store.write(|tx| {
        let kept = find(tx, house, entry_id)?;
        let mut group = Group::open(tx, house, &reference, &[], now_ms)?;
        group.need_ops(&BTreeSet::from([kept.op_id, op_id]))?;
        if let Some(known) = group.ops.get(&op_id) {
            let was = SealedOp::read(known.body.clone()).ok().and_then(|op| op.env.replaces);
            if was == Some(kept.op_id) {
                return Ok((entry_of(known, true), Default::default()));
            }
            return Err(ServiceError::because(&CONFLICT, "op_id is in use"));
        }
        if kept.released_ms.is_some() {
            return Err(ServiceError::because(&CONFLICT, "decided already"));
        }
        let entry = put(&mut group, &kept)?;
        group.set_decided(&kept, &Verdict::Replaced { by: op_id })?;
        let Committed { moved, .. } = group.finish(vec![])?;
        also(tx, &entry.verdict)?;
        Ok::<_, ServiceError>((entry, moved))
    })?;
    tell(house, moved);
    Ok(entry)
}

impl Group<'_, '_> {
    fn again(&mut self, kept: &Quarantined, vouched: bool) -> Result<VerdictEntry, ServiceError> {
        self.need_ops(&BTreeSet::from([kept.op_id]))?;
        let stands = self.ops.get(&kept.op_id).map(|r| (r.hash == kept.hash, r.verdict.clone()));
        let same = match stands {
            Some((true, Verdict::Quarantined { cause, .. })) => {
                // What has not come would only be waited for anew; its arrival decides it anyway.
                if cause != Cause::MissingPredecessor || !self.waits_for_nothing_here(kept.op_id)? {
                    self.settle(kept.op_id)?;
                }
                true
            }
            Some((same, _)) => same,
            None => self.take_in(kept, vouched)?,
        };
        Ok(match self.ops.get(&kept.op_id).filter(|_| same) {
            Some(record) => entry_of(record, true),
            None => VerdictEntry {
                op_id: Some(kept.op_id),
                verdict: kept.verdict.clone().unwrap_or_else(|| ticket(kept.op_id, kept.cause.clone())),
                seen_before: true,
                cases: vec![],
                erased: None,
            },
        })
    }

    /// Receives bytes that stood under no op, as its own phone's; says whether they are an op now.
    fn take_in(&mut self, kept: &Quarantined, vouched: bool) -> Result<bool, ServiceError> {
        let Ok(op) = SealedOp::read(kept.body.as_str()) else { return Ok(false) };
        let op = Arc::new(op);
        let device = op.env.device_id;
        self.need_devices(&BTreeSet::from([device]))?;
        let Some(person) = self.device(device).map(|d| d.person_id) else { return Ok(false) };
        if kept.released_ms.is_some() || (kept.cause.is_of_authorship() && !vouched) {
            return Ok(false);
        }
        let numbers = BTreeSet::from([(device, op.env.device_seq)]);
        self.holders = ops::load_holders(self.tx, &self.house.city, &numbers)?;
        self.need_ops(&op.env.depends_on.iter().copied().collect())?;
        self.need_cases(touched(&op))?;
        self.receive(&OpTask {
            credential: Credential { person, device, desk: false },
            source: Source::Sealed(op),
            sent: kept.sent.clone(),
            received_ms: kept.at_ms,
            forced: None,
            handed_in: false,
            vouched: true,
            former: None,
        })?;
        Ok(true)
    }

    fn put_edit(
        &mut self,
        who: Credential,
        kept: &Quarantined,
        edit: &Edit,
    ) -> Result<VerdictEntry, ServiceError> {
        self.need_devices(&BTreeSet::from([kept.device_id, who.device]))?;
        let of_phone = self.device(kept.device_id).map(|d| (d.person_id, d.enrolled_ms));
        let author = of_phone.map(|(person, _)| person).or(edit.author);
        let named = author.map(|a| accounts::load_person(self.tx, &self.house.city, a)).transpose()?;
        let Some(author) = author.filter(|_| named.flatten().is_some()) else {
            return Err(ServiceError::because(
                &BAD_REQUEST,
                "author: nobody knows whose work this is; name the person",
            ));
        };
        let old = SealedOp::read(kept.body.as_str()).ok();
        let claimed = || Captured { wall_ms: kept.at_ms, ..Captured::default() };
        let captured = old.map_or_else(claimed, |op| op.env.captured);
        let enrolled_ms = of_phone.map_or(kept.at_ms, |(_, at)| at);
        let first = self.ops.get(&kept.op_id).filter(|r| r.hash == kept.hash).map(|r| r.time.clone());
        let time = first.unwrap_or_else(|| recover(&captured, &kept.sent, kept.at_ms, enrolled_ms));
        let draft = Draft {
            op_id: edit.op_id,
            kind: &edit.kind,
            case_id: edit.case_id,
            payload: edit.payload.clone(),
            captured,
        };
        self.edited.insert(edit.op_id, enrolled_ms);
        if of_phone.is_none() && edit.kind == "photo" {
            // Its carrier brought the bytes with it; they go to whose they are.
            if let Ok(photo) = serde_json::from_str::<PhotoTaken>(edit.payload.get()) {
                uploads::save_owner(self.tx, &self.house.city, photo.photo_id, kept.carrier, author)?;
            }
        }
        self.put(who, Some(kept.op_id), draft, author, time)
    }

    /// A photo whose op never came, put on a case as its sender's.
    fn put_photo(&mut self, who: Credential, found: &FoundPhoto) -> Result<VerdictEntry, ServiceError> {
        let (tx, city) = (self.tx, &self.house.city);
        let mut all = uploads::load_uploads_of_photo(tx, city, found.photo_id)?;
        let missing = || ServiceError::refused(&NOT_FOUND);
        let first = all.first().cloned().ok_or_else(missing)?;
        all.retain(|u| u.person_id == first.person_id);
        if rows::load_row(tx, city, &RowKind::Photo, &found.photo_id.to_string())?.is_some() {
            return Err(ServiceError::because(&CONFLICT, "its op has come"));
        }
        self.need_devices(&BTreeSet::from([first.device_id, who.device]))?;
        let enrolled_ms = self.device(first.device_id).map_or(first.created_ms, |d| d.enrolled_ms);
        let form = |u: &uploads::Upload| {
            let form = FormRef { sha256: u.sha256, bytes: u.length, width: None, height: None };
            (u.form.clone(), form)
        };
        let photo = PhotoTaken {
            photo_id: found.photo_id,
            role: PhotoRole::Before,
            media: first.media.clone(),
            origin: None,
            forms: all.iter().map(form).collect(),
            raw_sha256: None,
            position: None,
            exif_time: None,
            phash: None,
            for_op: None,
            duration_ms: None,
        };
        let at_ms = first.created_ms;
        let draft = Draft {
            op_id: found.op_id,
            kind: "photo",
            case_id: Some(found.case_id),
            payload: serde_json::value::to_raw_value(&photo)?,
            captured: Captured { wall_ms: at_ms, ..Captured::default() },
        };
        let time = CaptureTime { at_ms, class: ClockClass::Claimed, claimed_ms: at_ms };
        self.edited.insert(found.op_id, enrolled_ms);
        self.put(who, None, draft, first.person_id, time)
    }

    fn put_note(
        &mut self,
        who: Credential,
        kept: &Quarantined,
        note: &DeskNote,
    ) -> Result<VerdictEntry, ServiceError> {
        self.need_devices(&BTreeSet::from([who.device]))?;
        let draft = Draft {
            op_id: note.op_id,
            kind: "comment",
            case_id: Some(note.case_id),
            payload: serde_json::value::to_raw_value(&Comment { text: note.text.clone() })?,
            captured: desk_clock(self.now_ms),
        };
        let at = CaptureTime { at_ms: self.now_ms, class: ClockClass::Exact, claimed_ms: self.now_ms };
        self.put(who, Some(kept.op_id), draft, who.person, at)
    }

    /// Seals an op in the place of an entry and decides it; one that would have to wait is refused.
    fn put(
        &mut self,
        who: Credential,
        replaces: Option<OpId>,
        draft: Draft<'_>,
        author: PersonId,
        time: CaptureTime,
    ) -> Result<VerdictEntry, ServiceError> {
        let seq = self.count(&format!("desk_seq:{}", who.device))?;
        let Draft { op_id, kind, case_id, payload, captured } = draft;
        let sealed = SealedOp::seal(Envelope {
            op_id,
            device_id: who.device,
            device_seq: u64::try_from(seq).unwrap_or(u64::MAX),
            kind: kind.to_owned(),
            case_id,
            schema: OP_SCHEMA,
            round: None,
            expected_state: None,
            depends_on: vec![],
            replaces,
            payload,
            captured,
        })
        .map_err(|p| ServiceError::because(&BAD_REQUEST, p.to_string()))?;
        self.last_n += 1;
        let record = Box::new(OpRecord {
            op_id,
            n: self.last_n,
            device_id: who.device,
            device_seq: sealed.env.device_seq,
            author: Some(author),
            kind: kind.to_owned(),
            case_id,
            body: sealed.body.clone(),
            hash: sealed.hash,
            received_ms: self.now_ms,
            time,
            verdict: Verdict::Held { missing: vec![] },
            landed: vec![],
        });
        self.ops.insert(op_id, record);
        self.sealed.insert(op_id, Arc::new(sealed));
        self.new_ops.insert(op_id);
        self.settle(op_id)?;
        let entry = self.ops.get(&op_id).map(|r| entry_of(r, false));
        match entry {
            Some(entry) if entry.verdict.is_final() => Ok(entry),
            Some(VerdictEntry { verdict: Verdict::Quarantined { cause, .. }, .. }) => {
                Err(ServiceError::because(&CONFLICT, format!("the edited op would be quarantined: {cause}")))
            }
            _ => Err(ServiceError::because(&CONFLICT, "the case of the edited op is not here")),
        }
    }

    /// A person decided the entry; what waited for it is decided.
    fn set_decided(&mut self, kept: &Quarantined, verdict: &Verdict) -> Result<(), ServiceError> {
        let city = &self.house.city;
        if let Some(record) = self.ops.get(&kept.op_id).filter(|r| r.hash == kept.hash).cloned() {
            self.unhold(&record)?;
            self.rule(kept.op_id, verdict.clone(), vec![]);
        } else {
            quarantine::save_decided(self.tx, city, (kept.op_id, kept.hash), verdict, self.now_ms)?;
            let seq = SealedOp::read(kept.body.as_str()).map_or(0, |op| op.env.device_seq);
            if !self.ops.contains_key(&kept.op_id) && self.device(kept.device_id).is_some() {
                let verdict = verdict.clone();
                let row =
                    VerdictRow { op_id: kept.op_id, device_seq: seq, verdict, cases: vec![], erased: None };
                self.more_verdicts.push((kept.device_id, row));
            }
        }
        let released = waiting::load_waiting(self.tx, city, *kept.op_id.as_bytes())?;
        self.need_ops(&released.iter().copied().collect())?;
        for id in released {
            if self.ops.get(&id).is_some_and(|r| waits(&r.verdict)) {
                self.settle(id)?;
            }
        }
        Ok(())
    }
}
