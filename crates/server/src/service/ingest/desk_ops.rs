//! What the desk's decisions do to the ops of a group: an entry received again, ops sealed in its place, what waited for
//! it decided. Knows no transaction of its own; see `desk`.

use super::apart::ticket;
use super::decide::{desk_clock, entry_of, waits};
use super::desk::{DeskNote, Edit, FoundPhoto};
use super::group::Group;
use super::task::{OpTask, Source};
use crate::service::{Credential, ServiceError};
use blindspot_core::apply::touched;
use blindspot_core::clock::{CaptureTime, Captured, ClockClass, recover};
use blindspot_core::command::{Comment, FormRef, PhotoRole, PhotoTaken};
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NOT_FOUND};
use blindspot_core::limits::OP_SCHEMA;
use blindspot_core::op::{Envelope, SealedOp};
use blindspot_core::row::RowKind;
use blindspot_core::verdict::{Cause, Verdict, VerdictRow};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, OpId, PersonId, witness};
use blindspot_store::ops::OpRecord;
use blindspot_store::quarantine::Quarantined;
use blindspot_store::{accounts, ops, quarantine, rows, uploads};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an op in the place of an entry says.
struct Draft<'a> {
    op_id: OpId,
    kind: &'a str,
    case_id: Option<CaseId>,
    payload: Box<RawValue>,
    captured: Captured,
}

impl Group<'_, '_> {
    pub(super) fn again(&mut self, kept: &Quarantined, vouched: bool) -> Result<VerdictEntry, ServiceError> {
        self.need_ops(&BTreeSet::from([kept.op_id]))?;
        let stands = self.ops.get(&kept.op_id).map(|r| (r.hash == kept.hash, r.verdict.clone()));
        let same = match stands {
            Some((true, Verdict::Quarantined { cause, .. })) => {
                // What has not come would only be waited for anew; its arrival decides it anyway.
                if cause != Cause::MissingPredecessor || !self.waits_for_nothing_here(kept.op_id)? {
                    if cause != Cause::MissingPredecessor {
                        witness::takes(kept.op_id);
                    }
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

    pub(super) fn put_edit(
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
                self.at_hand.forget_bytes(photo.photo_id);
            }
        }
        self.put(who, Some(kept.op_id), draft, author, time)
    }

    /// A photo whose op never came, put on a case as its sender's.
    pub(super) fn put_photo(
        &mut self,
        who: Credential,
        found: &FoundPhoto,
    ) -> Result<VerdictEntry, ServiceError> {
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

    pub(super) fn put_note(
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
    pub(super) fn set_decided(&mut self, kept: &Quarantined, verdict: &Verdict) -> Result<(), ServiceError> {
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
        let released = self.waiting_for(BTreeSet::from([*kept.op_id.as_bytes()]))?;
        self.need_ops(&released)?;
        for id in released {
            if self.ops.get(&id).is_some_and(|r| waits(&r.verdict)) {
                self.settle_released(id)?;
            }
        }
        Ok(())
    }
}
