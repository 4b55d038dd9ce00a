//! What is on record of duty: plain records. Knows no look-up.

use crate::command::ReturnReason;
use crate::division::{CommitteeCode, GridId, Span, TownCode};
use crate::id::{CaseId, DeptKey, OpId};
use serde::{Deserialize, Serialize};

/// One line of the owner matrix 权责清单. Whatever is left open holds for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnerRule {
    /// The city's own number of the line.
    pub id: String,
    /// An item `3.04` or a problem `3.04-a` of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A class of places: `market_hall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_class: Option<String>,
    /// One town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// One duty grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// 牵头单位
    pub lead: DeptKey,
    /// 配合单位
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DeptKey>,
    /// The law, plan or agreement that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// When it holds.
    #[serde(default)]
    pub span: Span,
}

crate::open_enum! {
    /// What somebody holds an area for.
    pub enum HolderKind {
        /// 属地: answers for what nobody else does.
        Area = "area",
        /// 市领导挂钩: the linked leader's office.
        LinkedLeader = "linked_leader",
        /// 部门结对: the department paired with a community.
        Paired = "paired",
    }
}

/// Who holds an area: a town, a committee or a duty grid. The narrowest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Holder {
    /// The city's own number of the line.
    pub id: String,
    /// For what.
    #[serde(default = "of_area")]
    pub kind: HolderKind,
    /// The unit or office.
    pub unit: DeptKey,
    /// One town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// One committee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committee: Option<CommitteeCode>,
    /// One duty grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// When.
    #[serde(default)]
    pub span: Span,
}

fn of_area() -> HolderKind {
    HolderKind::Area
}

/// A ruling that like cases follow 裁定先例, until its end: shown to a unit before it asks to return one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Precedent {
    /// The ruling.
    pub op_id: OpId,
    /// The case it was given on.
    pub case_id: CaseId,
    /// Its spoken number, for the citation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_no: Option<String>,
    /// The item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The class of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_class: Option<String>,
    /// The town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// Why the unit had asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReturnReason>,
    /// The unit that had asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DeptKey>,
    /// The unit that leads by it.
    pub to: DeptKey,
    /// When it holds.
    pub span: Span,
}

/// All that is on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// The matrix.
    pub rules: Vec<OwnerRule>,
    /// The holders.
    pub holders: Vec<Holder>,
    /// Rulings that like cases follow.
    pub precedents: Vec<Precedent>,
}
