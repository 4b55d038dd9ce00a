//! The row of a case: what is stored, sent and shown, the same on server and phone.
//!
//! No row holds what some reader of its feeds may not see: people are rows of their own.

use super::erasure::Erased;
use super::marks::{
    CheckRef, Drawn, ExtensionAsked, HandedOn, Hanging, MoreAsked, RelapseOf, ReturnAsked, RulingRef,
    SpotCheckRef, Supervised,
};
use super::state::CaseState;
use crate::catalogue::Catalogue;
use crate::clock::CaptureTime;
use crate::command::{CaseKind, EnteredFor, Fix, Reason, Source};
use crate::deadline::{DeskWait, Due, desk_wait};
use crate::division::{CellCode, GridId, TownCode};
use crate::geo::Point;
use crate::id::{CaseId, DeptKey, LinkId, OpId, PhotoId};
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
    /// The work link by which it came: evidence of grade B at best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_link: Option<LinkId>,
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
    /// More time that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_asked: Option<ExtensionAsked>,
    /// How often more time was given 延期次数.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub extensions: u32,
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
    /// Who checks was drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<Drawn>,
    /// Checks that failed 返工次数.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reworks: u32,
    /// The last verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<VerifyRef>,
    /// How it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
    /// What the desk found on its photo pair, when it was fixed on the spot and sampled 抽查.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_check: Option<SpotCheckRef>,
    /// Until when a closed case is watched for relapse 回潮观察.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch_until_ms: Option<i64>,
    /// The closed case that it is come back 回潮.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relapsed_from: Option<RelapseOf>,
    /// The case in which it came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relapsed_to: Option<CaseId>,
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
    /// Since when it is in its state, server time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// Last change, server time.
    pub updated_ms: i64,
    /// Fields a later version added; kept.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Case {
    /// The code of its catalogue item: named, or that of the problem named.
    #[must_use]
    pub fn item(&self, catalogue: Option<&Catalogue>) -> Option<String> {
        let category = self.fields.get("category")?;
        let text = |key: &str| category.get(key).and_then(Value::as_str);
        let by_problem = || catalogue?.item_of(text("problem")?).map(|item| item.code.clone());
        text("item").map(str::to_owned).or_else(by_problem)
    }

    /// What it waits for at a desk or with a collector, and until when.
    #[must_use]
    pub fn waits(&self) -> Option<DeskWait> {
        desk_wait(&self.state, self.urgent_danger, self.since_ms.unwrap_or(self.received_ms))
    }
}
