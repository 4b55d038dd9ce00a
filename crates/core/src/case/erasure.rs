//! Erasure: what is left of what the law made go, and who asked for it and who agreed (protocol 7).
//!
//! Knows the rows of one case. That the same bytes stand elsewhere, the server finds.

use super::file::CaseFile;
use crate::command::EraseTarget;
use crate::id::{CaseId, OpId, PersonId, PhotoId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is shown in the place of erased content: Chinese, English.
pub const ERASED_TEXT: (&str, &str) = ("已删除（依法）", "Erased as the law requires");

/// Fields of a case that hold words of people.
pub const WORDS: [&str; 2] = ["description", "landmark"];

/// The mark that stays where content was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Erased {
    /// The reason code.
    pub reason: String,
    /// When it was approved, server time, milliseconds since 1970.
    pub at_ms: i64,
    /// The op that approved it: who, on the case's record.
    pub by: OpId,
}

crate::open_enum! {
    /// How far an erasure has come.
    pub enum ErasureState {
        /// One person has asked; nothing has gone.
        Asked = "asked",
        /// A second one agreed; it is gone.
        Approved = "approved",
        /// A second one did not agree.
        Refused = "refused",
    }
}

/// One erasure of a case: read at the supervision desk and by whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErasureRow {
    /// The erase op.
    pub op_id: OpId,
    /// The case.
    pub case_id: CaseId,
    /// What.
    #[serde(flatten)]
    pub target: EraseTarget,
    /// The reason code.
    pub reason: String,
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who asked.
    pub asked_by: PersonId,
    /// When, server time.
    pub asked_ms: i64,
    /// How far it has come.
    pub state: ErasureState,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<PersonId>,
    /// The op that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_op: Option<OpId>,
    /// When, server time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_ms: Option<i64>,
}

impl ErasureRow {
    /// The mark that it leaves, once it is approved.
    #[must_use]
    pub fn mark(&self) -> Option<Erased> {
        let (by, at_ms) = (self.decided_op?, self.decided_ms?);
        let approved = self.state == ErasureState::Approved;
        approved.then(|| Erased { reason: self.reason.clone(), at_ms, by })
    }
}

impl CaseFile {
    /// Whether what is named is a thing of this case; if so, whether it is gone already.
    #[must_use]
    pub fn find_erasable(&self, target: &EraseTarget) -> Option<bool> {
        let EraseTarget { photo_id, op, report, letter } = target;
        if letter.is_some() {
            // Whether it lists this case, the rule has asked: the file does not know.
            let alone = photo_id.is_none() && op.is_none() && !report;
            let gone = |e: &ErasureRow| e.state == ErasureState::Approved && e.target == *target;
            return alone.then(|| self.erasures.values().any(gone));
        }
        match (photo_id, op, report) {
            (Some(photo), None, false) => self.photos.get(photo).map(|p| p.erased.is_some()),
            (None, Some(op), false) => {
                let comment = self.comments.get(op).map(|c| c.erased.is_some());
                let back = self.case.feed_back.as_ref().filter(|f| f.op_id == *op);
                comment.or_else(|| back.map(|f| f.erased.is_some()))
            }
            (None, None, true) => Some(self.case.erased.is_some()),
            _ => None,
        }
    }

    /// Takes the content of what is named out of the rows and leaves the mark. Says whether anything changed.
    pub fn erase(&mut self, target: &EraseTarget, mark: &Erased) -> bool {
        let EraseTarget { photo_id, op, report, letter: _ } = target;
        let photo = photo_id.is_some_and(|id| self.erase_photo(id, mark));
        let words = op.is_some_and(|id| self.erase_words_of(id, mark));
        let report = *report && self.erase_report(mark);
        photo | words | report
    }

    fn erase_photo(&mut self, id: PhotoId, mark: &Erased) -> bool {
        let Some(photo) = self.photos.get_mut(&id).filter(|p| p.erased.is_none()) else { return false };
        photo.forms.clear();
        photo.verified.clear();
        photo.extra.clear();
        (photo.position, photo.exif_time, photo.phash) = (None, None, None);
        (photo.redacted, photo.duration_ms, photo.mismatch) = (None, None, false);
        photo.erased = Some(mark.clone());
        true
    }

    fn erase_words_of(&mut self, op: OpId, mark: &Erased) -> bool {
        let mut hit = false;
        if let Some(comment) = self.comments.get_mut(&op).filter(|c| c.erased.is_none()) {
            (comment.text, comment.redacted) = (None, None);
            comment.erased = Some(mark.clone());
            hit = true;
        }
        self.erase_marks_of(op);
        if let Some(back) = self.case.feed_back.as_mut().filter(|f| f.op_id == op && f.erased.is_none()) {
            back.text.clear();
            back.erased = Some(mark.clone());
            hit = true;
        }
        hit
    }

    /// The words that a move left on the case go with its note; that it was made stays.
    fn erase_marks_of(&mut self, op: OpId) {
        if let Some(handed_on) = self.case.handed_on.as_mut().filter(|h| h.op_id == op) {
            handed_on.to.clear();
        }
        if let Some(hung) = self.case.hung.as_mut().filter(|h| h.op_id == op) {
            hung.project = None;
        }
        for ruling in self.case.rulings.iter_mut().filter(|r| r.op_id == op) {
            ruling.entered_for = None;
        }
    }

    /// What it is about (category, place, times) stays: the case goes on.
    fn erase_report(&mut self, mark: &Erased) -> bool {
        if self.case.erased.is_some() {
            return false;
        }
        for field in WORDS {
            self.case.fields.remove(field);
        }
        self.case.entered_for = None;
        self.case.tags.clear();
        for conflict in self.conflicts.values_mut().filter(|c| WORDS.contains(&c.field.as_str())) {
            (conflict.kept, conflict.lost, conflict.resolved) = (Value::Null, Value::Null, Some(Value::Null));
        }
        self.case.erased = Some(mark.clone());
        true
    }
}
