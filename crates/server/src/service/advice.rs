//! What a desk or a unit is told of a case before it decides: what it waits for, whose it may be and what was ruled on like
//! ones, what lies near it, what its evidence is worth. Advice decides nothing.

use super::case_files::shown_from_elsewhere;
use super::cases::{CaseSeen, seen_case};
use super::{Credential, House, ServiceError};
use blindspot_core::CaseId;
use blindspot_core::access::Role;
use blindspot_core::apply::next_lapse;
use blindspot_core::case::{Case, CaseFile, PhotoRow};
use blindspot_core::check::{Graded, Seen, grade};
use blindspot_core::command::{LapseKind, PhotoRole};
use blindspot_core::deadline::DeskWait;
use blindspot_core::duty::{OfCase, Precedent, Proposal};
use blindspot_core::geo::{Bbox, Point, metres_per_degree};
use blindspot_core::projection::near::{Near, near};
use blindspot_store::{StoreError, Tx, cases};
use serde::Serialize;
use std::collections::BTreeSet;

/// Half the side of the box in which cases are looked for, metres; core judges how near is near.
const REACH_M: f64 = 120.0;
/// Most cases that are looked at.
const LOOKED_AT: i64 = 200;

/// What is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Advice {
    /// What it waits for at a desk or with a collector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<DeskWait>,
    /// What happens by itself next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStep>,
    /// The clock in words, line by line.
    pub clock: Vec<String>,
    /// Whose it may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Proposal>,
    /// Rulings on like cases: to be read before asking to return it.
    pub precedents: Vec<Precedent>,
    /// What lies near it, as far as the reader may see it.
    pub near: Vec<Near>,
    /// What the photos of the feedback are worth; for those who check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Graded>,
}

/// What happens by itself, and when.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NextStep {
    /// What.
    pub what: LapseKind,
    /// When, server time.
    pub due_ms: i64,
}

/// What there is to say of a case.
///
/// # Errors
/// `NOT_FOUND` for one that is not there or not the reader's; the database's.
pub fn advise(house: &House, who: Credential, case: CaseId, now_ms: i64) -> Result<Advice, ServiceError> {
    let reference = house.reference();
    let catalogue = reference.catalogue.as_ref();
    house.store.read(|tx| {
        let CaseSeen { file, scope, roles } = seen_case(tx, house, who, case, now_ms)?;
        let around = around(tx, house, &file.case)?;
        let around: Vec<&Case> = around
            .iter()
            .filter(|other| !CaseFile::new((*other).clone()).feeds().is_disjoint(&scope))
            .collect();
        let of_case = OfCase::read(&file.case, &reference.places, catalogue, now_ms);
        let asked = of_case.asked(now_ms);
        let duty = house.duty();
        let judges = roles.iter().any(|role| {
            matches!(role, Role::Supervisor | Role::Inspector | Role::FilingDesk | Role::Collector)
        });
        Ok(Advice {
            waits: file.case.waits(),
            next: next_lapse(&file.case).map(|(what, due_ms)| NextStep { what, due_ms }),
            clock: file.case.due.as_ref().map(|due| due.explain()).unwrap_or_default(),
            owner: duty.owner(&asked, catalogue),
            precedents: duty.precedents(&asked).into_iter().take(5).cloned().collect(),
            near: near(&file.case, around, catalogue),
            evidence: if judges { evidence(tx, house, &file)? } else { None },
        })
    })
}

/// Cases of the city in a box around a case.
fn around(tx: &Tx<'_>, house: &House, case: &Case) -> Result<Vec<Case>, StoreError> {
    let Some(Point { lat, lon }) = case.place.point else { return Ok(vec![]) };
    let north = REACH_M / metres_per_degree();
    let east = north / lat.to_radians().cos().max(0.01);
    let within = Bbox { west: lon - east, south: lat - north, east: lon + east, north: lat + north };
    let found = cases::load_near(tx, &house.city, &within, LOOKED_AT)?;
    found.iter().map(|body| Ok(serde_json::from_str(body)?)).collect()
}

/// The grade of the photos of the feedback that stands.
fn evidence(tx: &Tx<'_>, house: &House, file: &CaseFile) -> Result<Option<Graded>, StoreError> {
    let Some(back) = &file.case.feed_back else { return Ok(None) };
    let of_feedback = |p: &&PhotoRow| {
        p.awaited() && (back.photos.contains(&p.photo_id) || p.for_op == Some(back.op_id))
            || (p.role == PhotoRole::After && p.awaited() && back.photos.is_empty())
    };
    let elsewhere = shown_from_elsewhere(tx, house, [file])?.remove(&file.id()).unwrap_or_default();
    let named = |p: &&PhotoRow| p.awaited() && back.photos.contains(&p.photo_id);
    let photos: Vec<&PhotoRow> =
        file.photos.values().filter(of_feedback).chain(elsewhere.iter().filter(named)).collect();
    let ids: BTreeSet<_> = photos.iter().map(|p| p.photo_id).collect();
    let twins = super::twins::of_photos(tx, house, &ids)?;
    let seen: Vec<Seen<'_>> = photos
        .iter()
        .map(|photo| {
            let twin = twins.get(&photo.photo_id);
            Seen {
                photo,
                same_bytes: twin.and_then(|t| t.same_bytes),
                looks_alike: twin.and_then(|t| t.looks_alike),
            }
        })
        .collect();
    Ok(Some(grade(&seen, file.case.place.point, None, file.case.dispatched_ms, back.by_link.is_some())))
}
