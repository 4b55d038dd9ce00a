//! The rows that hang on a case: people in their parts, photos, words, values that clash.

use super::erasure::Erased;
use crate::clock::CaptureTime;
use crate::command::{Fix, FormName, FormRef, MediaKind, Origin, PhotoRole};
use crate::id::{CaseId, OpId, PersonId, PhotoId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

crate::open_enum! {
    /// The part a person has in a case.
    pub enum Part {
        /// 上报人
        Reporter = "reporter",
        /// Gave feedback.
        Handler = "handler",
        /// 核查人
        Verifier = "verifier",
        /// Asked for voiding.
        Voider = "voider",
        /// Filed it.
        Filer = "filer",
        /// Dispatched it.
        Dispatcher = "dispatcher",
        /// Was drawn to check it.
        Drawn = "drawn",
    }
}

/// One person in one part of one case: read at the supervision desk and by that person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonRow {
    /// The case.
    pub case_id: CaseId,
    /// The part.
    pub part: Part,
    /// The person.
    pub person: PersonId,
}

impl PersonRow {
    /// The row's id.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}:{}:{}", self.case_id, self.part, self.person)
    }
}

/// A photo of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoRow {
    /// Its id.
    pub photo_id: PhotoId,
    /// The case it belongs to.
    pub case_id: CaseId,
    /// The case its author named, when that was merged since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<CaseId>,
    /// The op that named it.
    pub op_id: OpId,
    /// What it shows.
    pub role: PhotoRole,
    /// What the bytes are.
    #[serde(default)]
    pub media: MediaKind,
    /// How it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Its forms.
    #[serde(default)]
    pub forms: BTreeMap<FormName, FormRef>,
    /// Forms whose bytes are here and verified.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub verified: BTreeSet<FormName>,
    /// Where the phone stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// Time in the picture's own metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif_time: Option<String>,
    /// Perceptual hash, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phash: Option<String>,
    /// When it was taken.
    pub captured: CaptureTime,
    /// The feed_back or verify it supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_op: Option<OpId>,
    /// How long a voice note lasts, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
    /// Why it will never arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// Why it is no longer waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// Why it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    /// The working copy does not look like its original.
    #[serde(default)]
    pub mismatch: bool,
    /// It was erased: its bytes are nowhere any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
    /// Fields a later version added; kept.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl PhotoRow {
    /// Whether the case still waits for it.
    #[must_use]
    pub fn awaited(&self) -> bool {
        self.lost.is_none() && self.waived.is_none() && self.erased.is_none()
    }
    /// The form that counts as evidence: the working copy, or what there is instead (voice, documents, HEIC).
    #[must_use]
    pub fn evidence_form(&self) -> FormName {
        if self.forms.contains_key(&FormName::Working) { FormName::Working } else { FormName::Original }
    }
}

/// Words on a case: a comment, or late work kept as a note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CommentRow {
    /// The op it came with.
    pub op_id: OpId,
    /// The case.
    pub case_id: CaseId,
    /// The case its author named, when that was merged since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<CaseId>,
    /// The kind of op.
    pub kind: String,
    /// The words; gone when redacted or erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it is a note and not the move it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<crate::verdict::Why>,
    /// Photos that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
    /// When it was said.
    pub captured: CaptureTime,
    /// Why it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    /// Its words were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

/// 两处修改不一致: two values for one field, the losing one kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConflictRow {
    /// `<op>:<field>` of the op that brought it up.
    pub id: String,
    /// The case.
    pub case_id: CaseId,
    /// The field.
    pub field: String,
    /// The value that stands.
    pub kept: Value,
    /// The value that lost, or is proposed.
    pub lost: Value,
    /// Whether it is a field worker's proposal after filing.
    #[serde(default)]
    pub proposal: bool,
    /// The value a person chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Value>,
    /// When it came up, server time.
    pub at_ms: i64,
}
