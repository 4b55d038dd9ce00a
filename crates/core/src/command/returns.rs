//! A unit that says the case is not its own, and the ruling on that (field.md U17).
//!
//! Must not know how it is decided.

use super::report::EnteredFor;
use crate::id::{DeptKey, PhotoId};
use serde::{Deserialize, Serialize};

crate::open_enum! {
    /// Why a unit asks to return a case.
    pub enum ReturnReason {
        /// 不在管辖范围: the place is another's.
        OtherArea = "other_area",
        /// 不属管辖事项: the matter is another's.
        OtherDuty = "other_duty",
        /// 另有管护单位: somebody else is named to care for it.
        CareHolder = "care_holder",
        /// 现场无此问题: there is nothing to be done.
        NothingThere = "nothing_there",
    }
}

/// Asking to return a case 申请退回. The clock runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestReturn {
    /// Why.
    pub reason: ReturnReason,
    /// The rule, map or agreement that says so.
    #[serde(default)]
    pub basis: String,
    /// Whose it is instead, as the unit sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<DeptKey>,
    /// Photos that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

crate::open_enum! {
    /// The six rulings 裁定 (U17).
    pub enum RulingKind {
        /// 同意退回: another unit leads.
        Uphold = "uphold",
        /// 维持原派遣: it stays where it is.
        Maintain = "maintain",
        /// 先处置、后定责: a unit works now, whose it is is ruled later.
        Provisional = "provisional",
        /// 牵头+配合: one leads, others assist.
        LeadAndAssist = "lead_and_assist",
        /// 现场会商: decided at the place, on a date.
        SiteVisit = "site_visit",
        /// 属地兜底: the unit of the area.
        AreaDefault = "area_default",
    }
}

/// A ruling 裁定 on a request to return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ruling {
    /// Which of the six.
    pub ruling: RulingKind,
    /// The unit that leads from now on; for all but `maintain` and `site_visit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<DeptKey>,
    /// Units that assist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DeptKey>,
    /// The ruling in words.
    #[serde(default)]
    pub text: String,
    /// Whether like cases are to follow it 裁定先例.
    #[serde(default)]
    pub precedent: bool,
    /// Until when like cases follow it, milliseconds since 1970; a year when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precedent_until_ms: Option<i64>,
    /// Until when the owner is ruled, or when the visit is; milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_ms: Option<i64>,
    /// Whose word this is, when not the author's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
    /// Photos, as of the minutes of a visit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}
