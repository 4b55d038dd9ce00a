//! Clerks at one desk who do not take the same case: the next one is leased for a while, shown to the others as 正在处理,
//! kept while the clerk works and given back (field.md U22). A courtesy: no decision asks for a lease, and one that ran out is
//! anybody's. Decides nothing about a case.

use super::cases::seen_case;
use super::{Credential, House, ServiceError};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::error::{BAD_REQUEST, CONFLICT, NO_RIGHTS};
use blindspot_core::projection::desk::Desk;
use blindspot_core::row::RowKind;
use blindspot_core::{CaseId, PersonId};
use blindspot_store::leases::{self, Lease, Reach};
use blindspot_store::{StoreError, Tx, accounts, rows};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How long a case is a clerk's, unless he says that he goes on.
pub const LEASE_MS: i64 = 5 * 60_000;

/// Which desk wants its next case.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct TakeNext {
    /// `filing`, `dispatch`, `ruling` or `verify`.
    #[schema(value_type = String)]
    pub desk: Desk,
}

/// Somebody at work on a case 正在处理.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LeaseView {
    /// The case.
    pub case_id: CaseId,
    /// At which desk.
    #[schema(value_type = String)]
    pub desk: Desk,
    /// Until when, server time in milliseconds.
    pub until_ms: i64,
    /// Whether it is the reader himself.
    pub own: bool,
    /// Who, for those who sit at that desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The next case of a desk.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Taken {
    /// The case row; nothing when none waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<blindspot_core::case::Case>)]
    pub case: Option<Box<RawValue>>,
    /// The lease of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseView>,
}

/// Gives the most urgent case of a desk that nobody holds, the oldest of these, and leases it.
///
/// # Errors
/// `BAD_REQUEST` for a desk that is none; `NO_RIGHTS` for one where the caller has no seat; the database's.
pub fn take_next(house: &House, who: Credential, ask: &TakeNext, now_ms: i64) -> Result<Taken, ServiceError> {
    let desk = &ask.desk;
    if matches!(desk, Desk::Other(_)) {
        return Err(ServiceError::because(&BAD_REQUEST, "desk: want filing, dispatch, ruling or verify"));
    }
    house.store.write(|tx| {
        let grants = accounts::load_grants(tx, &house.city, who.person)?;
        let reaches: Vec<Reach> = desk.seats(&grants, now_ms).filter_map(reach_of).collect();
        if reaches.is_empty() {
            return Err(ServiceError::refused(&NO_RIGHTS));
        }
        leases::sweep(tx, &house.city, now_ms)?;
        let Some(case_id) = next(tx, house, desk, &reaches, now_ms)? else {
            return Ok(Taken { case: None, lease: None });
        };
        let until_ms = now_ms + LEASE_MS;
        let lease = Lease { case_id, desk: desk.as_str().to_owned(), person: who.person, until_ms };
        if !leases::take(tx, &house.city, &lease, now_ms)? {
            // The turn to write is ours: nobody can have come between.
            return Err(ServiceError::refused(&CONFLICT));
        }
        let row = rows::load_row(tx, &house.city, &RowKind::Case, &case_id.to_string())?;
        let case = row.map(|row| RawValue::from_string(row.body)).transpose()?;
        let views = views(tx, house, who.person, vec![lease], now_ms)?;
        Ok(Taken { case, lease: views.into_iter().next() })
    })
}

/// What of a city a seat reaches.
fn reach_of(seat: &Grant) -> Option<Reach> {
    let none = Reach::default();
    match &seat.area {
        Area::City => Some(none),
        Area::Town(town) => Some(Reach { town: Some(town.to_string()), ..none }),
        Area::Grid(grid) => Some(Reach { grid: Some(grid.to_string()), ..none }),
        Area::Dept(dept) => Some(Reach { lead: Some(dept.to_string()), ..none }),
        Area::Other(_) => None,
    }
}

fn next(
    tx: &Tx<'_>,
    house: &House,
    desk: &Desk,
    reaches: &[Reach],
    now_ms: i64,
) -> Result<Option<CaseId>, StoreError> {
    for urgent in [true, false] {
        let mut oldest = None;
        for (state, reach) in desk.states().iter().flat_map(|s| reaches.iter().map(move |r| (s, r))) {
            let found = leases::load_next(tx, &house.city, (state.as_str(), urgent), reach, now_ms)?;
            oldest = match (oldest, found) {
                (Some(a), Some(b)) => Some(std::cmp::min(a, b)),
                (a, b) => a.or(b),
            };
        }
        if let Some((_, case)) = oldest {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

/// Goes on with a case for as long again.
///
/// # Errors
/// `CONFLICT` when it is not the caller's, or no longer; the database's.
pub fn keep(house: &House, who: Credential, case: CaseId, now_ms: i64) -> Result<LeaseView, ServiceError> {
    house.store.write(|tx| {
        if !leases::keep(tx, &house.city, case, who.person, (now_ms + LEASE_MS, now_ms))? {
            return Err(ServiceError::because(&CONFLICT, "it is not yours any more: take the next one"));
        }
        let held = leases::load(tx, &house.city, [case], now_ms)?;
        views(tx, house, who.person, held, now_ms)?.pop().ok_or_else(|| ServiceError::refused(&CONFLICT))
    })
}

/// Gives a case back. One that is not the caller's stays as it is.
///
/// # Errors
/// `NOT_FOUND` for a case that is not there or not the reader's; the database's.
pub fn give_back(house: &House, who: Credential, case: CaseId, now_ms: i64) -> Result<(), ServiceError> {
    house.store.write(|tx| {
        seen_case(tx, house, who, case, now_ms)?;
        Ok(leases::end(tx, &house.city, case, who.person).map(drop)?)
    })
}

/// Who is at work on some cases, as one reader sees it.
pub(super) fn seen_by(
    tx: &Tx<'_>,
    house: &House,
    who: Credential,
    cases: impl IntoIterator<Item = CaseId>,
    now_ms: i64,
) -> Result<Vec<LeaseView>, StoreError> {
    let held = leases::load(tx, &house.city, cases, now_ms)?;
    views(tx, house, who.person, held, now_ms)
}

fn views(
    tx: &Tx<'_>,
    house: &House,
    reader: PersonId,
    held: Vec<Lease>,
    now_ms: i64,
) -> Result<Vec<LeaseView>, StoreError> {
    if held.is_empty() {
        return Ok(vec![]);
    }
    let grants = accounts::load_grants(tx, &house.city, reader)?;
    let mut out = Vec::with_capacity(held.len());
    for Lease { case_id, desk, person, until_ms } in held {
        let desk = Desk::from_word(&desk);
        // In the field nobody reads who sits at a desk.
        let sits = desk.seats(&grants, now_ms).any(|g| g.role != Role::Collector);
        let name = match sits || person == reader {
            true => accounts::load_person(tx, &house.city, person)?.map(|p| p.name),
            false => None,
        };
        out.push(LeaseView { case_id, desk, until_ms, own: person == reader, name });
    }
    Ok(out)
}
