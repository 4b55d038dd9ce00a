//! The rows of a case: what is stored, sent and shown, the same on server and phone.
//!
//! No row holds what some reader of its feeds may not see: people are rows of their own.

use super::erasure::Erased;
use super::marks::{CheckRef, HandedOn, Hanging, MoreAsked, ReturnAsked, RulingRef, Supervised};
use super::state::CaseState;
use crate::clock::CaptureTime;
use crate::command::{
    CaseKind, EnteredFor, Fix, FormName, FormRef, MediaKind, Origin, PhotoRole, Reason, Source,
};
use crate::deadline::Due;
use crate::division::{CellCode, GridId, TownCode};
use crate::geo::Point;
use crate::id::{CaseId, DeptKey, OpId, PersonId, PhotoId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

crate::open_enum! {
    /// How a place was found.
    pub enum PlacedBy {
        /// From the captured fix.
        Fix = "fix",
        /// A duty grid chosen by hand.
        Hand = "hand",
        /// Corrected later.
        Relocated = "relocated",
        /// 位置待定
        Unknown = "unknown",
    }
}

/// Where a case is, as derived by the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Place {
    /// WGS-84 point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// Cell 单元网格.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    /// Duty grid 责任网格.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// How it was found.
    pub by: PlacedBy,
}

/// The spoken number 短号 (U6): `稠江 03127`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShortNo {
    /// The town's two characters.
    pub town: String,
    /// The number.
    pub n: u32,
}

impl ShortNo {
    /// As said and shown.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {:05}", self.town, self.n)
    }
}

crate::open_enum! {
    /// What closed a case.
    pub enum ClosedBy {
        /// A passed verification.
        Verify = "verify",
        /// The supervision centre, without a field check.
        Desk = "desk",
        /// Fixed on the spot by the reporter.
        SelfFixed = "self_fixed",
    }
}

/// How a case was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Closing {
    /// What closed it.
    pub by: ClosedBy,
    /// When, server time.
    pub at_ms: i64,
    /// The desk's reason code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Decided, but not all evidence has arrived.
    #[serde(default)]
    pub evidence_pending: bool,
}

/// The feedback that stands in this round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedBackRef {
    /// The op.
    pub op_id: OpId,
    /// Its round.
    pub round: u32,
    /// When received.
    pub at_ms: i64,
    /// What was done.
    #[serde(default)]
    pub text: String,
    /// Its photos.
    #[serde(default)]
    pub photos: Vec<PhotoId>,
    /// Its words were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

/// The verification that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyRef {
    /// The op.
    pub op_id: OpId,
    /// The feedback it judged.
    pub feed_back: OpId,
    /// Its outcome.
    pub passed: bool,
    /// When received.
    pub at_ms: i64,
}

/// What has arrived of the photos a case waits for (protocol 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Media {
    /// Verified working copies.
    pub n: u32,
    /// Photos awaited: named, neither lost nor waived.
    pub m: u32,
    /// Verified originals.
    pub k: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Case {
    /// Its id.
    pub case_id: CaseId,
    /// Where it stands.
    pub state: CaseState,
    /// Raised by dispatch, an upheld return, rework.
    #[serde(default)]
    pub round: u32,
    /// 短号
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_no: Option<ShortNo>,
    /// Number shown by the phone before sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_tag: Option<String>,
    /// 问题来源
    #[serde(default)]
    pub source: Source,
    /// 紧急·有危险
    #[serde(default)]
    pub urgent_danger: bool,
    /// 即办 / 承诺 / 协调
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_kind: Option<CaseKind>,
    /// Mergeable fields: category, severity, description, landmark.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Site of the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// Whose word it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
    /// The captured fix, never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Where it is now thought to be.
    pub place: Place,
    /// When it was captured.
    pub captured: CaptureTime,
    /// When the server had it.
    pub received_ms: i64,
    /// 当场处理
    #[serde(default)]
    pub self_fixed: bool,
    /// The author's rights at capture are not certain; no credit until a supervisor confirms.
    #[serde(default)]
    pub rights_unsure: bool,
    /// 牵头单位
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<DeptKey>,
    /// 配合单位
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DeptKey>,
    /// When last filed, server time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_ms: Option<i64>,
    /// 处置时限
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// To whom the unit has handed it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_on: Option<HandedOn>,
    /// Until when it hangs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hung: Option<Hanging>,
    /// 督办
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervised: Option<Supervised>,
    /// What the reporter is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_asked: Option<MoreAsked>,
    /// The last look before filing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<CheckRef>,
    /// A request to return that waits for a ruling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_asked: Option<ReturnAsked>,
    /// How often a unit has asked to return it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub returns: u32,
    /// Rulings, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rulings: Vec<RulingRef>,
    /// When last dispatched, server time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatched_ms: Option<i64>,
    /// The feedback of this round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_back: Option<FeedBackRef>,
    /// The last verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyRef>,
    /// How it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
    /// Why refused or voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// A void that waits for a second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_asked: Option<OpId>,
    /// The case it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<CaseId>,
    /// That case's spoken number, for the reporter's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_short: Option<ShortNo>,
    /// Cases merged into this one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub merged_from: BTreeSet<CaseId>,
    /// Photos awaited and arrived.
    #[serde(default)]
    pub media: Media,
    /// Conflicts nobody has resolved.
    #[serde(default)]
    pub conflicts_open: u32,
    /// The words of its report were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
    /// Last change, server time.
    pub updated_ms: i64,
    /// Fields a later version added; kept.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

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
