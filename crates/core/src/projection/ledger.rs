//! The responsibility ledger 责任台账: one row for each move of a case between units, chained by hashes, and what it says of
//! units and of the desk that dispatches (domain 6B). Units are ranked, never people: no row names one.

use crate::case::{Case, CaseState, ShortNo};
use crate::command::{ReturnReason, RulingKind};
use crate::id::{CaseId, DeptKey, OpId, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const HOUR_MS: f64 = 3_600_000.0;

/// A row of the ledger, as it is hashed and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LedgerRow {
    /// The op.
    pub op_id: OpId,
    /// Its kind.
    pub kind: String,
    /// The case.
    pub case_id: CaseId,
    /// Its spoken number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_no: Option<String>,
    /// When, server time.
    pub at_ms: i64,
    /// The unit that had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DeptKey>,
    /// The unit that has it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DeptKey>,
    /// Why a unit asked to return it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReturnReason>,
    /// Whose it is, as that unit says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<DeptKey>,
    /// The ruling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<RulingKind>,
    /// Whether a precedent had named this very unit when it asked to return the case.
    #[serde(default)]
    pub against_ruling: bool,
    /// How long the case had lain at `from`, or had waited for the ruling, milliseconds.
    pub held_ms: i64,
}

/// What an op adds to the ledger; nothing for what moves no responsibility. `against_ruling` is asked only of requests.
#[must_use]
pub fn row_of(
    op_id: OpId,
    kind: &str,
    before: Option<&Case>,
    after: &Case,
    at_ms: i64,
    against_ruling: impl FnOnce() -> bool,
) -> Option<LedgerRow> {
    let was = before?;
    let mut row = LedgerRow {
        op_id,
        kind: kind.to_owned(),
        case_id: after.case_id,
        short_no: after.short_no.as_ref().map(ShortNo::text),
        at_ms,
        from: was.lead.clone(),
        to: after.lead.clone(),
        reason: None,
        proposed: None,
        ruling: None,
        against_ruling: false,
        held_ms: was.dispatched_ms.map_or(0, |since| at_ms - since),
    };
    match kind {
        "dispatch" | "take_back" | "accept" | "hand_on" | "hang" | "unhang" => {}
        "lapse" if was.state == CaseState::Dispatched || was.state == CaseState::Hung => {}
        "request_return" => {
            let asked = after.return_asked.as_ref()?;
            row.reason = Some(asked.reason.clone());
            row.proposed = asked.owner.clone();
            row.against_ruling = against_ruling();
        }
        "rule_return" => {
            row.ruling = Some(after.rulings.last()?.ruling.clone());
            row.held_ms = was.return_asked.as_ref().map_or(0, |asked| at_ms - asked.at_ms);
        }
        _ => return None,
    }
    Some(row)
}

/// The hash of a row that follows another: over the text of the row as it is kept.
#[must_use]
pub fn link(prev: &Sha256, n: i64, body: &str) -> Sha256 {
    let mut all = prev.0.to_vec();
    all.extend_from_slice(&n.to_be_bytes());
    all.extend_from_slice(body.as_bytes());
    Sha256::of(&all)
}

/// What the ledger says of one unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnitStanding {
    /// Cases dispatched to it, rulings included.
    pub dispatched: u32,
    /// Requests to return.
    pub returns: u32,
    /// Requests that were refused 维持原派遣.
    pub refused: u32,
    /// Requests that were upheld: it had been sent to the wrong unit.
    pub upheld: u32,
    /// Requests against a ruling on a like case.
    pub repeated: u32,
    /// Hours that refused requests had waited for their ruling.
    pub refused_hours: f64,
    /// 推诿指数: 100 x (refused + 3 x repeated + refused hours / 24) / dispatched (domain 6B). Nothing where fewer than five
    /// cases were dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_index: Option<f64>,
}

/// What the ledger says: of units, of the dispatch desk, of the way cases took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LedgerSum {
    /// By unit.
    pub units: BTreeMap<String, UnitStanding>,
    /// Dispatches of the desk.
    pub dispatched: u32,
    /// Of these upheld as wrong 派遣差错.
    pub wrong: u32,
    /// How many cases went through how many units before one kept them.
    pub hops: BTreeMap<u32, u32>,
    /// How often a case went from one unit to another: `from>to`.
    pub passed_on: BTreeMap<String, u32>,
}

/// Fewest dispatches for which an index is shown.
const INDEX_FROM: u32 = 5;

/// Folds rows in their order.
#[must_use]
pub fn sum<'r>(rows: impl IntoIterator<Item = &'r LedgerRow>) -> LedgerSum {
    let mut out = LedgerSum::default();
    let mut units_of: BTreeMap<CaseId, BTreeSet<DeptKey>> = BTreeMap::new();
    for row in rows {
        let moved = row.from != row.to;
        if let Some(to) =
            row.to.as_ref().filter(|_| row.kind == "dispatch" || (row.ruling.is_some() && moved))
        {
            out.units.entry(to.to_string()).or_default().dispatched += 1;
            units_of.entry(row.case_id).or_default().insert(to.clone());
        }
        out.dispatched += u32::from(row.kind == "dispatch");
        let Some(from) = &row.from else { continue };
        let unit = out.units.entry(from.to_string()).or_default();
        match (&row.ruling, row.kind.as_str()) {
            (Some(RulingKind::Maintain), _) => {
                unit.refused += 1;
                #[expect(clippy::cast_precision_loss, reason = "hours of waiting")]
                let held_ms = row.held_ms as f64;
                unit.refused_hours += held_ms / HOUR_MS;
            }
            (Some(ruling), _) => {
                unit.upheld += u32::from(*ruling == RulingKind::Uphold);
                out.wrong += u32::from(*ruling == RulingKind::Uphold);
                if let Some(to) = row.to.as_ref().filter(|_| moved) {
                    *out.passed_on.entry(format!("{from}>{to}")).or_default() += 1;
                }
            }
            (None, "request_return") => {
                unit.returns += 1;
                unit.repeated += u32::from(row.against_ruling);
            }
            _ => {}
        }
    }
    for units in units_of.values() {
        *out.hops.entry(u32::try_from(units.len()).unwrap_or(u32::MAX)).or_default() += 1;
    }
    for unit in out.units.values_mut().filter(|u| u.dispatched >= INDEX_FROM) {
        let passes = f64::from(unit.refused) + 3.0 * f64::from(unit.repeated) + unit.refused_hours / 24.0;
        unit.pass_index = Some(100.0 * passes / f64::from(unit.dispatched));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{case_id, op_id};

    fn row(n: u64, case: u64, kind: &str, from: Option<&str>, to: Option<&str>) -> LedgerRow {
        LedgerRow {
            op_id: op_id(n),
            kind: kind.into(),
            case_id: case_id(case),
            short_no: None,
            at_ms: 0,
            from: from.map(Into::into),
            to: to.map(Into::into),
            reason: None,
            proposed: None,
            ruling: None,
            against_ruling: false,
            held_ms: 0,
        }
    }

    #[test]
    fn indices_are_as_worked_out_by_hand() {
        let mut rows: Vec<LedgerRow> = (1..=5).map(|n| row(n, n, "dispatch", None, Some("a"))).collect();
        rows.push(LedgerRow { against_ruling: true, ..row(6, 1, "request_return", Some("a"), Some("a")) });
        let maintain = LedgerRow {
            ruling: Some(RulingKind::Maintain),
            held_ms: 12 * 3_600_000,
            ..row(7, 1, "rule_return", Some("a"), Some("a"))
        };
        rows.push(maintain);
        rows.push(row(8, 2, "request_return", Some("a"), Some("a")));
        rows.push(LedgerRow {
            ruling: Some(RulingKind::Uphold),
            ..row(9, 2, "rule_return", Some("a"), Some("b"))
        });
        let sum = sum(&rows);
        let a = &sum.units["a"];
        assert_eq!((a.dispatched, a.returns, a.refused, a.upheld, a.repeated), (5, 2, 1, 1, 1));
        // 100 x (1 + 3 x 1 + 12 / 24) / 5
        assert_eq!(a.pass_index, Some(90.0));
        assert_eq!((sum.units["b"].dispatched, sum.units["b"].pass_index), (1, None));
        assert_eq!((sum.dispatched, sum.wrong), (5, 1));
        assert_eq!(sum.hops, BTreeMap::from([(1, 4), (2, 1)]));
        assert_eq!(sum.passed_on, BTreeMap::from([("a>b".to_owned(), 1)]));
    }

    #[test]
    fn a_changed_row_breaks_the_chain() {
        let zero = Sha256([0; 32]);
        assert_ne!(link(&zero, 1, "a"), link(&zero, 1, "b"));
        assert_ne!(link(&zero, 1, "a"), link(&zero, 2, "a"));
        assert_ne!(link(&zero, 2, "b"), link(&link(&zero, 1, "a"), 2, "b"));
    }
}
