//! Letters 文书 (field.md U18): 交办单 and 督办单 to units, 整改告知单 to a shop or person; numbered without gaps, voided ones
//! listed, the photographed receipt attached. Knows no HTTP.

mod issue;
mod page;
#[cfg(test)]
mod tests;

pub use issue::{NewLetters, issue, set_prefix};
pub use page::page;

use super::pull::{open_text, scope_in, seal_text};
use super::{Credential, House, ServiceError, cases, people};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::case::CaseFile;
use blindspot_core::command::PhotoRole;
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST, CONFLICT, NOT_FOUND};
use blindspot_core::letter::LetterKind;
use blindspot_core::{CaseId, PersonId, PhotoId};
use blindspot_store::letters::{self, LetterFilter, LetterRecord};
use blindspot_store::{Tx, accounts, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

const CURSOR: &str = "letters cursor";
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Longest reason, characters.
const REASON_CHARS_MAX: usize = 200;
/// Who reads every letter, held for the whole city.
const READERS: &[Role] = &[
    Role::Dispatcher,
    Role::DutyLeader,
    Role::DeputyHead,
    Role::Supervisor,
    Role::FilingDesk,
    Role::Inspector,
    Role::Auditor,
    Role::Administrator,
];

/// A letter as shown.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LetterView {
    /// Its id.
    pub letter_id: Uuid,
    /// Its kind.
    pub kind: LetterKind,
    /// 文号
    pub number: String,
    /// The unit it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// To whom, as written on it.
    pub addressee: String,
    /// 抄送
    pub copies: Vec<String>,
    /// Until when, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// When issued.
    pub issued_ms: i64,
    /// When voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided_ms: Option<i64>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_reason: Option<String>,
    /// The photographed receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<PhotoId>,
    /// The cases it lists; in a list of letters left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseId>,
}

impl LetterView {
    fn of(record: LetterRecord, cases: Vec<CaseId>) -> Self {
        let (voided_ms, void_reason) = record.voided.map(|(at, _, why)| (at, why)).unzip();
        Self {
            letter_id: Uuid::from_bytes(record.letter_id),
            kind: record.kind,
            number: record.number,
            unit: record.unit,
            addressee: record.addressee,
            copies: serde_json::from_str(&record.copies).unwrap_or_default(),
            due_ms: record.due_ms,
            issued_ms: record.issued_ms,
            voided_ms,
            void_reason,
            receipt: record.receipt.map(|(photo, _)| photo),
            cases,
        }
    }
}

/// Which letters a list asks for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct LetterQuery {
    /// `transfer`, `supervise` or `notice`.
    pub kind: Option<String>,
    /// Of the number.
    pub year: Option<i64>,
    /// To a unit.
    pub unit: Option<String>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Most letters, up to 200; 50 when left out.
    pub limit: Option<usize>,
}

/// A page of letters, newest first, voided ones among them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LetterPage {
    /// What stands on it.
    pub items: Vec<LetterView>,
    /// Where the next page begins; nothing after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a reader may see: all, or what went to one's own units.
enum Reads {
    All,
    Units(Vec<String>),
}

fn reads(tx: &Tx<'_>, house: &House, who: PersonId, now_ms: i64) -> Result<Reads, ServiceError> {
    let grants = accounts::load_grants(tx, &house.city, who)?;
    let now = |g: &&Grant| g.span.contains(now_ms);
    if grants.iter().filter(now).any(|g| g.area == Area::City && READERS.contains(&g.role)) {
        return Ok(Reads::All);
    }
    let unit = |g: &Grant| match &g.area {
        Area::Dept(dept) => Some(dept.as_str().to_owned()),
        _ => None,
    };
    Ok(Reads::Units(grants.iter().filter(now).filter_map(unit).collect()))
}

/// A page of the letters that the caller may read.
///
/// # Errors
/// `BAD_CURSOR`; the database's.
pub fn list(
    house: &House,
    who: Credential,
    query: &LetterQuery,
    now_ms: i64,
) -> Result<LetterPage, ServiceError> {
    let before: Option<(i64, Uuid)> = match &query.cursor {
        None => None,
        Some(text) => Some(open_text(house, CURSOR, text).ok_or(ServiceError::Refused(&BAD_CURSOR, None))?),
    };
    let before = before.map(|(ms, id)| (ms, id.into_bytes()));
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    house.store.read(|tx| {
        let filter = |unit: Option<String>| LetterFilter { kind: query.kind.clone(), year: query.year, unit };
        let units: Vec<Option<String>> = match (reads(tx, house, who.person, now_ms)?, &query.unit) {
            (Reads::All, unit) => vec![unit.clone()],
            (Reads::Units(own), Some(unit)) => {
                own.contains(unit).then(|| Some(unit.clone())).into_iter().collect()
            }
            (Reads::Units(own), None) => own.into_iter().map(Some).collect(),
        };
        let mut all = vec![];
        for unit in units {
            all.extend(letters::load_letters(tx, &house.city, &filter(unit), before, limit + 1)?);
        }
        all.sort_by_key(|l| std::cmp::Reverse((l.issued_ms, l.letter_id)));
        all.dedup_by_key(|l| l.letter_id);
        let more = all.len() > limit;
        all.truncate(limit);
        let next = match all.last().filter(|_| more) {
            Some(last) => {
                Some(seal_text(house, CURSOR, &(last.issued_ms, Uuid::from_bytes(last.letter_id)))?)
            }
            None => None,
        };
        Ok(LetterPage { items: all.into_iter().map(|l| LetterView::of(l, vec![])).collect(), next })
    })
}

/// A letter that the caller may read, with its cases.
fn find(
    house: &House,
    who: Credential,
    letter: Uuid,
    now_ms: i64,
) -> Result<(LetterRecord, Vec<CaseId>), ServiceError> {
    let missing = || ServiceError::refused(&NOT_FOUND);
    house.store.read(|tx| {
        let found = letters::load_letter(tx, &house.city, letter.into_bytes())?.ok_or_else(missing)?;
        let may = match reads(tx, house, who.person, now_ms)? {
            Reads::All => true,
            Reads::Units(own) => found.unit.as_ref().is_some_and(|unit| own.contains(unit)),
        };
        if !may && found.issued_by != who.person {
            return Err(missing());
        }
        let cases = letters::load_cases_of(tx, &house.city, found.letter_id)?;
        Ok((found, cases))
    })
}

/// One letter.
///
/// # Errors
/// `NOT_FOUND` for one that is not there or not the caller's to read.
pub fn one(house: &House, who: Credential, letter: Uuid, now_ms: i64) -> Result<LetterView, ServiceError> {
    let (found, cases) = find(house, who, letter, now_ms)?;
    Ok(LetterView::of(found, cases))
}

/// Voids a letter. Its number stays on the list, and is not given again.
///
/// # Errors
/// `NOT_FOUND`, `NO_RIGHTS`; `BAD_REQUEST` without a reason; `CONFLICT` for one that is voided.
pub fn void(
    house: &House,
    who: Credential,
    letter: Uuid,
    reason: &str,
    now_ms: i64,
) -> Result<LetterView, ServiceError> {
    let (found, _) = find(house, who, letter, now_ms)?;
    people::require(house, who, found.kind.issuers(), now_ms)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(ServiceError::because(
            &BAD_REQUEST,
            format!("reason: 1 to {REASON_CHARS_MAX} characters"),
        ));
    }
    house.store.write(|tx| {
        if !letters::void_letter(tx, &house.city, found.letter_id, who.person, reason, now_ms)? {
            return Err(ServiceError::because(&CONFLICT, "it is voided already"));
        }
        let (actor, object) = (who.person.to_string(), format!("letter:{letter}"));
        let detail = json!({"number": found.number}).to_string();
        audit::append(tx, &house.city, now_ms, &actor, "void_letter", &object, "ok", &detail)?;
        Ok(())
    })?;
    one(house, who, letter, now_ms)
}

/// Attaches the photographed receipt: a photo of one of its cases, with the role `paper`.
///
/// # Errors
/// `NOT_FOUND` for a letter or photo that is not the caller's to see; `BAD_REQUEST` for another photo; `CONFLICT` for a
/// letter that is voided.
pub fn receipt(
    house: &House,
    who: Credential,
    letter: Uuid,
    photo: PhotoId,
    now_ms: i64,
) -> Result<LetterView, ServiceError> {
    let (found, cases) = find(house, who, letter, now_ms)?;
    let row = cases::can_read_photo(house, who, photo, now_ms)?;
    let row = row.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
    if row.role != PhotoRole::Paper || !cases.contains(&row.case_id) {
        return Err(ServiceError::because(&BAD_REQUEST, "a photo of one of its cases, with the role paper"));
    }
    if found.voided.is_some() {
        return Err(ServiceError::because(&CONFLICT, "it is voided"));
    }
    house.store.write(|tx| {
        letters::save_receipt(tx, &house.city, found.letter_id, photo, now_ms)?;
        let (actor, object) = (who.person.to_string(), format!("letter:{letter}"));
        let detail = json!({"number": found.number, "photo": photo}).to_string();
        audit::append(tx, &house.city, now_ms, &actor, "letter_receipt", &object, "ok", &detail)?;
        Ok::<_, ServiceError>(())
    })?;
    one(house, who, letter, now_ms)
}

/// The cases of a letter as the caller may read them; nothing in the place of one that is not the caller's.
fn files(
    house: &House,
    who: Credential,
    cases: &[CaseId],
    now_ms: i64,
) -> Result<Vec<Option<CaseFile>>, ServiceError> {
    cases.iter().map(|case| cases::can_read_case(house, who, *case, now_ms)).collect()
}

/// Whether the caller reads the supervision desk.
fn supervises(house: &House, who: Credential, now_ms: i64) -> Result<bool, ServiceError> {
    let feeds = house.store.read(|tx| scope_in(tx, house, who.person, now_ms))?;
    Ok(feeds.contains(&blindspot_core::feed::Feed::supervision()))
}
