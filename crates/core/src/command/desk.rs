//! What desks, units and verifiers say: reasons, dispatch, feedback, verification, void, choices.
//!
//! Must not know how it is decided.

use super::report::{EnteredFor, Fix};
use crate::id::{CaseId, DeptKey, LinkId, OpId, PhotoId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Words on a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comment {
    /// The words.
    #[serde(default)]
    pub text: String,
}

/// A reason code and words, for moves that need no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// From the city's list.
    #[serde(default)]
    pub reason: String,
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whose word this is, when not the author's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
}

/// Merging 并案 into another case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MergeInto {
    /// The case that stays.
    pub into: CaseId,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

crate::open_enum! {
    /// How a case is to be handled.
    pub enum CaseKind {
        /// 即办件
        DoNow = "do_now",
        /// 承诺件
        Promised = "promised",
        /// 协调件
        Coordinated = "coordinated",
    }
}

/// Dispatch 派遣 to units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dispatch {
    /// 牵头单位
    pub lead: DeptKey,
    /// 配合单位
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DeptKey>,
    /// 即办 / 承诺 / 协调
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_kind: Option<CaseKind>,
    /// Words to the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Feedback 处置反馈: what was done and seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedBack {
    /// What was done.
    #[serde(default)]
    pub text: String,
    /// Where the handler stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// After photos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
    /// The work link by which somebody without an account said it, in the name of who issued that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_link: Option<LinkId>,
}

/// Verification 核查 of one feedback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verify {
    /// The feed_back op that is judged.
    pub feed_back: OpId,
    /// Whether the problem is gone.
    pub passed: bool,
    /// What was seen.
    #[serde(default)]
    pub text: String,
    /// Where the verifier stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// Photos of the verification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

/// The second person's word on a void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfirmVoid {
    /// The void op.
    pub void: OpId,
    /// Whether it is to stand.
    #[serde(default = "yes")]
    pub agree: bool,
}

fn yes() -> bool {
    true
}

/// A person's choice between two values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResolveConflict {
    /// The conflict row's id.
    pub conflict: String,
    /// The value to take.
    pub take: Value,
}
