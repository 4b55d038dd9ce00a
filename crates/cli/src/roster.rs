//! `blindspot import roster`: a roster 排班 from a table, as towns keep it: who, from when till when, in which duty grids.
//! A line that does not fit is named and left out; the others stand.

use crate::import::Outcome;
use crate::out::{Done, Tried as _};
use blindspot_core::PersonId;
use blindspot_core::check::Shift;
use blindspot_core::division::import::ImportProblem;
use blindspot_core::division::{GridId, Span};
use blindspot_core::local::at_text;
use blindspot_server::service::House;
use blindspot_server::service::drawing::{RosterRequest, put_roster};
use blindspot_store::accounts;
use std::collections::BTreeMap;

/// Names of the columns, Chinese or English.
const COLUMNS: [(&str, &str); 5] =
    [("登录名", "login"), ("开始", "from"), ("结束", "to"), ("网格", "grids"), ("代班", "stands_in")];

/// Reads and saves a table. What begins in the span that the table covers is replaced by it.
pub(crate) fn import(house: &House, header: &[String], rows: &[Vec<String>]) -> Done<Outcome> {
    let people: BTreeMap<String, PersonId> = house
        .store
        .read(|tx| accounts::load_persons(tx, &house.city))
        .tried("读不了人员", "people cannot be read")?
        .into_iter()
        .map(|p| (p.login, p.person_id))
        .collect();
    let place = |(zh, en): (&str, &str)| header.iter().position(|h| h.trim() == zh || h.trim() == en);
    let at = COLUMNS.map(place);
    let mut outcome = Outcome::default();
    let mut shifts = vec![];
    for (i, row) in rows.iter().enumerate() {
        let cell = |n: usize| at[n].and_then(|c| row.get(c)).map_or("", |text| text.trim());
        match shift([cell(0), cell(1), cell(2), cell(3), cell(4)], &people, house) {
            Ok(shift) => shifts.push(shift),
            Err((zh, en)) => outcome.problems.push(ImportProblem { index: Some(i), zh, en }),
        }
    }
    let first = shifts.iter().map(|s| s.span.from_ms).min();
    let last = shifts.iter().map(|s| s.span.from_ms).max();
    if let (Some(from_ms), Some(last)) = (first, last) {
        let request = RosterRequest { from_ms, to_ms: last + 1, shifts };
        let saved = put_roster(house, &request).tried("排班存不了", "the roster cannot be saved")?;
        outcome.written = saved.saved;
    }
    Ok(outcome)
}

type Wrong = (String, String);

fn shift(
    [login, from, to, grids, stands_in]: [&str; 5],
    people: &BTreeMap<String, PersonId>,
    house: &House,
) -> Result<Shift, Wrong> {
    let who = |login: &str| {
        let unknown = || (format!("没有登录名 {login}"), format!("nobody signs in as {login}"));
        people.get(login).copied().ok_or_else(unknown)
    };
    let when = |text: &str| {
        let wrong =
            || (format!("时间 {text} 应写成 2026-11-29 06:00"), format!("{text}: write 2026-11-29 06:00"));
        at_text(text).ok_or_else(wrong)
    };
    let reference = house.reference();
    let grid = |id: &str| {
        let known = GridId::parse(id).ok().filter(|g| reference.places.grid(g).is_some());
        known.ok_or_else(|| (format!("没有网格 {id}"), format!("no duty grid {id}")))
    };
    let grids: Vec<GridId> = grids.split_whitespace().map(grid).collect::<Result<_, _>>()?;
    let span = Span { from_ms: when(from)?, to_ms: Some(when(to)?) };
    if grids.is_empty() || span.to_ms <= Some(span.from_ms) {
        return Err((
            "要有网格，结束要晚于开始".into(),
            "name a duty grid, and an end after the beginning".into(),
        ));
    }
    let stands_in_for = Some(stands_in).filter(|s| !s.is_empty()).map(who).transpose()?;
    Ok(Shift { person: who(login)?, grids, span, stands_in_for })
}
