//! Issuing letters: one a unit, each listing its cases, all in one transaction.

use super::LetterView;
use crate::service::{Credential, House, ServiceError, cases, people};
use blindspot_core::CaseId;
use blindspot_core::error::{BAD_REQUEST, NOT_FOUND};
use blindspot_core::id::DeptKey;
use blindspot_core::letter::{LetterKind, letter_number, letter_year};
use blindspot_core::limits::TEXT_CHARS_MAX;
use blindspot_store::letters::{self, LetterRecord};
use blindspot_store::{audit, meta};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What the numbers begin with, in the city's settings.
const PREFIX: &str = "letter_prefix";
const PREFIX_USUAL: &str = "创卫办";
const PREFIX_CHARS_MAX: usize = 20;
/// Most cases of one request.
const CASES_MAX: usize = 500;
/// Most of one letter: it is to be read.
const CASES_OF_LETTER_MAX: usize = 100;
const COPIES_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 60;

/// Letters to issue.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLetters {
    /// `transfer`, `supervise` or `notice`.
    pub kind: LetterKind,
    /// The cases. Of letters to units each goes into that of its lead unit: one letter a unit.
    pub cases: Vec<CaseId>,
    /// Of a notice: the shop or person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressee: Option<String>,
    /// 抄送
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<String>,
    /// Until when, milliseconds since 1970; without it each case's own deadline stands in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// Words of its own, above the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// Says what the numbers begin with from now on.
///
/// # Errors
/// `BAD_REQUEST` for a text that is empty or too long.
pub fn set_prefix(house: &House, prefix: &str) -> Result<(), ServiceError> {
    let prefix = prefix.trim();
    let fits = !prefix.is_empty() && prefix.chars().count() <= PREFIX_CHARS_MAX;
    if !fits || prefix.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(bad(format!("prefix: 1 to {PREFIX_CHARS_MAX} characters without blanks")));
    }
    Ok(house.store.write(|tx| meta::save(tx, &house.city, PREFIX, prefix))?)
}

fn bad(why: impl Into<String>) -> ServiceError {
    ServiceError::because(&BAD_REQUEST, why)
}

/// Issues letters.
///
/// # Errors
/// `NO_RIGHTS` for a kind that is not the caller's to issue, `NOT_FOUND` when one of the cases is not the caller's to read,
/// `BAD_REQUEST` when they cannot be written so.
pub fn issue(
    house: &House,
    who: Credential,
    new: &NewLetters,
    now_ms: i64,
) -> Result<Vec<LetterView>, ServiceError> {
    people::require(house, who, new.kind.issuers(), now_ms)?;
    check(new)?;
    let grouped = group(house, who, new, now_ms)?;
    let year = letter_year(now_ms);
    let copies = serde_json::to_string(&new.copies)?;
    let ids: Vec<[u8; 16]> =
        grouped.iter().map(|_| *CaseId::from_parts(now_ms, house.id_bytes()).as_bytes()).collect();
    let actor = who.person.to_string();
    house.store.write(|tx| {
        let prefix = meta::load(tx, &house.city, PREFIX)?;
        let prefix = prefix.as_deref().unwrap_or(PREFIX_USUAL);
        let mut n = letters::load_last_n(tx, &house.city, &new.kind, year)?;
        let mut out = vec![];
        for (letter_id, (unit, addressee, cases)) in ids.iter().zip(&grouped) {
            n += 1;
            let letter = LetterRecord {
                letter_id: *letter_id,
                kind: new.kind.clone(),
                year,
                n,
                number: letter_number(prefix, &new.kind, year, n),
                unit: unit.as_ref().map(|u| u.as_str().to_owned()),
                addressee: addressee.clone(),
                copies: copies.clone(),
                words: new.words.clone().unwrap_or_default(),
                due_ms: new.due_ms,
                issued_ms: now_ms,
                issued_by: who.person,
                voided: None,
                receipt: None,
            };
            letters::save_letter(tx, &house.city, &letter, cases)?;
            let detail = json!({"number": letter.number, "cases": cases.len()}).to_string();
            let view = LetterView::of(letter, cases.clone());
            let object = format!("letter:{}", view.letter_id);
            audit::append(tx, &house.city, now_ms, &actor, "issue_letter", &object, "ok", &detail)?;
            out.push(view);
        }
        Ok(out)
    })
}

fn check(new: &NewLetters) -> Result<(), ServiceError> {
    let distinct: BTreeSet<CaseId> = new.cases.iter().copied().collect();
    if new.cases.is_empty() || new.cases.len() > CASES_MAX || distinct.len() != new.cases.len() {
        return Err(bad(format!("cases: 1 to {CASES_MAX}, each once")));
    }
    let long = |text: &str, most: usize| text.chars().count() > most;
    if new.copies.len() > COPIES_MAX
        || new.copies.iter().any(|c| c.trim().is_empty() || long(c, NAME_CHARS_MAX))
    {
        return Err(bad(format!(
            "copies: at most {COPIES_MAX} names of at most {NAME_CHARS_MAX} characters"
        )));
    }
    if new.words.as_deref().is_some_and(|w| long(w, TEXT_CHARS_MAX)) {
        return Err(bad(format!("words: at most {TEXT_CHARS_MAX} characters")));
    }
    let named = new.addressee.as_deref().map(str::trim).filter(|a| !a.is_empty());
    match (new.kind.is_to_unit(), named) {
        (true, Some(_)) => Err(bad("addressee: a letter to a unit goes to the unit that leads the case")),
        (false, None) => Err(bad("addressee: to whom the notice goes")),
        (false, Some(name)) if long(name, NAME_CHARS_MAX) => {
            Err(bad(format!("addressee: at most {NAME_CHARS_MAX} characters")))
        }
        _ => Ok(()),
    }
}

type Grouped = Vec<(Option<DeptKey>, String, Vec<CaseId>)>;

/// One group a letter: unit, name as written, cases in the order they were named.
fn group(house: &House, who: Credential, new: &NewLetters, now_ms: i64) -> Result<Grouped, ServiceError> {
    let reference = house.reference();
    let mut units: BTreeMap<DeptKey, Vec<CaseId>> = BTreeMap::new();
    for case in &new.cases {
        let file = cases::can_read_case(house, who, *case, now_ms)?;
        let file = file.ok_or_else(|| ServiceError::because(&NOT_FOUND, case.to_string()))?;
        if !new.kind.is_to_unit() {
            continue;
        }
        let lead = file.case.lead.clone();
        let lead = lead.ok_or_else(|| bad(format!("cases: {case} has no unit yet; dispatch it first")))?;
        units.entry(lead).or_default().push(*case);
    }
    let mut out = vec![];
    if !new.kind.is_to_unit() {
        out.push((None, new.addressee.as_deref().unwrap_or("").trim().to_owned(), new.cases.clone()));
    }
    for (unit, cases) in units {
        let found = reference.catalogue.as_ref().and_then(|c| c.department(unit.as_str()));
        let name = found.map(|d| d.name_zh.clone()).filter(|n| !n.is_empty());
        let name = name.unwrap_or_else(|| unit.as_str().to_owned());
        for some in cases.chunks(CASES_OF_LETTER_MAX) {
            out.push((Some(unit.clone()), name.clone(), some.to_vec()));
        }
    }
    if out.iter().any(|(_, _, cases)| cases.len() > CASES_OF_LETTER_MAX) {
        return Err(bad(format!("cases: a notice lists at most {CASES_OF_LETTER_MAX}")));
    }
    Ok(out)
}
