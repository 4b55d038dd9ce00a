//! One case as a line of a 整改清单. Names of people are told only where the reader may see them: the caller hands them
//! in, or does not. Never who called a hotline.

use super::column::{Column, Pictures};
use super::{cell, item};
use crate::case::{CaseFile, CaseState, Part, PhotoRow};
use crate::catalogue::Catalogue;
use crate::command::{MediaKind, PhotoRole};
use crate::division::{GridId, Places};
use crate::id::PersonId;
use crate::local::moment;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a line is made with.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// Divisions, grids, sites.
    pub places: &'a Places,
    /// The catalogue in force.
    pub catalogue: Option<&'a Catalogue>,
    /// Names of people; none for a reader who may not see them.
    pub names: Option<&'a BTreeMap<PersonId, String>>,
    /// Telephones by site; none for a reader who may not see them.
    pub phones: Option<&'a BTreeMap<String, String>>,
}

/// A line: the text of each column, and the values behind those that can be edited where they are not just the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// In the order of the columns, tidied.
    pub cells: Vec<String>,
    /// By field or, for words, by title: the value that stands, when it is not the text of its cell.
    pub raw: BTreeMap<String, Value>,
    /// Code and name of the town; empty when the place is not known.
    pub town: (String, String),
}

impl Line {
    /// The text of a column.
    #[must_use]
    pub fn text(&self, column: Column) -> &str {
        self.cells.get(column.at()).map_or("", String::as_str)
    }

    /// The value of a field as it stands.
    #[must_use]
    pub fn value(&self, field: &str, column: Column) -> Value {
        self.raw.get(field).cloned().unwrap_or_else(|| of_text(self.text(column)))
    }
}

/// The value that a text stands for by itself.
pub(super) fn of_text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// The pictures of one side: what is not hidden, erased or still on its way.
pub fn photos_of(file: &CaseFile, side: Pictures) -> impl Iterator<Item = &PhotoRow> {
    file.photos.values().filter(move |p| {
        let role = match p.role {
            PhotoRole::After => Some(Pictures::After),
            PhotoRole::Before | PhotoRole::Wide | PhotoRole::Close => Some(Pictures::Before),
            _ => None,
        };
        role == Some(side) && p.media == MediaKind::Photo && p.redacted.is_none() && p.erased.is_none()
    })
}

/// The line of a case, numbered `no`.
#[must_use]
pub fn line_of(file: &CaseFile, no: usize, with: Lookup<'_>) -> Line {
    let case = &file.case;
    let at_ms = case.captured.at_ms;
    let field =
        |name: &str| case.fields.get(name).and_then(Value::as_str).map(cell::tidy).unwrap_or_default();
    let town = case.place.town.as_ref().map(|code| {
        let name = with.places.town(code, at_ms).map_or(code.as_str(), |d| d.name_zh.as_str());
        (code.as_str().to_owned(), name.to_owned())
    });
    let (town_code, town_name) = town.unwrap_or_default();
    let (place, description) = (place_text(file, &field("landmark"), with), field("description"));
    let count = |side: Pictures| match photos_of(file, side).count() {
        0 => String::new(),
        n => format!("{n}张"),
    };
    let code = case.item(with.catalogue);
    let text = |column: Column| -> String {
        match column {
            Column::No => no.to_string(),
            Column::Short => case.short_no.as_ref().map(|s| s.text()).unwrap_or_default(),
            Column::Source => item::source_text(&case.source).to_owned(),
            // Of a list or a leader's word: when it was seen, not when it was entered.
            Column::Found => moment(case.entered_for.as_ref().and_then(|e| e.at_ms).unwrap_or(at_ms)),
            Column::Town => town_name.clone(),
            Column::Committee => committee(case.place.grid.as_ref(), at_ms, with),
            Column::Place => place.clone(),
            Column::Description => description.clone(),
            Column::Item => code.as_deref().map(|c| item::item_text(c, with.catalogue)).unwrap_or_default(),
            Column::Before => count(Pictures::Before),
            Column::After => count(Pictures::After),
            Column::Unit => units(file, with),
            Column::Keeper => keeper(file, with),
            Column::Phone => phone(file, with),
            Column::Measures => newest(file, column)
                .or_else(|| case.feed_back.as_ref().map(|f| f.text.clone()))
                .unwrap_or_default(),
            Column::Due => case.due.as_ref().map(|d| moment(d.due_ms)).unwrap_or_default(),
            Column::Progress => newest(file, column).unwrap_or_else(|| case.state.zh().to_owned()),
            Column::Done => case.feed_back.as_ref().map(|f| moment(f.at_ms)).unwrap_or_default(),
            Column::Verifier => people(file, Part::Verifier, with),
            Column::Closed => closed(file).to_owned(),
            Column::Remarks => newest(file, column).unwrap_or_default(),
        }
    };
    let cells: Vec<String> = Column::ALL.into_iter().map(|c| cell::tidy(&text(c))).collect();
    let mut raw = BTreeMap::new();
    for (name, column) in
        [("landmark", Column::Place), ("description", Column::Description), ("category", Column::Item)]
    {
        let value = case.fields.get(name).cloned().unwrap_or(Value::Null);
        if value != of_text(&cells[column.at()]) {
            raw.insert(name.to_owned(), value);
        }
    }
    for column in [Column::Measures, Column::Progress, Column::Remarks] {
        // Nobody has said anything there yet: what the cell shows comes from elsewhere.
        if newest(file, column).is_none() && !cells[column.at()].is_empty() {
            raw.insert(column.title().to_owned(), Value::Null);
        }
    }
    Line { cells, raw, town: (town_code, town_name) }
}

/// The landmark; else the site or the duty grid, so that somebody can go there.
fn place_text(file: &CaseFile, landmark: &str, with: Lookup<'_>) -> String {
    if !landmark.is_empty() {
        return landmark.to_owned();
    }
    let case = &file.case;
    let site = case.site_id.as_deref().and_then(|id| with.places.site(id)).map(|s| s.name_zh.clone());
    let grid = || case.place.grid.as_ref().and_then(|g| with.places.grid(g)).map(|g| g.name_zh.clone());
    site.or_else(grid).unwrap_or_default()
}

fn committee(grid: Option<&GridId>, at_ms: i64, with: Lookup<'_>) -> String {
    let Some(grid) = grid else { return String::new() };
    let found = with.places.committee(&grid.committee(), at_ms);
    found.map(|d| d.name_zh.clone()).unwrap_or_default()
}

fn units(file: &CaseFile, with: Lookup<'_>) -> String {
    let name = |key: &crate::id::DeptKey| {
        let found = with.catalogue.and_then(|c| c.department(key.as_str())).map(|d| d.name_zh.as_str());
        found.filter(|n| !n.is_empty()).unwrap_or(key.as_str()).to_owned()
    };
    let Some(lead) = &file.case.lead else { return String::new() };
    let assists: Vec<String> = file.case.assists.iter().map(name).collect();
    let also =
        if assists.is_empty() { String::new() } else { format!("（配合：{}）", assists.join("、")) };
    format!("{}{also}", name(lead))
}

/// To whom the unit handed it on, as every reader of the case sees; else, for who may see names, who fed back.
fn keeper(file: &CaseFile, with: Lookup<'_>) -> String {
    match &file.case.handed_on {
        Some(on) => on.to.clone(),
        None => people(file, Part::Handler, with),
    }
}

fn people(file: &CaseFile, part: Part, with: Lookup<'_>) -> String {
    let Some(names) = with.names else { return String::new() };
    let all: Vec<&str> = file.in_part(part).filter_map(|p| names.get(&p)).map(String::as_str).collect();
    all.join("、")
}

fn phone(file: &CaseFile, with: Lookup<'_>) -> String {
    let site = file.case.site_id.as_ref().zip(with.phones);
    site.and_then(|(site, phones)| phones.get(site)).cloned().unwrap_or_default()
}

fn closed(file: &CaseFile) -> &'static str {
    let done = matches!(file.case.state, CaseState::Closed | CaseState::Watch | CaseState::Archived);
    let pending = file.case.closing.as_ref().is_some_and(|c| c.evidence_pending);
    match (done, pending) {
        (true, true) => "是（待证据）",
        (true, false) => "是",
        (false, _) => "否",
    }
}

/// The words of the newest comment that came from a column.
fn newest(file: &CaseFile, column: Column) -> Option<String> {
    let said = file.comments.values().filter(|c| c.redacted.is_none() && c.erased.is_none());
    let said = said.filter_map(|c| Some((c, column.said_by(c.text.as_deref()?)?)));
    said.max_by_key(|(c, _)| (c.captured.at_ms, c.op_id)).map(|(_, words)| words.to_owned())
}
