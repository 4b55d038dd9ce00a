//! A worker's own month 我的月报 (field.md U23): what he reported and what became of it. His alone; no list puts two people side
//! by side. Computed from the cases that he opened: on a phone from its mirror, on the server from the rows.

use super::near::seen_ms;
use crate::case::{Case, CaseState, ClosedBy};
use crate::id::CaseId;
use crate::local::day_text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

crate::open_enum! {
    /// What a report came to.
    pub enum Came {
        /// 有效: filed.
        Filed = "filed",
        /// 并案: merged into another, and counts.
        Merged = "merged",
        /// 未立案: refused, with the reason.
        Refused = "refused",
        /// 待定: nobody has decided.
        Waiting = "waiting",
        /// 已撤回: by himself.
        Withdrawn = "withdrawn",
        /// 已作废: by two people.
        Voided = "voided",
        /// 当场处理
        SelfFixed = "self_fixed",
        /// 当场处理，抽查未通过
        SpotFailed = "spot_failed",
    }
}

impl Came {
    /// What it came to.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let on_the_spot = case.closing.as_ref().is_some_and(|c| c.by == ClosedBy::SelfFixed);
        match case.state {
            CaseState::Withdrawn => Came::Withdrawn,
            CaseState::Voided => Came::Voided,
            CaseState::Refused => Came::Refused,
            CaseState::Merged => Came::Merged,
            _ if on_the_spot && case.spot_check.as_ref().is_some_and(|check| !check.passed) => {
                Came::SpotFailed
            }
            _ if on_the_spot => Came::SelfFixed,
            CaseState::Reported | CaseState::NeedMore | CaseState::Checking => Came::Waiting,
            _ => Came::Filed,
        }
    }

    /// Whether it counts as a valid report 有效.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Came::Filed | Came::Merged)
    }

    /// In words: Chinese, English.
    #[must_use]
    pub fn text(&self) -> (&str, &str) {
        match self {
            Came::Filed => ("有效", "valid"),
            Came::Merged => ("有效（并案）", "valid (merged)"),
            Came::Refused => ("未立案", "not filed"),
            Came::Waiting => ("待定", "not decided yet"),
            Came::Withdrawn => ("已撤回", "withdrawn"),
            Came::Voided => ("已作废", "voided"),
            Came::SelfFixed => ("当场处理", "fixed on the spot"),
            Came::SpotFailed => ("当场处理，抽查未通过", "fixed on the spot, not by its photos"),
            Came::Other(word) => (word, word),
        }
    }
}

/// One report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MonthLine {
    /// The case.
    pub case_id: CaseId,
    /// Its spoken number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_no: Option<String>,
    /// When it was seen.
    pub seen_ms: i64,
    /// What it came to.
    pub came: Came,
    /// Why it was not filed, or voided: the code of the city's list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The case into which it was merged, as said: 已并入 稠江 03127，上报有效.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// Words of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The sums of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MonthSums {
    /// 上报: all but what was fixed on the spot.
    pub reported: u32,
    /// 有效: filed or merged.
    pub valid: u32,
    /// 并案: of those, merged.
    pub merged: u32,
    /// 未立案.
    pub refused: u32,
    /// 未立案及原因: by the code of the reason.
    pub refused_by: BTreeMap<String, u32>,
    /// 待定.
    pub waiting: u32,
    /// 已撤回.
    pub withdrawn: u32,
    /// 已作废.
    pub voided: u32,
    /// 当场处理.
    pub self_fixed: u32,
    /// 当场处理 of which the photos showed no fix.
    pub spot_failed: u32,
}

/// A month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Month {
    /// `2026-11`.
    pub month: String,
    /// Its sums.
    pub sums: MonthSums,
    /// Its reports, oldest first.
    pub lines: Vec<MonthLine>,
}

/// The month of a moment, UTC+8: `2026-11`.
#[must_use]
pub fn month_of(ms: i64) -> String {
    day_text(ms).chars().take(7).collect()
}

/// The month from the cases that somebody opened, in whatever order they come. Those of other months are left out.
#[must_use]
pub fn month<'c>(month: &str, own: impl IntoIterator<Item = &'c Case>) -> Month {
    let mut lines: BTreeMap<(i64, CaseId), MonthLine> = BTreeMap::new();
    for case in own {
        let seen_ms = seen_ms(case);
        if month_of(seen_ms) == month {
            lines.insert((seen_ms, case.case_id), line(case, seen_ms));
        }
    }
    let lines: Vec<MonthLine> = lines.into_values().collect();
    Month { month: month.to_owned(), sums: sums(&lines), lines }
}

fn line(case: &Case, seen_ms: i64) -> MonthLine {
    let came = Came::of(case);
    let told = matches!(came, Came::Refused | Came::Voided);
    MonthLine {
        case_id: case.case_id,
        short_no: case.short_no.as_ref().map(|n| n.text()),
        seen_ms,
        reason: case.reason.as_ref().filter(|_| told).map(|r| r.reason.clone()),
        merged_into: case.merged_short.as_ref().map(|n| n.text()),
        description: case.fields.get("description").and_then(|v| v.as_str()).map(str::to_owned),
        came,
    }
}

fn sums(lines: &[MonthLine]) -> MonthSums {
    let mut sums = MonthSums::default();
    for line in lines {
        let on_the_spot = matches!(line.came, Came::SelfFixed | Came::SpotFailed);
        sums.reported += u32::from(!on_the_spot);
        sums.valid += u32::from(line.came.is_valid());
        match line.came {
            Came::Merged => sums.merged += 1,
            Came::Refused => {
                sums.refused += 1;
                *sums.refused_by.entry(line.reason.clone().unwrap_or_default()).or_default() += 1;
            }
            Came::Waiting => sums.waiting += 1,
            Came::Withdrawn => sums.withdrawn += 1,
            Came::Voided => sums.voided += 1,
            Came::SelfFixed => sums.self_fixed += 1,
            Came::SpotFailed => sums.spot_failed += 1,
            Came::Filed | Came::Other(_) => {}
        }
    }
    sums
}
