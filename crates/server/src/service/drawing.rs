//! Drawing who checks a fix: gathers what core's rules ask for, keeps each draw so that it can be done again, and publishes
//! the seeds of days that are over.

use super::people::require;
use super::{Credential, House, ServiceError, system};
use blindspot_core::access::{Grant, Role};
use blindspot_core::apply::next_draw;
use blindspot_core::case::{CaseFile, Part};
use blindspot_core::catalogue::Severity;
use blindspot_core::check::{Eligible, Lot, Shift, commitment, desk_checks, draw_lot, eligible};
use blindspot_core::command::{Draw, DrawnFrom, PhotoRole};
use blindspot_core::deadline::CalendarKind;
use blindspot_core::division::GridId;
use blindspot_core::limits::DRAWN_OPEN_MS;
use blindspot_core::local::day_text;
use blindspot_core::wire::v1::DeskOp;
use blindspot_core::{CaseId, PersonId};
use blindspot_store::checks::DrawRecord;
use blindspot_store::{StoreError, Tx, accounts, cases, checks};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Share of minor items that the desk checks on their photos, in a hundred (field.md U13).
const DESK_SHARE_PERCENT: u8 = 50;
/// Who judged a unit within this time is drawn for it last, milliseconds (domain 6E: 30 days).
const PAIRED_MS: i64 = 30 * 86_400_000;
/// After so many draws that nobody opened a person has to look; it stays with the last one.
const DRAWS_MAX: u32 = 8;
const DAY_MS: i64 = 86_400_000;

/// Cases whose check is to be drawn. A city without a roster draws none: any verifier of the area checks.
pub(super) fn due(tx: &Tx<'_>, house: &House, now_ms: i64, most: i64) -> Result<Vec<CaseId>, StoreError> {
    if !checks::load_any_shift(tx, &house.city, now_ms - DAY_MS)? {
        return Ok(vec![]);
    }
    cases::load_to_draw(tx, &house.city, now_ms, most)
}

/// The seed of a day: known to the servers alone until the day is over.
pub(super) fn seed_of(house: &House, day: &str) -> [u8; 32] {
    house.keys.mac("draw of the day", day.as_bytes())
}

/// Draws for a case, and keeps the draw; nothing when nobody could be drawn.
pub(super) fn draw(house: &House, file: &CaseFile, now_ms: i64) -> Result<Option<DeskOp>, ServiceError> {
    let Some(feed_back) = file.case.feed_back.as_ref().map(|f| f.op_id) else { return Ok(None) };
    let attempt = file.case.drawn.as_ref().map_or(0, |drawn| drawn.attempt) + 1;
    if attempt > DRAWS_MAX || next_draw(&file.case).is_none_or(|due_ms| due_ms > now_ms) {
        return Ok(None);
    }
    let day = day_text(now_ms);
    let seed = seed_of(house, &day);
    let lot = Lot { seed: &seed, feed_back, attempt };
    let Some(found) = who_checks(house, file, lot, now_ms)? else { return Ok(None) };
    let verifier = draw_lot(lot, &found.people);
    let due_ms = CalendarKind::Sanitation.after(now_ms, DRAWN_OPEN_MS);
    let payload = Draw {
        from: found.from,
        verifier,
        eligible: u32::try_from(found.people.len()).unwrap_or(u32::MAX),
        attempt,
        seed_day: day.clone(),
        open_by_ms: verifier.map(|_| due_ms),
    };
    let op = system::op("draw", &format!("{feed_back} {attempt} {now_ms}"), now_ms, &payload)?;
    let record = DrawRecord {
        op_id: op.op_id,
        day,
        case_id: file.id(),
        feed_back,
        attempt,
        people: found.people,
        drawn: verifier,
        at_ms: now_ms,
    };
    house.store.write(|tx| checks::append_draw(tx, &house.city, &record))?;
    Ok(Some(op))
}

/// The desk for a share of the minor ones whose photos have come, the lead office for documents, else somebody on shift.
fn who_checks(
    house: &House,
    file: &CaseFile,
    lot: Lot<'_>,
    now_ms: i64,
) -> Result<Option<Eligible>, ServiceError> {
    let reference = house.reference();
    let item = file.case.item(reference.catalogue.as_ref());
    let item = item.and_then(|code| reference.catalogue.as_ref()?.item(&code).cloned());
    let nobody = |from| Ok(Some(Eligible { from, people: vec![] }));
    if item.as_ref().is_some_and(|i| i.inspection_method == "document_review") {
        return nobody(DrawnFrom::Office);
    }
    let minor = item.is_some_and(|i| i.severity == Severity::Minor);
    if lot.attempt == 1 && minor && has_pair(file) && desk_checks(lot, DESK_SHARE_PERCENT) {
        return nobody(DrawnFrom::Desk);
    }
    let never: BTreeSet<PersonId> = file.in_part(Part::Handler).chain(file.in_part(Part::Drawn)).collect();
    let grid = file.case.place.grid.as_ref();
    let committee = grid.map(GridId::committee);
    let around: Vec<GridId> = reference
        .places
        .grids()
        .filter(|g| Some(&g.id) != grid && Some(g.id.committee()) == committee && g.span.contains(now_ms))
        .map(|g| g.id.clone())
        .collect();
    let lead = file.case.lead.as_ref().map_or("", |l| l.as_str());
    let (roster, grants, paired) = house.store.read(|tx| {
        let roster = checks::load_shifts(tx, &house.city, now_ms, now_ms + 1)?;
        let paired = checks::load_paired(tx, &house.city, lead, now_ms - PAIRED_MS)?;
        Ok::<_, StoreError>((roster, collectors(tx, house, now_ms)?, paired))
    })?;
    Ok(eligible(&roster, &grants, grid, &around, &never, &paired, now_ms))
}

/// A photo of before and one of after, both here.
fn has_pair(file: &CaseFile) -> bool {
    let here = |role: PhotoRole| {
        file.photos.values().any(|p| p.role == role && p.awaited() && p.verified.contains(&p.evidence_form()))
    };
    here(PhotoRole::Before) && here(PhotoRole::After)
}

/// Who is a collector now, with all grants.
fn collectors(tx: &Tx<'_>, house: &House, now_ms: i64) -> Result<BTreeMap<PersonId, Vec<Grant>>, StoreError> {
    let mut found = BTreeMap::new();
    for person in accounts::load_persons(tx, &house.city)?.into_iter().filter(|p| p.active) {
        let grants = accounts::load_grants(tx, &house.city, person.person_id)?;
        if grants.iter().any(|g| g.role == Role::Collector && g.span.contains(now_ms)) {
            found.insert(person.person_id, grants);
        }
    }
    Ok(found)
}

/// Draws of a day, for whoever wants to draw them again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DayOfDraws {
    /// The day.
    pub day: String,
    /// SHA-256 of its seed, hex: published before.
    pub commitment: String,
    /// The seed itself, hex, when the day is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// Its draws.
    pub draws: Vec<DrawView>,
}

/// One draw.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DrawView {
    /// The case.
    pub case_id: CaseId,
    /// The feedback that was to be checked.
    pub feed_back: blindspot_core::OpId,
    /// Which draw for it.
    pub attempt: u32,
    /// Who could have been drawn, in the order that counts.
    pub people: Vec<PersonId>,
    /// Who was; nobody when a desk or an office checks.
    pub drawn: Option<PersonId>,
    /// Whether drawing again with the seed gives the same; told when the day is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_again: Option<bool>,
    /// When, server time.
    pub at_ms: i64,
}

/// The draws of a day, with the seed when it is over.
///
/// # Errors
/// `NO_RIGHTS`; the database's.
pub fn draws_of(house: &House, who: Credential, day: &str, now_ms: i64) -> Result<DayOfDraws, ServiceError> {
    require(house, who, &[Role::Supervisor, Role::Auditor, Role::Administrator], now_ms)?;
    let seed = seed_of(house, day);
    let over = day < day_text(now_ms).as_str();
    let draws = house.store.read(|tx| checks::load_draws(tx, &house.city, day, false))?;
    let view = |d: DrawRecord| {
        let lot = Lot { seed: &seed, feed_back: d.feed_back, attempt: d.attempt };
        DrawView {
            same_again: over.then(|| draw_lot(lot, &d.people) == d.drawn),
            case_id: d.case_id,
            feed_back: d.feed_back,
            attempt: d.attempt,
            people: d.people,
            drawn: d.drawn,
            at_ms: d.at_ms,
        }
    };
    Ok(DayOfDraws {
        day: day.to_owned(),
        commitment: commitment(&seed),
        seed: over.then(|| blindspot_core::id::Sha256(seed).to_hex()),
        draws: draws.into_iter().map(view).collect(),
    })
}

/// Shifts to put in the place of those that begin in a span of time.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RosterRequest {
    /// From when.
    pub from_ms: i64,
    /// Till when.
    pub to_ms: i64,
    /// The shifts that begin in it.
    pub shifts: Vec<Shift>,
}

/// What came of a roster.
#[derive(Debug, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct RosterSaved {
    /// Shifts that stand now.
    pub saved: usize,
    /// Shifts that stood before.
    pub replaced: usize,
}

/// Most shifts of one request.
const SHIFTS_MAX: usize = 20_000;

/// Saves a roster.
///
/// # Errors
/// `BAD_REQUEST` for a shift that begins elsewhere, ends before it begins, or names no person or grid of the city; nothing is
/// saved then. `NO_RIGHTS`; the database's.
pub fn save_roster(
    house: &House,
    who: Credential,
    roster: &RosterRequest,
    now_ms: i64,
) -> Result<RosterSaved, ServiceError> {
    require(house, who, &[Role::Supervisor, Role::Administrator], now_ms)?;
    put_roster(house, roster)
}

/// As `save_roster`, for whoever holds the data folder.
///
/// # Errors
/// As `save_roster`.
pub fn put_roster(house: &House, roster: &RosterRequest) -> Result<RosterSaved, ServiceError> {
    let bad = |n: usize, why: &str| {
        let text = format!("shifts[{n}]: {why}");
        Err(ServiceError::because(&blindspot_core::error::BAD_REQUEST, text))
    };
    if roster.shifts.len() > SHIFTS_MAX {
        return bad(SHIFTS_MAX, "too many shifts in one request");
    }
    let reference = house.reference();
    let people: BTreeSet<PersonId> =
        house.store.read(|tx| accounts::load_persons(tx, &house.city))?.iter().map(|p| p.person_id).collect();
    for (n, shift) in roster.shifts.iter().enumerate() {
        let span = shift.span;
        if span.from_ms < roster.from_ms || span.from_ms >= roster.to_ms {
            return bad(n, "begins outside of the span");
        }
        if span.to_ms.is_none_or(|to| to <= span.from_ms) {
            return bad(n, "ends before it begins");
        }
        if !people.contains(&shift.person) || shift.stands_in_for.is_some_and(|p| !people.contains(&p)) {
            return bad(n, "no such person");
        }
        if shift.grids.is_empty() || shift.grids.iter().any(|g| reference.places.grid(g).is_none()) {
            return bad(n, "no such duty grid");
        }
    }
    let (from, to) = (roster.from_ms, roster.to_ms);
    let replaced = house.store.write(|tx| checks::save_shifts(tx, &house.city, from, to, &roster.shifts))?;
    Ok(RosterSaved { saved: roster.shifts.len(), replaced })
}

/// Shifts that touch a span of time.
///
/// # Errors
/// `NO_RIGHTS`; the database's.
pub fn roster(
    house: &House,
    who: Credential,
    from_ms: i64,
    to_ms: i64,
    now_ms: i64,
) -> Result<Vec<Shift>, ServiceError> {
    require(house, who, &[Role::Supervisor, Role::Administrator], now_ms)?;
    Ok(house.store.read(|tx| checks::load_shifts(tx, &house.city, from_ms, to_ms))?)
}
