//! `blindspot verify demo`: what was planted in the demo's month against what the server answers.

use crate::clock::wall_ms;
use crate::demo::month::{Planted, TRUTH};
use crate::out::{Done, Failure, Tried as _};
use blindspot_core::access::Role;
use blindspot_core::case::{Case, CaseState, ClosedBy};
use blindspot_core::command::Source;
use blindspot_core::projection::ledger::LedgerRow;
use blindspot_core::row::RowKind;
use blindspot_core::world::Freshness;
use blindspot_core::{CaseId, DeviceId};
use blindspot_server::service::{Credential, House, advice, ledger};
use blindspot_store::{accounts, ledger as chain, rows};
use serde_json::{Value, json};
use std::path::Path;

const DAY_MS: i64 = 86_400_000;

/// One line a plant: what was planted, what was answered, whether they agree.
pub(crate) fn check(house: &House, data: &Path) -> Done<Value> {
    let text = std::fs::read_to_string(data.join(TRUTH)).map_err(|e| {
        Failure::new(
            format!("读不了 {TRUTH}：{e}；先运行 blindspot demo"),
            format!("cannot read {TRUTH}: {e}; run `blindspot demo` first"),
        )
    })?;
    let planted: Planted =
        serde_json::from_str(&text).tried("答案读不懂", "the truth cannot be understood")?;
    let cases = load(house, &planted.ids)?;
    let mut lines = vec![];
    let mut line = |what: &str, planted: Value, answered: Value| {
        let ok = planted == answered;
        lines.push(json!({"what": what, "planted": planted, "answered": answered, "ok": ok}));
    };
    let truth = &planted.truth;
    let count = |f: &dyn Fn(&Case) -> bool| json!(cases.iter().filter(|c| f(c)).count());
    let closed_by = |c: &Case, by: &ClosedBy| c.closing.as_ref().is_some_and(|closing| closing.by == *by);
    line("案件 cases", json!(truth.cases), count(&|_| true));
    line("当场处理 self-fixed", json!(truth.self_fixed), count(&|c| closed_by(c, &ClosedBy::SelfFixed)));
    line("核查结案 closed by a check", json!(truth.closed), count(&|c| closed_by(c, &ClosedBy::Verify)));
    line("未结 open", json!(truth.open), count(&|c| c.state.is_open()));
    line("不予立案 refused", json!(truth.refused), count(&|c| c.state == CaseState::Refused));
    let number = |id: CaseId| planted.ids.iter().position(|known| *known == id).map_or(0, |i| i + 1);
    let relapses: Vec<(usize, usize)> = cases
        .iter()
        .filter_map(|c| Some((number(c.relapsed_from.as_ref()?.case), number(c.case_id))))
        .collect();
    line("回潮 relapses", json!(sorted(truth.relapses.clone())), json!(sorted(relapses)));
    let unit = &truth.overloaded.0;
    let overdue = count(&|c| {
        c.lead.as_ref().is_some_and(|lead| lead.as_str() == unit)
            && c.state.is_open()
            && c.due.as_ref().is_some_and(|due| due.is_overdue(planted.at_ms))
    });
    line(&format!("超时 overdue of {unit}"), json!(truth.overloaded.1), overdue);
    line(
        "推诿 passed on",
        json!(truth.passed_on.1),
        json!(way_of(house, planted.ids[truth.passed_on.0 - 1])?),
    );
    let report = ledger::report(house).tried("台账读不了", "the ledger cannot be read")?;
    let refused = report.sum.units.get(&truth.refuses.0).map_or(0, |unit| unit.repeated);
    line(&format!("违反裁定 against a ruling, {}", truth.refuses.0), json!(truth.refuses.1), json!(refused));
    line("台账完整 the ledger is whole", json!(true), json!(report.first_bad.is_none()));
    line("摆拍 staged", json!(truth.staged.1), json!(evidence(house, planted.ids[truth.staged.0 - 1])?));
    let missed: Vec<usize> =
        cases.iter().filter(|c| passed_that_day(house, c)).map(|c| number(c.case_id)).collect();
    line("巡查漏报 missed by patrol", json!(sorted(truth.missed.clone())), json!(sorted(missed)));
    let ok = lines.iter().all(|l| l["ok"] == true);
    Ok(json!({"ok": ok, "lines": lines}))
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

fn load(house: &House, ids: &[CaseId]) -> Done<Vec<Case>> {
    let read = house.store.read(|tx| {
        let mut cases = vec![];
        for id in ids {
            if let Some(row) = rows::load_row(tx, &house.city, &RowKind::Case, &id.to_string())? {
                cases.push(serde_json::from_str(&row.body)?);
            }
        }
        Ok::<_, blindspot_store::StoreError>(cases)
    });
    read.tried("读不了案件", "the cases cannot be read")
}

/// Which units had a case, one after the other, by the ledger.
fn way_of(house: &House, case: CaseId) -> Done<Vec<String>> {
    let read = house.store.read(|tx| chain::load_of_case(tx, &house.city, case));
    let mut way: Vec<String> = vec![];
    for row in read.tried("台账读不了", "the ledger cannot be read")? {
        let row: LedgerRow =
            serde_json::from_str(&row.body).tried("台账读不懂", "the ledger cannot be understood")?;
        let to = row.to.map(|unit| unit.to_string());
        way.extend(to.filter(|to| way.last() != Some(to)));
    }
    Ok(way)
}

/// Why the evidence of a case is worth no more, as a supervisor is told.
fn evidence(house: &House, case: CaseId) -> Done<Vec<String>> {
    let person = house
        .store
        .read(|tx| {
            for person in accounts::load_persons(tx, &house.city)? {
                let grants = accounts::load_grants(tx, &house.city, person.person_id)?;
                if grants.iter().any(|g| g.role == Role::Supervisor) {
                    return Ok::<_, blindspot_store::StoreError>(Some(person.person_id));
                }
            }
            Ok(None)
        })
        .tried("读不了人员", "people cannot be read")?
        .ok_or_else(|| Failure::new("没有监督中心的人", "nobody supervises"))?;
    let who = Credential { person, device: DeviceId::from_parts(0, [0; 10]), desk: true };
    let told = advice::advise(house, who, case, wall_ms()).tried("读不了案件", "the case cannot be read")?;
    Ok(told
        .evidence
        .map(|graded| graded.reasons.iter().map(ToString::to_string).collect())
        .unwrap_or_default())
}

/// Whether a complaint is about a cell that somebody had looked at within the day before.
fn passed_that_day(house: &House, case: &Case) -> bool {
    let Some(cell) = case.place.cell.as_ref().filter(|_| case.source == Source::Hotline) else {
        return false;
    };
    let row = house.store.read(|tx| rows::load_row(tx, &house.city, &RowKind::Freshness, cell.as_str()));
    let fresh = row.ok().flatten().and_then(|row| serde_json::from_str::<Freshness>(&row.body).ok());
    fresh.is_some_and(|f| f.last_ms <= case.received_ms && case.received_ms - f.last_ms <= DAY_MS)
}
