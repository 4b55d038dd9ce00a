//! Photos named, lost, waived and hidden. The bytes travel apart (protocol 11).

use super::Step;
use crate::case::{CaseFile, PhotoArrival, PhotoRow};
use crate::command::{PhotoLost, PhotoTaken, Redact, WaiveMedia};
use crate::verdict::Why;
use crate::world::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// A photo joins its case. Bytes that came before their op are linked at once.
pub(super) fn photo(step: &Step<'_>, mut file: CaseFile, photo: PhotoTaken) -> Outcome {
    // Also on another case: a copied phone seals one capture twice, and its case may have been merged in between.
    let known = |f: &CaseFile| f.photos.contains_key(&photo.photo_id);
    if known(&file) || step.world.cases.values().any(|f| known(f)) {
        return step.noted(&file, Why::AlreadyThere);
    }
    let id = photo.photo_id;
    let row = PhotoRow {
        photo_id: id,
        case_id: file.id(),
        named: step.named(&file),
        op_id: step.op.env.op_id,
        role: photo.role,
        media: photo.media,
        origin: photo.origin,
        forms: photo.forms,
        verified: BTreeSet::new(),
        position: photo.position,
        exif_time: photo.exif_time,
        phash: photo.phash,
        captured: step.ctx.time.clone(),
        for_op: photo.for_op,
        duration_ms: photo.duration_ms,
        lost: None,
        waived: None,
        redacted: None,
        mismatch: false,
        erased: None,
        extra: BTreeMap::new(),
    };
    let hashes: Vec<_> = row.forms.values().map(|f| f.sha256).collect();
    file.photos.insert(id, row);
    for sha256 in hashes {
        let arrival = PhotoArrival { photo_id: id, sha256 };
        if step.world.arrived.contains(&arrival) {
            file.photo_arrived(&arrival, step.ctx.now_ms);
        }
    }
    step.done(file)
}

/// A photo will never come; the case stops waiting, the record stays.
pub(super) fn photo_lost(step: &Step<'_>, mut file: CaseFile, lost: PhotoLost) -> Outcome {
    let Some(photo) = file.photos.get_mut(&lost.photo_id) else {
        return step.noted(&file, Why::NoSuchTarget);
    };
    if photo.erased.is_some() || photo.verified.contains(&photo.evidence_form()) {
        // The working copy is here: only the original is lost, and originals never block.
        return step.noted(&file, Why::AlreadyThere);
    }
    photo.lost = Some(lost.reason);
    step.done(file)
}

/// A supervisor stops waiting for photos; shown on the case.
pub(super) fn waive(step: &Step<'_>, mut file: CaseFile, waive: &WaiveMedia) -> Outcome {
    if !step.power("waive_media", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let mut any = false;
    for photo in file.photos.values_mut() {
        let named = waive.photos.is_empty() || waive.photos.contains(&photo.photo_id);
        if named && photo.awaited() && !photo.verified.contains(&photo.evidence_form()) {
            photo.waived = Some(waive.reason.clone());
            any = true;
        }
    }
    if any { step.done(file) } else { step.noted(&file, Why::NoSuchTarget) }
}

/// Hides one photo or text; the record stays.
pub(super) fn redact(step: &Step<'_>, mut file: CaseFile, redact: Redact) -> Outcome {
    if !step.power("redact", &file) {
        return step.noted(&file, Why::NoPower);
    }
    let mut hit = false;
    if let Some(photo) = redact.photo_id.and_then(|id| file.photos.get_mut(&id)) {
        photo.redacted = Some(redact.reason.clone());
        hit = true;
    }
    if let Some(comment) = redact.comment.and_then(|id| file.comments.get_mut(&id)) {
        comment.text = None;
        comment.redacted = Some(redact.reason);
        hit = true;
    }
    if hit { step.done(file) } else { step.noted(&file, Why::NoSuchTarget) }
}
