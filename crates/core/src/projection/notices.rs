//! Who is told of what: a pure fold of a case before and after, and the rungs of its clock (field.md U10).
//!
//! Knows no channel, no text and no clock of its own. Personal data has no way in here: a notice names a case and units.

use crate::case::{Case, CaseState};
use crate::deadline::Due;
use crate::division::GridId;
use crate::id::DeptKey;
use crate::local::{MINUTE_MS, ZONE_MS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

crate::open_enum! {
    /// What a notice is about.
    pub enum NoticeKind {
        /// 新派遣: to the unit, or to the team that it hands on to.
        Dispatched = "dispatched",
        /// 将超时: 2 hours and 30 minutes before.
        DueSoon = "due_soon",
        /// 已超时
        Overdue = "overdue",
        /// 裁定: to the unit that had asked, and to the one that leads since.
        Ruled = "ruled",
        /// 返工
        Rework = "rework",
        /// 退回补充: to the group of the duty grid. Nobody is named in it.
        MoreAsked = "more_asked",
        /// 督办
        Supervised = "supervised",
        /// 超时汇总: once a day, of each unit.
        Digest = "digest",
    }
}

impl NoticeKind {
    /// The Chinese word in front of a line.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            NoticeKind::Dispatched => "新派遣",
            NoticeKind::DueSoon => "将超时",
            NoticeKind::Overdue => "已超时",
            NoticeKind::Ruled => "裁定",
            NoticeKind::Rework => "返工",
            NoticeKind::MoreAsked => "退回补充",
            NoticeKind::Supervised => "督办",
            NoticeKind::Digest => "超时汇总",
            NoticeKind::Other(word) => word,
        }
    }
}

/// Whom a channel is for, and whom a notice goes to: `unit:sanitation`, `team:sanitation/清运二组`, `grid:330782003002-03`,
/// `leaders`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A unit's clerks.
    Unit(DeptKey),
    /// A team or contractor, by the name by which its unit hands on to it.
    Team(DeptKey, String),
    /// The group of a duty grid.
    Grid(GridId),
    /// Leaders of the command centre: the digest of all units.
    Leaders,
}

impl Target {
    /// Reads one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().split_once(':') {
            None if text.trim() == "leaders" => Some(Target::Leaders),
            Some(("unit", key)) if !key.is_empty() => Some(Target::Unit(DeptKey::from(key))),
            Some(("team", rest)) => {
                let (unit, name) = rest.split_once('/')?;
                let name = name.trim();
                (!unit.is_empty() && !name.is_empty())
                    .then(|| Target::Team(DeptKey::from(unit), name.to_owned()))
            }
            Some(("grid", id)) => GridId::parse(id).ok().map(Target::Grid),
            _ => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Unit(unit) => write!(f, "unit:{unit}"),
            Target::Team(unit, name) => write!(f, "team:{unit}/{name}"),
            Target::Grid(grid) => write!(f, "grid:{grid}"),
            Target::Leaders => f.write_str("leaders"),
        }
    }
}

/// Something that somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// Which time of its kind in the life of the case: the same one is never told twice.
    pub mark: String,
    /// Whom it goes to.
    pub to: BTreeSet<Target>,
}

/// Who works on a case: the unit that leads, and the team it is handed on to.
fn workers(case: &Case) -> BTreeSet<Target> {
    let Some(lead) = &case.lead else { return BTreeSet::new() };
    let team = case.handed_on.as_ref().map(|h| Target::Team(lead.clone(), h.to.trim().to_owned()));
    team.into_iter().chain([Target::Unit(lead.clone())]).collect()
}

fn units<'c>(units: impl IntoIterator<Item = &'c DeptKey>) -> BTreeSet<Target> {
    units.into_iter().map(|u| Target::Unit(u.clone())).collect()
}

/// What is to be told of a change of a case; nothing for most changes.
#[must_use]
pub fn notices(before: Option<&Case>, after: &Case) -> Vec<Notice> {
    let mut out = Vec::new();
    let mut tell = |kind, mark: String, to: BTreeSet<Target>| {
        if !to.is_empty() {
            out.push(Notice { kind, mark, to });
        }
    };
    let rulings_before = before.map_or(0, |b| b.rulings.len());
    let ruling = after.rulings.get(rulings_before..).and_then(<[_]>::last);
    if let Some(ruling) = ruling {
        tell(NoticeKind::Ruled, ruling.op_id.to_string(), units(ruling.from.iter().chain(&ruling.to)));
    }
    let dispatched = after.dispatched_ms.filter(|_| after.state == CaseState::Dispatched);
    if let Some(at_ms) = dispatched.filter(|at| before.and_then(|b| b.dispatched_ms) != Some(*at)) {
        tell(NoticeKind::Dispatched, at_ms.to_string(), units(after.lead.iter().chain(&after.assists)));
    }
    let handed = after.handed_on.as_ref();
    if let (Some(handed), Some(lead)) = (handed, &after.lead)
        && before.and_then(|b| b.handed_on.as_ref()).map(|h| h.op_id) != Some(handed.op_id)
    {
        let team = Target::Team(lead.clone(), handed.to.trim().to_owned());
        tell(NoticeKind::Dispatched, handed.op_id.to_string(), BTreeSet::from([team]));
    }
    let failed = after.verify.as_ref().filter(|v| !v.passed && after.state == CaseState::Rework);
    if let Some(verify) = failed
        && before.and_then(|b| b.verify.as_ref()).map(|v| v.op_id) != Some(verify.op_id)
    {
        tell(NoticeKind::Rework, verify.op_id.to_string(), workers(after));
    }
    if let (Some(asked), Some(grid)) = (&after.more_asked, &after.place.grid)
        && before.and_then(|b| b.more_asked.as_ref()).map(|m| m.op_id) != Some(asked.op_id)
    {
        tell(NoticeKind::MoreAsked, asked.op_id.to_string(), BTreeSet::from([Target::Grid(grid.clone())]));
    }
    if let Some(watched) = &after.supervised
        && before.and_then(|b| b.supervised.as_ref()).map(|s| s.op_id) != Some(watched.op_id)
    {
        tell(NoticeKind::Supervised, watched.op_id.to_string(), workers(after));
    }
    out
}

/// A moment before the deadline at which somebody is reminded 催办.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// 2 hours before.
    TwoHours,
    /// 30 minutes before.
    HalfHour,
    /// The deadline is over.
    Overdue,
}

impl Rung {
    const ALL: [Rung; 3] = [Rung::TwoHours, Rung::HalfHour, Rung::Overdue];

    fn at_ms(self, due: &Due) -> i64 {
        match self {
            Rung::TwoHours => due.due_ms - 120 * MINUTE_MS,
            Rung::HalfHour => due.due_ms - 30 * MINUTE_MS,
            // A clock is over after its last moment, as `Due::is_overdue` has it.
            Rung::Overdue => due.due_ms + 1,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Rung::TwoHours => "two_hours",
            Rung::HalfHour => "half_hour",
            Rung::Overdue => "overdue",
        }
    }
}

/// The clock of a case while it runs in a unit's hands; one that is paused or stopped reminds nobody.
#[must_use]
pub fn running(case: &Case) -> Option<&Due> {
    let due = case.due.as_ref()?;
    let runs = due.paused_ms.is_none() && due.stopped_ms.is_none();
    (runs && case.state.is_open() && case.lead.is_some()).then_some(due)
}

/// When a case is next to be looked at: its first rung after a moment.
#[must_use]
pub fn next_rung_ms(case: &Case, after_ms: i64) -> Option<i64> {
    let due = running(case)?;
    Rung::ALL.iter().map(|rung| rung.at_ms(due)).find(|at| *at > after_ms)
}

/// The reminder of the last rung in a stretch of time, both ends included. What a server that was down has missed is told
/// once, and as it is now.
#[must_use]
pub fn reminder(case: &Case, from_ms: i64, now_ms: i64) -> Option<Notice> {
    let due = running(case)?;
    let passed = |rung: &&Rung| (from_ms..=now_ms).contains(&rung.at_ms(due));
    let rung = Rung::ALL.iter().rfind(passed)?;
    let kind = if *rung == Rung::Overdue { NoticeKind::Overdue } else { NoticeKind::DueSoon };
    Some(Notice { kind, mark: format!("{}:{}", rung.word(), due.due_ms), to: workers(case) })
}

/// Hours in which nothing is sent that can wait 免打扰: minutes of the day in UTC+8; from may be the later, for a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quiet {
    /// The first minute of the day that is quiet, 0 to 1439.
    pub from_min: u32,
    /// The first that no longer is.
    pub to_min: u32,
}

impl Quiet {
    /// The moment itself, or the end of the quiet hours that it falls into.
    #[must_use]
    pub fn end_ms(self, at_ms: i64) -> i64 {
        const DAY_MIN: i64 = 24 * 60;
        let minute = (at_ms + ZONE_MS).div_euclid(MINUTE_MS);
        let (from, to) = (i64::from(self.from_min), i64::from(self.to_min));
        let since = (minute.rem_euclid(DAY_MIN) - from).rem_euclid(DAY_MIN);
        let long = (to - from).rem_euclid(DAY_MIN);
        if since < long { (minute - since + long) * MINUTE_MS - ZONE_MS } else { at_ms }
    }
}
