//! `blindspot import hotline`: tickets from the table that the city's platform gives, its columns mapped. A line that does not
//! fit is named with its reason and left out; one that was entered before is counted as unchanged.

use crate::clock::wall_ms;
use crate::import::Outcome;
use crate::out::{Done, Failure, Tried as _};
use blindspot_core::division::GridId;
use blindspot_core::division::import::ImportProblem;
use blindspot_core::error::CONFLICT;
use blindspot_core::local::at_text;
use blindspot_server::auth::sessions::{end_desk, seat};
use blindspot_server::service::hotline::{NewTicket, take};
use blindspot_server::service::{House, ServiceError, ingest};
use blindspot_store::accounts;
use std::collections::BTreeMap;

/// Fields, and what platforms call them.
const COLUMNS: [(&str, &[&str]); 10] = [
    ("ticket_no", &["工单号", "工单编号", "编号"]),
    ("place", &["地点", "地址", "事发地点", "具体位置"]),
    ("words", &["内容", "诉求内容", "问题描述"]),
    ("grid", &["网格"]),
    ("item", &["小项"]),
    ("confidential", &["保密", "是否保密"]),
    ("urgent", &["紧急"]),
    ("reply_due", &["答复时限", "办结时限", "截止时间"]),
    ("caller_name", &["来电人", "姓名", "诉求人"]),
    ("caller_phone", &["电话", "来电号码", "联系电话"]),
];

/// Reads and enters a table.
pub(crate) fn import(
    house: &House,
    login: &str,
    map: &[String],
    header: &[String],
    rows: &[Vec<String>],
) -> Done<Outcome> {
    let person = house
        .store
        .read(|tx| accounts::load_person_by_login(tx, &house.city, login))
        .tried("读不了人员", "people cannot be read")?
        .ok_or_else(|| Failure::new(format!("没有登录名 {login}"), format!("nobody signs in as {login}")))?;
    let at = columns(map, header)?;
    let who = seat(house, person.person_id, wall_ms()).tried("没有座席", "no seat")?;
    let submit = |job| {
        ingest::step(house, vec![job]);
        Ok(())
    };
    let mut outcome = Outcome::default();
    for (i, row) in rows.iter().enumerate() {
        let cell = |field: &str| at.get(field).and_then(|c| row.get(*c)).map_or("", |text| text.trim());
        let entered = ticket(&cell).and_then(|new| {
            take(house, who, &new, &submit, wall_ms()).map_err(|error| match error {
                ServiceError::Refused(problem, _) if *problem == CONFLICT => None,
                error => Some((format!("没有录入：{error}"), format!("not entered: {error}"))),
            })
        });
        match entered {
            Ok(_) => outcome.written += 1,
            Err(None) => outcome.unchanged += 1,
            Err(Some((zh, en))) => outcome.problems.push(ImportProblem { index: Some(i), zh, en }),
        }
    }
    end_desk(house, who, wall_ms()).tried("没有收尾", "not ended in order")?;
    Ok(outcome)
}

/// Where each field stands: as mapped, else by the names that platforms use.
fn columns(map: &[String], header: &[String]) -> Done<BTreeMap<&'static str, usize>> {
    let mut at = BTreeMap::new();
    for (field, names) in COLUMNS {
        let known = |h: &String| h.trim() == field || names.contains(&h.trim());
        at.extend(header.iter().position(known).map(|i| (field, i)));
    }
    for pair in map {
        let found = pair.split_once('=').and_then(|(column, field)| {
            let place = header.iter().position(|h| h.trim() == column.trim())?;
            let (field, _) = COLUMNS.iter().find(|(name, _)| *name == field.trim())?;
            Some((*field, place))
        });
        let wrong = || {
            let fields: Vec<&str> = COLUMNS.iter().map(|(field, _)| *field).collect();
            let fields = fields.join(" ");
            Failure::new(
                format!("--map {pair}：写成 列名=字段；字段 {fields}"),
                format!("--map {pair}: write COLUMN=FIELD with a column of the file and one of {fields}"),
            )
        };
        at.extend([found.ok_or_else(wrong)?]);
    }
    Ok(at)
}

type Wrong = Option<(String, String)>;

fn ticket<'r>(cell: &impl Fn(&str) -> &'r str) -> Result<NewTicket, Wrong> {
    let text = |field: &str| cell(field).to_owned();
    let yes = |field: &str| matches!(cell(field), "是" | "1" | "true" | "yes" | "Y");
    let grid = Some(cell("grid")).filter(|id| !id.is_empty()).map(GridId::parse).transpose();
    let grid = grid.map_err(|e| Some((format!("网格 {}：{e}", cell("grid")), format!("grid: {e}"))))?;
    let due = Some(cell("reply_due")).filter(|at| !at.is_empty());
    let reply_due_ms = due.map(|at| {
        let wrong =
            || Some((format!("时间 {at} 应写成 2026-11-29 06:00"), format!("{at}: write 2026-11-29 06:00")));
        at_text(at).ok_or_else(wrong)
    });
    Ok(NewTicket {
        ticket_no: text("ticket_no"),
        place: text("place"),
        words: text("words"),
        grid,
        item: Some(text("item")).filter(|item| !item.is_empty()),
        confidential: yes("confidential"),
        urgent_danger: yes("urgent"),
        reply_due_ms: reply_due_ms.transpose()?,
        caller_name: text("caller_name"),
        caller_phone: text("caller_phone"),
    })
}
