//! An erasure that two people agreed on: everything that holds the content, wherever it is, loses it in one
//! transaction (protocol 7). Files go after the commit, before the answer; see `service::erasure`.

use super::group::Group;
use super::holds::tell;
use super::needs::names_of;
use crate::service::{House, ServiceError, erasure};
use blindspot_core::case::{CaseFile, ERASED_TEXT, Erased, ErasureRow, ErasureState, WORDS};
use blindspot_core::command::{Command, EraseTarget};
use blindspot_core::id::{LetterId, Sha256};
use blindspot_core::op::{Envelope, SealedOp};
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::{CaseId, OpId, PhotoId};
use blindspot_store::erased::{self, Bytes, ErasedId, Item};
use blindspot_store::letters;
use blindspot_store::ops::OpRecord;
use blindspot_store::twins;
use blindspot_store::{StoreError, audit, ops};
use std::collections::{BTreeMap, BTreeSet};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What loses its content.
#[derive(Clone, Debug, Default)]
pub(in crate::service) struct Toll {
    pub(in crate::service) ops: BTreeSet<OpId>,
    pub(in crate::service) photos: BTreeSet<PhotoId>,
    pub(in crate::service) blobs: BTreeSet<Sha256>,
    pub(in crate::service) letters: BTreeSet<LetterId>,
}

fn only(photo_id: Option<PhotoId>, op: Option<OpId>) -> EraseTarget {
    EraseTarget { photo_id, op, ..EraseTarget::default() }
}

impl Group<'_, '_> {
    /// What an op that was just decided means for erasures: an approval is carried out, an op about words that are
    /// gone goes with them, and what is on the list goes as it comes. `before` is the case as it was.
    pub(super) fn after_decision(&mut self, record: &OpRecord, before: Option<&CaseFile>) -> Result<()> {
        let stands = self.ops.get(&record.op_id).map(|r| r.verdict.clone());
        match (record.kind.as_str(), stands) {
            ("confirm_erase", Some(Verdict::Applied)) => self.carry_out(record, before),
            (_, Some(Verdict::Noted { why: Why::Erased })) => {
                let Some(order) = self.order_of_words(record) else { return Ok(()) };
                let toll = Toll { ops: BTreeSet::from([record.op_id]), ..Toll::default() };
                self.erase(&order, toll)
            }
            ("photo", Some(_)) if self.any_erased => self.erase_listed_photo(record),
            _ => Ok(()),
        }
    }

    fn carry_out(&mut self, record: &OpRecord, before: Option<&CaseFile>) -> Result<()> {
        let file = record.case_id.and_then(|id| self.world.cases.get(&id));
        let order = file.and_then(|f| f.erasures.values().find(|e| e.decided_op == Some(record.op_id)));
        let Some(order) = order.filter(|e| e.state == ErasureState::Approved).cloned() else {
            return Ok(());
        };
        let mut toll = Toll::default();
        if let Some(photo) = order.target.photo_id {
            toll.photos.insert(photo);
            // The row has lost its forms by now: what they were stands in the case as it was before.
            let was = before.and_then(|f| f.photos.get(&photo));
            let verified = was.iter().flat_map(|p| p.forms.iter().filter(|(n, _)| p.verified.contains(*n)));
            toll.blobs.extend(verified.map(|(_, form)| form.sha256));
            toll.ops.extend(was.map(|p| p.op_id));
        }
        toll.ops.extend(order.target.op);
        toll.letters.extend(order.target.letter);
        if order.target.report {
            toll.ops.extend(self.ops_with_words(order.case_id)?);
        }
        self.erase(&order, toll)
    }

    /// The report that opened a case, and whatever repeats its words: edits of them and choices between them.
    fn ops_with_words(&self, case: CaseId) -> Result<BTreeSet<OpId>> {
        let all = ops::load_ops_of_case(self.tx, &self.house.city, case)?;
        let here = self.landed.iter().filter(|landed| landed.case == case);
        let fresh = here.filter_map(|landed| self.ops.get(&landed.op)).map(|r| (**r).clone());
        let mut out = BTreeSet::new();
        let mut opened = false;
        for op in all.into_iter().chain(fresh) {
            let says = match op.kind.as_str() {
                "report" | "self_fixed" => !std::mem::replace(&mut opened, true),
                "edit" | "resolve_conflict" => is_about_words(&op),
                _ => false,
            };
            if says {
                out.insert(op.op_id);
            }
        }
        Ok(out)
    }

    fn order_of_words(&self, record: &OpRecord) -> Option<ErasureRow> {
        let landed = self.ops.get(&record.op_id)?.landed.first()?;
        let file = self.world.cases.get(landed)?;
        let by = file.case.erased.as_ref()?.by;
        file.erasures.values().find(|e| e.decided_op == Some(by)).cloned()
    }

    /// A photo that is on the list, or is of bytes that are.
    fn erase_listed_photo(&mut self, record: &OpRecord) -> Result<()> {
        let read = SealedOp::read(record.body.clone());
        let Some(Ok(Command::Photo(photo))) = read.ok().map(|op| op.command()) else { return Ok(()) };
        for what in names_of(&photo) {
            if let Some(item) = self.listed(what)? {
                let ops = BTreeSet::from([record.op_id]);
                let photos = BTreeSet::from([photo.photo_id]);
                return self.erase(&item.erasure, Toll { ops, photos, ..Toll::default() });
            }
        }
        Ok(())
    }

    /// An op that comes again after the server has lost its past, and is on the list: it is decided like any other,
    /// and loses its content in the same transaction. One that would have to wait is over.
    pub(super) fn erase_listed_op(&mut self, op_id: OpId) -> Result<()> {
        let Some(item) = self.listed(ErasedId::Op(op_id))? else { return Ok(()) };
        let Some(record) = self.ops.get(&op_id).map(|r| (**r).clone()) else { return Ok(()) };
        if !record.verdict.is_final() {
            self.unhold(&record)?;
            self.rule(op_id, Verdict::Noted { why: Why::Erased }, vec![]);
        }
        self.erase(&item.erasure, Toll { ops: BTreeSet::from([op_id]), ..Toll::default() })
    }

    /// Whether an op that is not here was erased: nothing waits for it.
    pub(super) fn is_erased_op(&mut self, op_id: OpId) -> Result<bool> {
        Ok(self.listed(ErasedId::Op(op_id))?.is_some())
    }

    /// Whether bytes, or the photo they are of, are not taken any more.
    pub(super) fn is_erased_upload(&mut self, photo: PhotoId, sha256: Sha256) -> Result<bool> {
        Ok(self.listed(ErasedId::Photo(photo))?.is_some() || self.listed(ErasedId::Blob(sha256))?.is_some())
    }

    /// Bytes that were being sent while they were erased, or whose photo was: the file goes, unless it is of another
    /// photo as well and not itself on the list.
    pub(super) fn turn_away(&mut self, photo: PhotoId, sha256: Sha256, upload_id: [u8; 16]) -> Result<()> {
        let (tx, city) = (self.tx, &self.house.city);
        for upload in
            erased::load_uploads_of_photo(tx, city, photo)?.iter().filter(|u| u.upload_id == upload_id)
        {
            erased::erase_upload(tx, city, upload)?;
            self.at_hand.forget_bytes(photo);
        }
        let mut to_go = ErasedId::Blob(sha256);
        let mut item = erased::load(tx, city, &to_go)?;
        if item.is_none() {
            if erased::load_uploads_of_bytes(tx, city, sha256)?.iter().any(|u| u.verified) {
                return Ok(());
            }
            to_go = ErasedId::File(sha256);
            item = erased::load(tx, city, &ErasedId::Photo(photo))?;
        }
        if let Some(Item { erasure, .. }) = item {
            erased::append(tx, city, &Item { what: to_go.clone(), erasure })?;
            self.at_hand.forget_list();
            erased::save_untold(tx, city, &to_go)?;
            self.erased_now = true;
        }
        Ok(())
    }

    /// Takes the content of all this out of rows, op log, quarantine and uploads, and puts it on the list. Photos of
    /// the same bytes go as well, and what is of their bytes.
    pub(in crate::service) fn erase(&mut self, order: &ErasureRow, toll: Toll) -> Result<()> {
        let Some(mark) = order.mark() else { return Ok(()) };
        self.any_erased = true;
        self.erased_now = true;
        let Toll { ops: mut op_ids, photos, blobs, letters } = toll;
        let mut photos: Vec<PhotoId> = photos.into_iter().collect();
        let mut blobs: Vec<Sha256> = blobs.into_iter().collect();
        let (mut seen_photos, mut seen_blobs) = (BTreeSet::new(), BTreeSet::new());
        while !photos.is_empty() || !blobs.is_empty() {
            if let Some(sha) = blobs.pop().filter(|sha| seen_blobs.insert(*sha)) {
                self.list(order, ErasedId::Blob(sha))?;
                let uses = erased::load_uploads_of_bytes(self.tx, &self.house.city, sha)?;
                photos.extend(uses.iter().map(|u| u.photo_id));
                self.end_uploads(order, &uses)?;
            }
            if let Some(photo) = photos.pop().filter(|id| seen_photos.insert(*id)) {
                self.list(order, ErasedId::Photo(photo))?;
                let (op, more) = self.erase_photo(photo, &mark)?;
                op_ids.extend(op);
                blobs.extend(more);
                let uploads = erased::load_uploads_of_photo(self.tx, &self.house.city, photo)?;
                self.end_uploads(order, &uploads)?;
            }
        }
        for op in op_ids {
            self.erase_op(order, op, &mark)?;
        }
        for letter in letters {
            self.list(order, ErasedId::Letter(letter))?;
            letters::erase_letter(self.tx, &self.house.city, *letter.as_bytes(), ERASED_TEXT.0)?;
        }
        self.tell_audit(order, seen_photos.len(), seen_blobs.len());
        Ok(())
    }

    fn tell_audit(&mut self, order: &ErasureRow, photos: usize, blobs: usize) {
        let detail = serde_json::json!({
            "erase": order.op_id, "asked_by": order.asked_by, "reason": order.reason,
            "photos": photos, "blobs": blobs,
        });
        self.acts.push(audit::Act {
            at_ms: self.now_ms,
            actor: order.decided_by.map(|p| p.to_string()).unwrap_or_default(),
            action: "erased".into(),
            object: format!("case:{}", order.case_id),
            result: "ok".into(),
            detail: detail.to_string(),
        });
    }

    fn list(&mut self, order: &ErasureRow, what: ErasedId) -> Result<()> {
        self.at_hand.forget_list();
        let erasure = ErasureRow { note: None, ..order.clone() };
        erased::append(self.tx, &self.house.city, &Item { what, erasure }).map(drop)
    }

    /// Uploads of erased bytes are over, whosever; unfinished ones leave a part file to be removed.
    fn end_uploads(&mut self, order: &ErasureRow, uploads: &[Bytes]) -> Result<()> {
        for upload in uploads {
            if !upload.verified {
                self.list(order, ErasedId::Part(uuid::Uuid::from_bytes(upload.upload_id)))?;
            }
            erased::erase_upload(self.tx, &self.house.city, upload)?;
            self.at_hand.forget_bytes(upload.photo_id);
        }
        Ok(())
    }

    /// Takes a photo's content out of its row; gives its op and the bytes that were its own.
    fn erase_photo(&mut self, photo: PhotoId, mark: &Erased) -> Result<(Option<OpId>, Vec<Sha256>)> {
        let Some((case, op)) = self.find_photo(photo)? else { return Ok((None, vec![])) };
        self.need_ops(&BTreeSet::from([op]))?;
        let author = self.ops.get(&op).and_then(|r| r.author);
        let uploads = erased::load_uploads_of_photo(self.tx, &self.house.city, photo)?;
        // Bytes that the author brought. What a row merely names may be somebody else's.
        let own = uploads.iter().filter(|u| u.verified && Some(u.person_id) == author).map(|u| u.sha256);
        let blobs = own.collect();
        twins::forget(self.tx, &self.house.city, photo)?;
        self.change(case, |file| file.erase(&only(Some(photo), None), mark));
        Ok((Some(op), blobs))
    }

    fn change(&mut self, case: CaseId, f: impl FnOnce(&mut CaseFile) -> bool) {
        self.remember(case);
        let now_ms = self.now_ms;
        if let Some(file) = self.world.cases.get_mut(&case)
            && f(file)
        {
            file.settle();
            file.case.updated_ms = file.case.updated_ms.max(now_ms);
        }
    }

    fn erase_op(&mut self, order: &ErasureRow, op_id: OpId, mark: &Erased) -> Result<()> {
        self.list(order, ErasedId::Op(op_id))?;
        self.need_ops(&BTreeSet::from([op_id]))?;
        let Some(record) = self.ops.get(&op_id).map(|r| (**r).clone()) else {
            // It may stand in the quarantine alone.
            return erased::erase_op(self.tx, &self.house.city, op_id, "{}");
        };
        if erased::mark_of(&record).is_some() {
            return Ok(());
        }
        self.need_cases(record.landed.iter().copied())?;
        for case in &record.landed {
            let opened = |f: &CaseFile| !f.comments.contains_key(&op_id) && f.id() == *case;
            let report = matches!(record.kind.as_str(), "report" | "self_fixed");
            let about = |f: &CaseFile| match report && opened(f) {
                true => EraseTarget { report: true, ..EraseTarget::default() },
                false => only(None, Some(op_id)),
            };
            self.change(*case, |file| file.erase(&about(file), mark));
        }
        // An administrator's edit says what the quarantined one said.
        let replaced = serde_json::from_str::<Envelope>(&record.body).ok().and_then(|env| env.replaces);
        let stone = erased::tombstone(&record, mark)?;
        erased::erase_op(self.tx, &self.house.city, op_id, &stone)?;
        self.sealed.remove(&op_id);
        if !self.new_ops.contains(&op_id) {
            self.changed_ops.insert(op_id);
        }
        if let Some(record) = self.ops.get_mut(&op_id) {
            record.body = stone.into();
        }
        match replaced {
            Some(replaced) => self.erase_op(order, replaced, mark),
            None => Ok(()),
        }
    }

    /// Carries out again what stands on a list and is not known here: this database is older than the erasure.
    pub(in crate::service) fn erase_again(&mut self, order: &ErasureRow, toll: Toll) -> Result<()> {
        self.need_cases([order.case_id])?;
        let row = ErasureRow { note: None, ..order.clone() };
        self.change(order.case_id, |file| file.erasures.insert(row.op_id, row).is_none());
        self.erase(order, toll)
    }
}

fn is_about_words(op: &OpRecord) -> bool {
    match SealedOp::read(op.body.clone()).ok().map(|op| op.command()) {
        Some(Ok(Command::Edit(edit))) => edit.changes.keys().any(|field| WORDS.contains(&field.as_str())),
        Some(Ok(Command::ResolveConflict(choice))) => {
            WORDS.iter().any(|field| choice.conflict.ends_with(&format!(":{field}")))
        }
        _ => false,
    }
}

/// Carries out lines of a list that this database does not know. Says how many those were.
///
/// # Errors
/// The database's.
pub fn erase_listed(house: &House, items: &[Item], now_ms: i64) -> Result<usize, ServiceError> {
    let reference = house.reference();
    let (count, moved) = house.store.write(|tx| {
        let mut fresh = Vec::new();
        for item in items {
            if erased::load(tx, &house.city, &item.what)?.is_none() {
                fresh.push(item.clone());
            }
        }
        if fresh.is_empty() {
            return Ok::<_, ServiceError>((0, BTreeMap::new()));
        }
        let count = fresh.len();
        let mut group = Group::begin(tx, house, &reference, now_ms)?;
        for (item, toll) in erasure::by_erasure(fresh).into_values() {
            group.erase_again(&item.erasure, toll)?;
        }
        Ok((count, group.finish(vec![])?.moved))
    })?;
    tell(house, moved);
    Ok(count)
}
