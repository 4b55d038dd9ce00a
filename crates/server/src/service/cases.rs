//! Cases as a desk reads them: one case whole, its timeline, its photos; lists are `case_list`'s.
//!
//! "Not there" and "not yours" are one answer. Decides nothing about a case.

pub use super::case_list::{CasePage, CaseQuery, list_all_cases, list_cases};

use super::desk_leases::{self, LeaseView};
use super::page::{Page, PageQuery, page_of};
use super::pull::scope_in;
use super::{Credential, House, ServiceError, system};
use blindspot_core::access::Role;
use blindspot_core::case::{CaseFile, ConflictRow, ERASED_TEXT, Erased, ErasureRow, PhotoRow, legal_moves};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::command::Erase;
use blindspot_core::error;
use blindspot_core::feed::Feed;
use blindspot_core::op::SealedOp;
use blindspot_core::projection::timeline::{ClockStep, ToldOp, clock_steps};
use blindspot_core::row::{Rev, RowKey, RowKind};
use blindspot_core::verdict::Verdict;
use blindspot_core::wire::v1::{DeskOp, WireRow};
use blindspot_core::{CaseId, OpId, PersonId, PhotoId};
use blindspot_store::ops::OpRecord;
use blindspot_store::rows::StoredRow;
use blindspot_store::{StoreError, Tx, accounts, cases as index, devices, erased, letters, ops, rows};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// A case whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CaseDetail {
    /// Its rows: case, photos, comments, conflicts; people for those who may see them.
    pub rows: Vec<WireRow>,
    /// Rows of the cases merged into it.
    pub merged: Vec<WireRow>,
    /// Kinds of moves that its state allows, whoever asks.
    pub legal_moves: Vec<&'static str>,
    /// Who is at work on it at a desk 正在处理. A courtesy: it keeps no decision from anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseView>,
}

/// One op on a case's record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TimelineEntry {
    /// The op.
    pub op_id: OpId,
    /// Its kind.
    pub kind: String,
    /// Recovered capture time, milliseconds since 1970.
    pub at_ms: i64,
    /// What the phone's clock claimed.
    pub claimed_ms: i64,
    /// How far the capture time can be trusted.
    pub class: ClockClass,
    /// First receipt, server time.
    pub received_ms: i64,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The case its author named, when that was merged since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<CaseId>,
    /// What it said was erased: who and when is the op `by`; to be shown as 已删除（依法）.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
    /// What to show in the place of what was erased: Chinese, English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<(&'static str, &'static str)>,
    /// What it said; nothing when its text was redacted or erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// Who, for the supervision desk and the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The quarantined op in whose place it stands, when it is an edit of the desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<OpId>,
    /// Who edited it, where that is not the author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editor: Option<String>,
    /// What it did to the clock of the case 计时; the times are left out where they cannot be known for sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockStep>,
    /// 两处修改不一致 that it brought up, and what was chosen since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ConflictRow>,
}

/// What one reader may see of one case.
struct Seen {
    file: CaseFile,
    rows: Vec<StoredRow>,
    scope: BTreeSet<Feed>,
}

impl Seen {
    fn sees_names(&self) -> bool {
        self.scope.contains(&Feed::supervision())
    }
}

fn look_up(
    tx: &Tx<'_>,
    house: &House,
    who: Credential,
    case: CaseId,
    now_ms: i64,
) -> Result<Option<Seen>, StoreError> {
    let rows = rows::load_rows_of_cases(tx, &house.city, &BTreeSet::from([case]))?;
    let Some(file) = CaseFile::from_bodies(rows.iter().map(|r| (&r.key.kind, r.body.as_str())))? else {
        return Ok(None);
    };
    let scope = scope_in(tx, house, who.person, now_ms)?;
    if file.feeds().is_disjoint(&scope) {
        return Ok(None);
    }
    Ok(Some(Seen { file, rows, scope }))
}

/// A case with what its reader is.
pub(super) struct CaseSeen {
    pub(super) file: CaseFile,
    pub(super) scope: BTreeSet<Feed>,
    pub(super) roles: Vec<Role>,
}

/// A case that the reader may see, with the roles that the reader holds now.
///
/// # Errors
/// `NOT_FOUND` for one that is not there or not the reader's; the database's.
pub(super) fn seen_case(
    tx: &Tx<'_>,
    house: &House,
    who: Credential,
    case: CaseId,
    now_ms: i64,
) -> Result<CaseSeen, ServiceError> {
    let seen = look_up(tx, house, who, case, now_ms)?;
    let Seen { file, scope, .. } = seen.ok_or_else(|| ServiceError::refused(&error::NOT_FOUND))?;
    let grants = accounts::load_grants(tx, &house.city, who.person)?;
    let roles = grants.into_iter().filter(|g| g.span.contains(now_ms)).map(|g| g.role).collect();
    Ok(CaseSeen { file, scope, roles })
}

/// A case file, when it is there and the reader's.
///
/// # Errors
/// The database's.
pub fn can_read_case(
    house: &House,
    credential: Credential,
    case: CaseId,
    now_ms: i64,
) -> Result<Option<CaseFile>, ServiceError> {
    let seen = house.store.read(|tx| look_up(tx, house, credential, case, now_ms))?;
    Ok(seen.map(|s| s.file))
}

/// Whether somebody at a desk may come with an op on a case: it is theirs to read, or the op opens it, or the op is
/// theirs and known. What they have not seen they cannot act on, and they do not learn that it is there.
///
/// # Errors
/// `NOT_FOUND`; the database's.
pub fn may_act(
    house: &House,
    who: Credential,
    case: CaseId,
    op: &DeskOp,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let may = house.store.read(|tx| {
        if op.kind == "erase" && !lists(tx, house, case, op)? {
            return Ok(false);
        }
        if look_up(tx, house, who, case, now_ms)?.is_some() {
            return Ok(true);
        }
        let known = ops::load_ops(tx, &house.city, &BTreeSet::from([op.op_id]))?;
        if let Some(record) = known.get(&op.op_id) {
            return Ok(record.author == Some(who.person));
        }
        let opens = matches!(op.kind.as_str(), "report" | "self_fixed");
        Ok::<_, StoreError>(
            opens && rows::load_rows_of_cases(tx, &house.city, &BTreeSet::from([case]))?.is_empty(),
        )
    })?;
    if may { Ok(()) } else { Err(ServiceError::refused(&error::NOT_FOUND)) }
}

/// Whether the letter that an erasure names, if it names one, lists the case.
fn lists(tx: &Tx<'_>, house: &House, case: CaseId, op: &DeskOp) -> Result<bool, StoreError> {
    let letter = serde_json::from_str::<Erase>(op.payload.get()).ok().and_then(|e| e.target.letter);
    match letter {
        None => Ok(true),
        Some(id) => Ok(letters::load_cases_of(tx, &house.city, *id.as_bytes())?.contains(&case)),
    }
}

/// A photo's row, when its case is the reader's or the reader took it. A redacted one is for supervisors.
///
/// # Errors
/// The database's.
pub fn can_read_photo(
    house: &House,
    credential: Credential,
    photo: PhotoId,
    now_ms: i64,
) -> Result<Option<PhotoRow>, ServiceError> {
    house.store.read(|tx| {
        let row = rows::load_row(tx, &house.city, &RowKind::Photo, &photo.to_string())?;
        let Some(row) = row else { return Ok(None) };
        let photo: PhotoRow = serde_json::from_str(&row.body)?;
        let mut seen = look_up(tx, house, credential, photo.case_id, now_ms)?;
        if seen.is_none() {
            seen = shown_by(tx, house, credential, &photo, now_ms)?;
        }
        if photo.redacted.is_some() {
            let grants = accounts::load_grants(tx, &house.city, credential.person)?;
            let supervises =
                |g: &blindspot_core::access::Grant| g.role == Role::Supervisor && g.span.contains(now_ms);
            return Ok((seen.is_some() && grants.iter().any(supervises)).then_some(photo));
        }
        if seen.is_some() {
            return Ok(Some(photo));
        }
        let taken_by = ops::load_ops(tx, &house.city, &BTreeSet::from([photo.op_id]))?;
        let own = taken_by.get(&photo.op_id).and_then(|op| op.author) == Some(credential.person);
        Ok(own.then_some(photo))
    })
}

/// A case of the reader's that shows a photo of another one: one photo of after for many cases of a wall or lane.
fn shown_by(
    tx: &Tx<'_>,
    house: &House,
    who: Credential,
    photo: &PhotoRow,
    now_ms: i64,
) -> Result<Option<Seen>, StoreError> {
    let taken = ops::load_ops(tx, &house.city, &BTreeSet::from([photo.op_id]))?;
    let Some(taken_by) = taken.get(&photo.op_id).and_then(|op| op.author) else { return Ok(None) };
    for case in index::load_showing(tx, &house.city, photo.photo_id)? {
        let seen = look_up(tx, house, who, case, now_ms)?;
        if let Some(seen) = seen.filter(|seen| seen.file.shows(photo.photo_id, taken_by)) {
            return Ok(Some(seen));
        }
    }
    Ok(None)
}

/// A case whole.
///
/// # Errors
/// `not_found` for one that is not there or not the reader's; else the database's.
pub fn case_detail(
    house: &House,
    credential: Credential,
    case: CaseId,
    now_ms: i64,
) -> Result<CaseDetail, ServiceError> {
    house.store.read(|tx| {
        let seen = look_up(tx, house, credential, case, now_ms)?
            .ok_or_else(|| ServiceError::refused(&error::NOT_FOUND))?;
        let merged = rows::load_rows_of_cases(tx, &house.city, &seen.file.case.merged_from)?;
        let own = Feed::user(credential.person);
        let may = |row: &StoredRow| match row.key.kind {
            RowKind::Person | RowKind::Erasure if seen.sees_names() => true,
            RowKind::Person => row.key.id.ends_with(own.as_str().trim_start_matches("user:")),
            RowKind::Erasure => {
                serde_json::from_str::<ErasureRow>(&row.body).is_ok_and(|e| e.asked_by == credential.person)
            }
            _ => true,
        };
        let wire = |row: StoredRow| to_wire(row.key, row.rev, row.body);
        Ok(CaseDetail {
            legal_moves: legal_moves(&seen.file.case.state),
            merged: merged.into_iter().filter(may).map(wire).collect::<Result<_, _>>()?,
            rows: seen.rows.iter().filter(|r| may(r)).cloned().map(wire).collect::<Result<_, _>>()?,
            lease: desk_leases::seen_by(tx, house, credential, [case], now_ms)?.pop(),
        })
    })
}

fn to_wire(key: RowKey, rev: Rev, body: String) -> Result<WireRow, StoreError> {
    Ok(WireRow { key, rev, body: RawValue::from_string(body)? })
}

/// A page of the ops that landed on a case, in commit order, the noted ones too.
///
/// # Errors
/// `bad_cursor`; `not_found` for a case that is not there or not the reader's; else the database's.
pub fn timeline(
    house: &House,
    credential: Credential,
    case: CaseId,
    query: &PageQuery,
    now_ms: i64,
) -> Result<Page<TimelineEntry>, ServiceError> {
    house.store.read(|tx| {
        let seen = look_up(tx, house, credential, case, now_ms)?
            .ok_or_else(|| ServiceError::refused(&error::NOT_FOUND))?;
        let mut names = BTreeMap::new();
        let mut out = Vec::new();
        let all = ops::load_ops_of_case(tx, &house.city, case)?;
        let mut steps = steps_of(&seen.file, &all);
        // Ops are only ever added at the end, so that their place is their key.
        let all = all.into_iter().enumerate();
        let Page { items, next } =
            page_of(house, &format!("timeline {case}"), query, all, |(n, _)| format!("{n:010}"))?;
        for (_, op) in items {
            let said: Said = serde_json::from_str(&op.body)?;
            let editor = match said.replaces {
                Some(_) => devices::load_device(tx, &house.city, op.device_id)?.map(|d| d.person_id),
                None => None,
            };
            let editor = editor.filter(|who| op.author != Some(*who));
            let mut shown = [None, None];
            for (slot, id) in shown.iter_mut().zip([op.author, editor]) {
                if let Some(id) = id.filter(|id| seen.sees_names() || *id == credential.person) {
                    *slot = name_of(tx, house, &mut names, id)?;
                }
            }
            let clock = steps.remove(&op.op_id);
            out.push(TimelineEntry { clock, ..timeline_entry(op, said, &seen.file, shown) });
        }
        Ok(Page { items: out, next })
    })
}

/// What the ops did to the clock of the case.
fn steps_of(file: &CaseFile, all: &[OpRecord]) -> BTreeMap<OpId, ClockStep> {
    let told: Vec<ToldOp> = all
        .iter()
        .map(|op| ToldOp {
            op_id: op.op_id,
            command: SealedOp::read(op.body.clone()).ok().and_then(|sealed| sealed.command().ok()),
            verdict: op.verdict.clone(),
            at_ms: op.received_ms,
        })
        .collect();
    clock_steps(&file.case, &told)
}

/// What an op says, beside its frame.
#[derive(Deserialize)]
struct Said {
    /// Nothing where it was erased.
    #[serde(default)]
    payload: Option<Box<RawValue>>,
    #[serde(default)]
    replaces: Option<OpId>,
}

fn name_of(
    tx: &Tx<'_>,
    house: &House,
    names: &mut BTreeMap<PersonId, Option<String>>,
    id: PersonId,
) -> Result<Option<String>, StoreError> {
    if let Entry::Vacant(slot) = names.entry(id) {
        let own = (id == system::person(house)).then(|| Role::System.zh().to_owned());
        slot.insert(own.or(accounts::load_person(tx, &house.city, id)?.map(|p| p.name)));
    }
    Ok(names.get(&id).cloned().flatten())
}

fn timeline_entry(
    op: OpRecord,
    said: Said,
    file: &CaseFile,
    [author, editor]: [Option<String>; 2],
) -> TimelineEntry {
    let erased = erased::mark_of(&op);
    let redacted = erased.is_some() || file.comments.get(&op.op_id).is_some_and(|c| c.redacted.is_some());
    let CaptureTime { at_ms, class, claimed_ms } = op.time;
    let brought = format!("{}:", op.op_id);
    let conflicts = file.conflicts.range(brought.clone()..).take_while(|(id, _)| id.starts_with(&brought));
    let conflicts = conflicts.map(|(_, row)| row.clone()).collect();
    TimelineEntry {
        op_id: op.op_id,
        kind: op.kind,
        at_ms,
        claimed_ms,
        class,
        received_ms: op.received_ms,
        verdict: op.verdict,
        named: op.case_id.filter(|named| *named != file.id()),
        instead: erased.as_ref().map(|_| ERASED_TEXT),
        erased,
        payload: said.payload.filter(|_| !redacted),
        author,
        replaces: said.replaces,
        editor,
        clock: None,
        conflicts,
    }
}
