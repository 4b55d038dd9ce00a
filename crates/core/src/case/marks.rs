//! Marks on a case that its moves leave: what is asked for, handed on, hung, ruled. Words said with them are notes of
//! their own, so that they can be hidden and erased like any.

use crate::command::{DrawnFrom, EnteredFor, Lack, ReturnReason, RulingKind};
use crate::id::{CaseId, DeptKey, OpId};
use serde::{Deserialize, Serialize};

/// What the desk asked the reporter for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MoreAsked {
    /// The op.
    pub op_id: OpId,
    /// What is lacking.
    #[serde(default)]
    pub lacks: Vec<Lack>,
    /// When, server time.
    pub at_ms: i64,
}

/// What was found at the place before filing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckRef {
    /// The op.
    pub op_id: OpId,
    /// Whether the problem is there.
    pub found: bool,
    /// When received.
    pub at_ms: i64,
}

/// To whom a unit has handed a case on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandedOn {
    /// The op.
    pub op_id: OpId,
    /// The team, contractor or person, as the unit calls them.
    pub to: String,
    /// When, server time.
    pub at_ms: i64,
}

/// Until when a case hangs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hanging {
    /// The op.
    pub op_id: OpId,
    /// The works it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// When it is looked at again.
    pub review_ms: i64,
    /// Since when, server time.
    pub at_ms: i64,
}

/// The supervision centre watches over a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Supervised {
    /// The op.
    pub op_id: OpId,
    /// Since when, server time.
    pub at_ms: i64,
}

/// More time that a unit asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtensionAsked {
    /// The op.
    pub op_id: OpId,
    /// The date asked for.
    pub until_ms: i64,
    /// When received.
    pub at_ms: i64,
}

/// Who checks was drawn; the name is a row of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drawn {
    /// The op.
    pub op_id: OpId,
    /// From whom.
    pub from: DrawnFrom,
    /// How many could have been.
    pub eligible: u32,
    /// Which draw for this feedback.
    pub attempt: u32,
    /// The day of the seed.
    #[serde(default)]
    pub seed_day: String,
    /// Until when it must be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_by_ms: Option<i64>,
    /// When it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_ms: Option<i64>,
    /// When drawn, server time.
    pub at_ms: i64,
}

/// What the desk found on the photo pair of something fixed on the spot 自行处置抽查.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpotCheckRef {
    /// The op.
    pub op_id: OpId,
    /// Whether the pair shows a fix.
    pub passed: bool,
    /// When, server time.
    pub at_ms: i64,
}

crate::open_enum! {
    /// How an appeal against a relapse stands.
    pub enum AppealState {
        /// Nobody has decided.
        Open = "open",
        /// The relapse counts.
        Dismissed = "dismissed",
        /// It does not count.
        Upheld = "upheld",
    }
}

/// That a case is a closed one come back, and why it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelapseOf {
    /// The op.
    pub op_id: OpId,
    /// The closed case.
    pub case: CaseId,
    /// When that was closed.
    pub closed_ms: i64,
    /// Days between, whole ones.
    pub days: u32,
    /// How far apart, metres, where both have a point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
    /// Whether both name the same site.
    #[serde(default)]
    pub same_site: bool,
    /// Whether both are of one item.
    #[serde(default)]
    pub same_item: bool,
    /// The unit that had led it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<DeptKey>,
    /// A unit's word against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appeal: Option<AppealState>,
    /// When recognised, server time.
    pub at_ms: i64,
}

impl RelapseOf {
    /// Whether it counts against the unit.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.appeal != Some(AppealState::Upheld)
    }
}

/// A request to return that waits for a ruling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReturnAsked {
    /// The op.
    pub op_id: OpId,
    /// Why.
    pub reason: ReturnReason,
    /// Whose it is, as the unit sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<DeptKey>,
    /// When received.
    pub at_ms: i64,
}

/// A ruling that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RulingRef {
    /// The op.
    pub op_id: OpId,
    /// Which of the six.
    pub ruling: RulingKind,
    /// The unit that had asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DeptKey>,
    /// The unit that leads since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DeptKey>,
    /// Whether like cases are to follow it.
    #[serde(default)]
    pub precedent: bool,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precedent_until_ms: Option<i64>,
    /// Until when the owner is ruled, or when the visit is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_ms: Option<i64>,
    /// Whose word it is, when not that of who entered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
    /// When given, server time.
    pub at_ms: i64,
}
