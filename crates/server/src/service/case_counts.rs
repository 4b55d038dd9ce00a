//! Counters of desks: what a reader has before him, by state, town and unit. Counts open cases of his scope alone; decides
//! nothing about a case.

use super::case_list::list_scope;
use super::{Credential, House, ServiceError};
use blindspot_core::case::CaseState;
use blindspot_store::StoreError;
use blindspot_store::cases::Scope;
use blindspot_store::cases::count::{Tally, load_counts};
use serde::Serialize;
use std::collections::BTreeMap;

/// Counters of the open cases of a reader's scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CaseCounters {
    /// All.
    pub open: i64,
    /// By state; those that nothing stands in are left out.
    pub by_state: BTreeMap<String, i64>,
    /// 超时
    pub overdue: i64,
    /// 将超时: within two hours.
    pub soon: i64,
    /// 督办
    pub supervised: i64,
    /// 挂账 or 缓办 now.
    pub hung: i64,
    /// 申请退回 that wait for a ruling.
    pub returns_waiting: i64,
    /// 紧急·有危险
    pub urgent: i64,
    /// By lead unit, most overdue first.
    pub by_lead: Vec<CounterLine>,
    /// By town, most overdue first.
    pub by_town: Vec<CounterLine>,
}

/// One unit or town.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CounterLine {
    /// Which; nothing for cases that no unit leads, or in no known town.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Open cases.
    pub open: i64,
    /// Of these 超时.
    pub overdue: i64,
}

/// Counts what is open in the reader's scope.
///
/// # Errors
/// The database's.
pub fn counters(house: &House, who: Credential, now_ms: i64) -> Result<CaseCounters, ServiceError> {
    counted(house, Some(who), now_ms)
}

/// Counts what is open in the whole city, for whoever has its data folder at hand.
///
/// # Errors
/// The database's.
pub fn counters_of_all(house: &House, now_ms: i64) -> Result<CaseCounters, ServiceError> {
    counted(house, None, now_ms)
}

fn counted(house: &House, reader: Option<Credential>, now_ms: i64) -> Result<CaseCounters, ServiceError> {
    let counts = house.store.read(|tx| {
        let scope = reader.map_or(Ok(Scope::City), |who| list_scope(tx, house, who, now_ms))?;
        load_counts(tx, &house.city, &scope, now_ms)
    });
    let counts = counts.map_err(|e: StoreError| ServiceError::Store(e))?;
    let of = |state: CaseState| counts.by_state.get(state.as_str()).copied().unwrap_or(0);
    Ok(CaseCounters {
        open: counts.by_state.values().sum(),
        overdue: counts.overdue,
        soon: counts.soon,
        supervised: counts.supervised,
        hung: of(CaseState::Hung),
        returns_waiting: of(CaseState::ReturnRequested),
        urgent: counts.urgent,
        by_lead: lines(counts.by_lead),
        by_town: lines(counts.by_town),
        by_state: counts.by_state,
    })
}

fn lines(tallies: BTreeMap<Option<String>, Tally>) -> Vec<CounterLine> {
    let line =
        |(key, tally): (Option<String>, Tally)| CounterLine { key, open: tally.open, overdue: tally.overdue };
    let mut out: Vec<CounterLine> = tallies.into_iter().map(line).collect();
    out.sort_by(|a, b| (b.overdue, b.open).cmp(&(a.overdue, a.open)).then_with(|| a.key.cmp(&b.key)));
    out
}
