//! Rights: effective-dated grants and the one policy table (protocol 6).
//!
//! Knows roles, areas and times; must not know sessions, tokens or storage.

use crate::clock::CaptureTime;
use crate::division::{GridId, Span, TownCode};
use crate::id::DeptKey;
use serde::{Deserialize, Serialize};
use std::fmt;

crate::open_enum! {
    /// What a person is here for.
    pub enum Role {
        /// Grid worker 网格员.
        Collector = "collector",
        /// A unit's clerk 承办人.
        UnitClerk = "unit_clerk",
        /// Filing desk 受理席.
        FilingDesk = "filing_desk",
        /// Dispatch desk 派遣席.
        Dispatcher = "dispatcher",
        /// Duty leader 值班长.
        DutyLeader = "duty_leader",
        /// Deputy head of the command centre 中心副主任.
        DeputyHead = "deputy_head",
        /// Head of the supervision centre 监督中心.
        Supervisor = "supervisor",
        /// Hotline clerk 热线坐席.
        HotlineClerk = "hotline_clerk",
        /// Inspector 督查员.
        Inspector = "inspector",
        /// A leader linked to towns and communities 挂钩领导: reads them, moves nothing.
        LinkedLeader = "linked_leader",
        /// Reads the audit log 审计员.
        Auditor = "auditor",
        /// Runs the installation: people, devices, reference data 系统管理员.
        Administrator = "administrator",
        /// The server itself, when a time has come or a lot is drawn 系统. Given to nobody.
        System = "system",
    }
}

impl Role {
    /// The Chinese word on screens.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            Role::Collector => "网格员",
            Role::UnitClerk => "承办人",
            Role::FilingDesk => "受理席",
            Role::Dispatcher => "派遣席",
            Role::DutyLeader => "值班长",
            Role::DeputyHead => "中心副主任",
            Role::Supervisor => "监督中心",
            Role::HotlineClerk => "热线坐席",
            Role::Inspector => "督查员",
            Role::LinkedLeader => "挂钩领导",
            Role::Auditor => "审计员",
            Role::Administrator => "系统管理员",
            Role::System => "系统",
            Role::Other(word) => word,
        }
    }

    /// Whether people can be given it.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !matches!(self, Role::System | Role::Other(_))
    }

    /// Whether the role, held for the whole city, reads every case.
    #[must_use]
    pub fn reads_every_case(&self) -> bool {
        matches!(
            self,
            Role::FilingDesk
                | Role::Dispatcher
                | Role::DutyLeader
                | Role::DeputyHead
                | Role::Supervisor
                | Role::Inspector
                | Role::Auditor
        )
    }
}

/// Where a grant holds: `city`, `town:330782003`, `grid:330782003002-03`, `dept:sanitation`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Everywhere.
    City,
    /// One town.
    Town(TownCode),
    /// One duty grid.
    Grid(GridId),
    /// Cases a department leads.
    Dept(DeptKey),
    /// A kind of area this version does not know; covers nothing.
    Other(String),
}

impl Area {
    /// Reads an area; never fails.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text.split_once(':') {
            None if text == "city" => Area::City,
            Some(("town", code)) => {
                TownCode::parse(code).map_or_else(|_| Area::Other(text.into()), Area::Town)
            }
            Some(("grid", id)) => GridId::parse(id).map_or_else(|_| Area::Other(text.into()), Area::Grid),
            Some(("dept", key)) => Area::Dept(DeptKey::from(key)),
            _ => Area::Other(text.into()),
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Area::City => f.write_str("city"),
            Area::Town(town) => write!(f, "town:{town}"),
            Area::Grid(grid) => write!(f, "grid:{grid}"),
            Area::Dept(dept) => write!(f, "dept:{dept}"),
            Area::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for Area {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Area {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::from_text(&String::deserialize(d)?))
    }
}

/// A role over an area from a time to a time; never overwritten, only ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grant {
    /// Which role.
    pub role: Role,
    /// Where.
    pub area: Area,
    /// When, in server time.
    pub span: Span,
}

/// Where a case stands, as far as rights care.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its town.
    pub town: Option<&'a TownCode>,
    /// Its duty grid.
    pub grid: Option<&'a GridId>,
    /// Its lead unit.
    pub lead: Option<&'a DeptKey>,
    /// Its assisting units.
    pub assists: &'a [DeptKey],
}

impl Grant {
    /// Whether the grant reaches a case.
    #[must_use]
    pub fn covers(&self, case: Standing<'_>) -> bool {
        match &self.area {
            Area::City => true,
            Area::Town(town) => case.town == Some(town),
            Area::Grid(grid) => case.grid == Some(grid),
            Area::Dept(dept) => case.lead == Some(dept),
            Area::Other(_) => false,
        }
    }
}

/// Whether a kind of op is seen as what a person saw, or as what a person may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Judged by the past: rights at capture.
    Evidence,
    /// Judged by the present: rights at arrival.
    Power,
}

/// One line of the policy table.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The kind.
    pub kind: &'static str,
    /// Its Chinese name, as people see it.
    pub zh: &'static str,
    /// Evidence or power.
    pub class: Class,
    /// Roles that hold the power; for evidence, any role does.
    pub roles: &'static [Role],
}

const DESK: &[Role] = &[Role::FilingDesk, Role::Supervisor];
const UNIT: &[Role] = &[Role::UnitClerk];
const VERIFIERS: &[Role] = &[Role::Collector, Role::Inspector, Role::Supervisor];
const COMMAND: &[Role] = &[Role::Dispatcher, Role::DutyLeader];
/// Who rules on returns; from the third request on a case, the deputy head alone.
const RULERS: &[Role] = &[Role::DutyLeader, Role::DeputyHead];
/// Whose slips may be taken back: of their own acts alone.
const CLERKS: &[Role] = &[Role::FilingDesk, Role::Supervisor, Role::Dispatcher, Role::DutyLeader];
/// Who may ask for an erasure, and who may agree to another's.
const ERASERS: &[Role] = &[Role::Supervisor, Role::Administrator];
/// Who may have somebody look first: a complaint is looked at before it is filed.
const ASK_TO_LOOK: &[Role] = &[Role::FilingDesk, Role::Supervisor, Role::HotlineClerk];
/// Whoever may order a pause, and the server that carries it to each clock.
const PAUSERS: &[Role] = &[Role::DeputyHead, Role::System];
const SYSTEM: &[Role] = &[Role::System];
const NONE: &[Role] = &[];

/// The policy table: every kind, once. `feed_back`, `checked` and `verify` are evidence in what they saw and power
/// in the move that they ask for; the roles are those of the move. For `edit` and `relocate` the roles
/// are those that may still change a case after filing.
pub const POLICY: &[Policy] = &[
    Policy { kind: "report", zh: "上报", class: Class::Evidence, roles: NONE },
    Policy { kind: "withdraw", zh: "撤回", class: Class::Evidence, roles: NONE },
    Policy { kind: "self_fixed", zh: "当场处理", class: Class::Evidence, roles: NONE },
    Policy { kind: "look", zh: "巡查正常", class: Class::Evidence, roles: NONE },
    Policy { kind: "edit", zh: "修改", class: Class::Evidence, roles: DESK },
    Policy { kind: "relocate", zh: "更正位置", class: Class::Evidence, roles: DESK },
    Policy { kind: "photo", zh: "照片", class: Class::Evidence, roles: NONE },
    Policy { kind: "photo_lost", zh: "照片缺失", class: Class::Evidence, roles: NONE },
    Policy { kind: "comment", zh: "备注", class: Class::Evidence, roles: NONE },
    Policy { kind: "redact", zh: "隐藏", class: Class::Power, roles: &[Role::Supervisor] },
    Policy { kind: "erase", zh: "依法删除", class: Class::Power, roles: ERASERS },
    Policy { kind: "confirm_erase", zh: "同意删除", class: Class::Power, roles: ERASERS },
    Policy { kind: "ask_more", zh: "退回补充", class: Class::Power, roles: DESK },
    Policy { kind: "supplement", zh: "补充", class: Class::Evidence, roles: NONE },
    Policy { kind: "check", zh: "核实", class: Class::Power, roles: ASK_TO_LOOK },
    Policy { kind: "checked", zh: "核实结果", class: Class::Evidence, roles: VERIFIERS },
    Policy { kind: "file", zh: "立案", class: Class::Power, roles: DESK },
    Policy { kind: "refuse", zh: "不予立案", class: Class::Power, roles: DESK },
    Policy { kind: "merge", zh: "并案", class: Class::Power, roles: DESK },
    Policy { kind: "dispatch", zh: "派遣", class: Class::Power, roles: COMMAND },
    Policy { kind: "accept", zh: "签收", class: Class::Power, roles: UNIT },
    Policy { kind: "hand_on", zh: "二级派遣", class: Class::Power, roles: UNIT },
    Policy { kind: "take_back", zh: "收回", class: Class::Power, roles: CLERKS },
    Policy { kind: "hang", zh: "挂账", class: Class::Power, roles: &[Role::DeputyHead] },
    Policy { kind: "unhang", zh: "恢复处置", class: Class::Power, roles: RULERS },
    Policy { kind: "supervise", zh: "督办", class: Class::Power, roles: &[Role::Supervisor] },
    Policy { kind: "request_return", zh: "申请退回", class: Class::Power, roles: UNIT },
    Policy { kind: "rule_return", zh: "裁定", class: Class::Power, roles: RULERS },
    Policy { kind: "request_extension", zh: "申请延期", class: Class::Power, roles: UNIT },
    Policy { kind: "rule_extension", zh: "延期审批", class: Class::Power, roles: RULERS },
    Policy { kind: "pause_clock", zh: "全市暂停", class: Class::Power, roles: PAUSERS },
    Policy { kind: "lapse", zh: "到时", class: Class::Power, roles: SYSTEM },
    Policy { kind: "draw", zh: "抽签", class: Class::Power, roles: SYSTEM },
    Policy { kind: "opened", zh: "查看核查任务", class: Class::Power, roles: VERIFIERS },
    Policy { kind: "relapse", zh: "回潮认定", class: Class::Power, roles: DESK },
    Policy { kind: "appeal_relapse", zh: "申诉", class: Class::Power, roles: UNIT },
    Policy { kind: "rule_appeal", zh: "申诉裁定", class: Class::Power, roles: &[Role::Supervisor] },
    Policy { kind: "spot_check", zh: "自行处置抽查", class: Class::Power, roles: DESK },
    Policy { kind: "feed_back", zh: "处置反馈", class: Class::Evidence, roles: UNIT },
    Policy { kind: "verify", zh: "核查", class: Class::Evidence, roles: VERIFIERS },
    Policy { kind: "close", zh: "结案", class: Class::Power, roles: DESK },
    Policy { kind: "void", zh: "作废", class: Class::Power, roles: DESK },
    Policy { kind: "confirm_void", zh: "同意作废", class: Class::Power, roles: DESK },
    Policy { kind: "waive_media", zh: "不再等待照片", class: Class::Power, roles: &[Role::Supervisor] },
    Policy { kind: "resolve_conflict", zh: "采用这一个", class: Class::Power, roles: DESK },
];

/// The line of a kind.
#[must_use]
pub fn policy(kind: &str) -> Option<&'static Policy> {
    POLICY.iter().find(|p| p.kind == kind)
}

/// Whether any of these grants gives the power of `kind` over a case now.
#[must_use]
pub fn has_power(grants: &[Grant], kind: &str, case: Standing<'_>, now_ms: i64) -> bool {
    let Some(policy) = policy(kind) else { return false };
    grants.iter().any(|g| g.span.contains(now_ms) && policy.roles.contains(&g.role) && g.covers(case))
}

/// Whether any of these grants gives a role over a case now.
#[must_use]
pub fn has_role(grants: &[Grant], role: &Role, case: Standing<'_>, now_ms: i64) -> bool {
    grants.iter().any(|g| g.span.contains(now_ms) && g.role == *role && g.covers(case))
}

/// How evidence stands by the rights of its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceRights {
    /// Held for certain when it was captured.
    Held,
    /// Held at some time, but the capture time is not certain.
    Unsure,
    /// Never held.
    Never,
}

/// Judges evidence (protocol 6): by the recovered time when its class dates rights. Otherwise the time
/// lies somewhere between enrolment and receipt: rights held all that while are certain all the same,
/// rights held for a part of it are `Unsure`.
#[must_use]
pub fn evidence_rights(
    grants: &[Grant],
    time: &CaptureTime,
    enrolled_ms: i64,
    receipt_ms: i64,
) -> EvidenceRights {
    if time.class.dates_rights() {
        let held = grants.iter().any(|g| g.span.contains(time.at_ms));
        return if held { EvidenceRights::Held } else { EvidenceRights::Never };
    }
    if grants_fill(grants, enrolled_ms, receipt_ms) {
        return EvidenceRights::Held;
    }
    let touched =
        grants.iter().any(|g| g.span.from_ms <= receipt_ms && g.span.to_ms.is_none_or(|to| to > enrolled_ms));
    if touched { EvidenceRights::Unsure } else { EvidenceRights::Never }
}

/// Whether the grants together cover every moment from `from_ms` to `to_ms`, both included.
fn grants_fill(grants: &[Grant], from_ms: i64, to_ms: i64) -> bool {
    let mut spans: Vec<Span> = grants.iter().map(|g| g.span).collect();
    spans.sort_by_key(|s| s.from_ms);
    let mut reached = from_ms;
    for span in spans {
        if span.from_ms > reached {
            return false;
        }
        match span.to_ms {
            None => return true,
            Some(to) => reached = reached.max(to),
        }
        if reached > to_ms {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockClass;
    use crate::command::Command;

    fn grant(from_ms: i64, to_ms: Option<i64>) -> Grant {
        Grant { role: Role::Collector, area: Area::City, span: Span { from_ms, to_ms } }
    }
    fn time(class: ClockClass, at_ms: i64) -> CaptureTime {
        CaptureTime { at_ms, class, claimed_ms: at_ms }
    }

    #[test]
    fn every_kind_has_exactly_one_line() {
        for kind in Command::KINDS {
            assert_eq!(POLICY.iter().filter(|p| p.kind == *kind).count(), 1, "{kind}");
        }
        assert_eq!(POLICY.len(), Command::KINDS.len());
    }

    #[test]
    fn evidence_is_judged_by_the_past() {
        let ended = [grant(0, Some(100))];
        let judge = |class, at| evidence_rights(&ended, &time(class, at), 0, 200);
        assert_eq!(judge(ClockClass::Exact, 50), EvidenceRights::Held);
        assert_eq!(judge(ClockClass::Exact, 150), EvidenceRights::Never);
        assert_eq!(judge(ClockClass::Claimed, 50), EvidenceRights::Unsure);
        let split = [grant(0, Some(100)), grant(100, None)];
        assert_eq!(evidence_rights(&split, &time(ClockClass::Claimed, 9), 0, 200), EvidenceRights::Held);
        assert_eq!(evidence_rights(&[], &time(ClockClass::Claimed, 9), 0, 200), EvidenceRights::Never);
    }

    #[test]
    fn an_unknown_area_covers_nothing_and_survives() {
        let area = Area::from_text("moon:7");
        assert_eq!(area.to_string(), "moon:7");
        let g = Grant { role: Role::Supervisor, area, span: Span { from_ms: 0, to_ms: None } };
        let place = Standing { town: None, grid: None, lead: None, assists: &[] };
        assert!(!g.covers(place));
    }
}
