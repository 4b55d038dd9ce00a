//! The quarantine desk (待人工处理): what waits for a person, and what a person does about it. Knows no HTTP.

use super::ingest::{self, DeskNote, Edit, EntryId};
use super::page::{Page, PageQuery};
use super::people::{Actor, note};
use super::pull::{open_text, seal_text};
use super::{Credential, House, ServiceError, replays};
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST, NOT_FOUND};
use blindspot_core::id::Sha256;
use blindspot_core::limits::TEXT_CHARS_MAX;
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};
use blindspot_store::quarantine::{self, Place, Quarantined};
use blindspot_store::{Tx, accounts, devices, ops};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// An entry as listed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QuarantineEntry)]
pub struct EntryView {
    /// The id in the bytes, or one derived from them.
    pub op_id: OpId,
    /// SHA-256 of the bytes, hex.
    pub hash: Sha256,
    /// Why.
    pub cause: Cause,
    /// The same in words.
    pub cause_zh: &'static str,
    /// The same in words.
    pub cause_en: &'static str,
    /// What exactly.
    pub detail: String,
    /// The device that the bytes name.
    pub device_id: DeviceId,
    /// Whose device that is, where it is known.
    pub author: Option<PersonId>,
    /// Whose credential brought it.
    pub carrier: DeviceId,
    /// What kind of op, where that can be read.
    pub kind: Option<String>,
    /// About which case.
    pub case_id: Option<CaseId>,
    /// Since when it waits, milliseconds since 1970.
    pub at_ms: i64,
    /// When it was decided.
    pub released_ms: Option<i64>,
}

/// An entry whole.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QuarantineWhole)]
pub struct EntryWhole {
    /// As listed.
    #[serde(flatten)]
    pub entry: EntryView,
    /// The bytes, as they came.
    pub body: String,
    /// What became of it, as it is now.
    pub verdict: Verdict,
}

/// An op to stand in the place of an entry; its author is the entry's.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuarantineEdit)]
pub struct EditRequest {
    /// Made by the desk, so that sending again is harmless.
    pub op_id: OpId,
    /// What is done.
    pub kind: String,
    /// On which case.
    #[serde(default)]
    pub case_id: Option<CaseId>,
    /// By kind.
    #[schema(value_type = Object)]
    pub payload: Box<RawValue>,
    /// Whose work it is, where nobody knows the device of the entry.
    #[serde(default)]
    pub author: Option<PersonId>,
}

/// An entry to be kept on a case as a note of the desk.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuarantineNote)]
pub struct NoteRequest {
    /// Made by the desk, so that sending again is harmless.
    pub op_id: OpId,
    /// Which case.
    pub case_id: CaseId,
    /// What the desk says to it; what the entry said is added.
    #[serde(default)]
    pub text: String,
}

/// An entry to be set aside for good.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuarantineDismissal)]
pub struct DismissRequest {
    /// Why; the worker reads it.
    pub why: String,
}

/// An entry to be decided again as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = QuarantineReplay)]
pub struct ReplayRequest {
    /// The desk stands up for whose work it is: that of the person whose device the bytes name.
    pub vouched: bool,
}

fn view(kept: &Quarantined, author: Option<PersonId>) -> EntryView {
    let env = SealedOp::read(kept.body.as_str()).ok().map(|op| op.env);
    let (cause_zh, cause_en) = kept.cause.text();
    EntryView {
        op_id: kept.op_id,
        hash: kept.hash,
        cause: kept.cause.clone(),
        cause_zh,
        cause_en,
        detail: kept.detail.clone(),
        device_id: kept.device_id,
        author,
        carrier: kept.carrier,
        case_id: env.as_ref().and_then(|e| e.case_id),
        kind: env.map(|e| e.kind),
        at_ms: kept.at_ms,
        released_ms: kept.released_ms,
    }
}

/// Entries that wait, oldest first, after a place; of one cause when asked. Gives the place to go on from.
///
/// # Errors
/// The database's.
pub fn list(
    house: &House,
    cause: Option<&Cause>,
    after: Option<Place>,
    most: i64,
) -> Result<(Vec<EntryView>, Option<Place>), ServiceError> {
    house.store.read(|tx| {
        let page = quarantine::load_quarantine(tx, &house.city, cause, after, most)?;
        let mut out = Vec::with_capacity(page.len());
        for kept in &page {
            let device = devices::load_device(tx, &house.city, kept.device_id)?;
            out.push(view(kept, device.map(|d| d.person_id)));
        }
        Ok((out, page.last().map(Quarantined::place)))
    })
}

/// One entry whole.
///
/// # Errors
/// `NOT_FOUND`.
pub fn show(house: &House, (op_id, hash): EntryId) -> Result<EntryWhole, ServiceError> {
    house.store.read(|tx| {
        let kept = quarantine::load_quarantined(tx, &house.city, op_id, &hash)?;
        let kept = kept.ok_or_else(|| ServiceError::refused(&NOT_FOUND))?;
        let device = devices::load_device(tx, &house.city, kept.device_id)?;
        let stands = ops::load_ops(tx, &house.city, &BTreeSet::from([op_id]))?.remove(&op_id);
        let waits = Verdict::Quarantined { ticket: op_id.to_string(), cause: kept.cause.clone() };
        let verdict = stands.filter(|r| r.hash == hash).map(|r| r.verdict).or_else(|| kept.verdict.clone());
        Ok(EntryWhole {
            entry: view(&kept, device.map(|d| d.person_id)),
            verdict: verdict.unwrap_or(waits),
            body: kept.body,
        })
    })
}

/// Has an entry decided again as it is, because a person asks: put down as a job, done by whoever runs jobs here.
///
/// # Errors
/// `NOT_FOUND`.
pub fn ask_replay(house: &House, actor: Actor, entry: EntryId, now_ms: i64) -> Result<(), ServiceError> {
    show(house, entry)?;
    let object = format!("op:{}", entry.0);
    house.store.write(|tx| note(tx, house, actor, ("quarantine_replay", &object, "{}"), now_ms))?;
    replays::ask(house, entry, now_ms)
}

const LIST: &str = "page of quarantine";

/// A page of entries that wait, oldest first; of one cause when asked.
///
/// # Errors
/// `BAD_CURSOR`; the database's.
pub fn page(
    house: &House,
    query: &PageQuery,
    cause: Option<&Cause>,
) -> Result<Page<EntryView>, ServiceError> {
    let after = match &query.cursor {
        None => None,
        Some(text) => {
            Some(open_text::<Place>(house, LIST, text).ok_or(ServiceError::Refused(&BAD_CURSOR, None))?)
        }
    };
    let limit = query.limit();
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let (items, last) = list(house, cause, after, most)?;
    let next = match last.filter(|_| items.len() == limit) {
        Some(place) => Some(seal_text(house, LIST, &place)?),
        None => None,
    };
    Ok(Page { items, next })
}

/// Decides an entry again at once.
///
/// # Errors
/// `NOT_FOUND`; the database's.
pub fn replay(
    house: &House,
    actor: Actor,
    entry: EntryId,
    request: ReplayRequest,
    now_ms: i64,
) -> Result<VerdictEntry, ServiceError> {
    let detail = serde_json::json!({"vouched": request.vouched}).to_string();
    let audited = audited(house, actor, ("quarantine_replay", entry.0, &detail), now_ms);
    ingest::decide_again(house, entry, request.vouched, now_ms, audited)
}

/// Puts an edited op in the place of an entry.
///
/// # Errors
/// As `ingest::replace`.
pub fn edit(
    house: &House,
    who: Credential,
    entry: EntryId,
    request: EditRequest,
    now_ms: i64,
) -> Result<VerdictEntry, ServiceError> {
    let EditRequest { op_id, kind, case_id, payload, author } = request;
    let edit = Edit { op_id, kind, case_id, payload, author };
    let detail = serde_json::json!({"by": op_id}).to_string();
    let audited = audited(house, Actor::Person(who.person), ("quarantine_edit", entry.0, &detail), now_ms);
    ingest::replace(house, who, entry, &edit, now_ms, audited)
}

/// Keeps what an entry said on a case, as a note of the desk.
///
/// # Errors
/// As `ingest::hand_to_case`; `BAD_REQUEST` for a text without end.
pub fn hand_to_case(
    house: &House,
    who: Credential,
    entry: EntryId,
    request: &NoteRequest,
    now_ms: i64,
) -> Result<VerdictEntry, ServiceError> {
    let whole = show(house, entry)?;
    let author = match whole.entry.author {
        Some(id) => house.store.read(|tx| accounts::load_person(tx, &house.city, id))?.map(|p| p.name),
        None => None,
    };
    let text = note_text(&whole, author.as_deref(), &request.text)?;
    let note = DeskNote { op_id: request.op_id, case_id: request.case_id, text };
    let detail = serde_json::json!({"by": note.op_id, "case": note.case_id}).to_string();
    let audited = audited(house, Actor::Person(who.person), ("quarantine_note", entry.0, &detail), now_ms);
    ingest::hand_to_case(house, who, entry, &note, now_ms, audited)
}

/// Sets an entry aside for good.
///
/// # Errors
/// As `ingest::dismiss`; `BAD_REQUEST` without a reason.
pub fn dismiss(
    house: &House,
    who: Credential,
    entry: EntryId,
    request: &DismissRequest,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let why = request.why.trim();
    if why.is_empty() || why.chars().count() > TEXT_CHARS_MAX || why.contains('\0') {
        return Err(ServiceError::because(&BAD_REQUEST, format!("why: 1 to {TEXT_CHARS_MAX} characters")));
    }
    let detail = serde_json::json!({"why": why}).to_string();
    let audited = audited(house, Actor::Person(who.person), ("quarantine_dismiss", entry.0, &detail), now_ms);
    ingest::dismiss(house, entry, why, now_ms, audited)
}

/// The audit row of what a person did, for the transaction that does it.
pub(super) fn audited<'a>(
    house: &'a House,
    actor: Actor,
    (action, op_id, detail): (&'a str, OpId, &'a str),
    now_ms: i64,
) -> impl Fn(&Tx<'_>, &Verdict) -> Result<(), ServiceError> + 'a {
    move |tx, _| Ok(note(tx, house, actor, (action, &format!("op:{op_id}"), detail), now_ms)?)
}

/// What a note says: the desk's words, then whose entry it was, of what kind, and what it said.
fn note_text(whole: &EntryWhole, author: Option<&str>, words: &str) -> Result<String, ServiceError> {
    #[derive(Default, Deserialize)]
    struct Said {
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        description: Option<String>,
    }
    let payload = SealedOp::read(whole.body.as_str()).ok().map(|op| op.env.payload);
    let said = payload.as_ref().and_then(|p| serde_json::from_str::<Said>(p.get()).ok()).unwrap_or_default();
    let raw = || payload.as_ref().map_or_else(|| whole.body.clone(), |p| p.get().to_owned());
    let said = said.text.or(said.description).filter(|t| !t.trim().is_empty()).unwrap_or_else(raw);
    let kind = whole.entry.kind.as_deref().unwrap_or("?");
    let author = author.unwrap_or("？");
    let words = words.trim();
    let gap = if words.is_empty() { "" } else { "\n" };
    let text = format!("{words}{gap}〔待人工处理转入：{author}，{kind}〕{said}").replace('\0', "");
    let most = TEXT_CHARS_MAX;
    if words.chars().count() > most / 2 {
        return Err(ServiceError::because(&BAD_REQUEST, format!("text: at most {} characters", most / 2)));
    }
    Ok(text.chars().take(most).collect())
}

#[cfg(test)]
#[path = "quarantine_tests.rs"]
mod tests;
