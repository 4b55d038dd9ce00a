//! Pauses of the city's clocks 全市暂停 (field.md U11): ordered by the deputy head, and carried to each clock that runs over
//! them by the clockwork, also to those that begin while it lasts.

use super::clockwork::Ops;
use super::{Credential, House, ServiceError, system};
use blindspot_core::access::{Area, Role};
use blindspot_core::case::Case;
use blindspot_core::command::PauseClock;
use blindspot_core::division::TownCode;
use blindspot_core::error::{BAD_REQUEST, NO_RIGHTS};
use blindspot_core::id::PauseId;
use blindspot_core::limits::TEXT_CHARS_MAX;
use blindspot_store::cases::{self, CaseFilter, Scope};
use blindspot_store::pauses::{self, PauseRecord};
use blindspot_store::{StoreError, Tx, accounts};
use serde::{Deserialize, Serialize};

/// A pause whose end has passed touches clocks no more after this long, milliseconds.
const LATE_MS: i64 = 3_600_000;
/// Most cases of one page.
const PAGE: usize = 500;
/// Most clocks of one look; the rest is found by the next.
const CLOCKS_MAX: usize = 500;

/// A pause to order, or the new end of one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct PauseRequest {
    /// Made by the desk: said again with another end, the end moves.
    pub pause_id: PauseId,
    /// One town; the whole city when nothing is said.
    #[serde(default)]
    pub town: Option<TownCode>,
    /// From when, milliseconds since 1970.
    pub from_ms: i64,
    /// Till when.
    pub to_ms: i64,
    /// Why: typhoon, snow, flood.
    pub reason: String,
}

/// A pause as ordered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PauseView {
    /// Which.
    pub pause_id: PauseId,
    /// One town, or the whole city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub town: Option<TownCode>,
    /// From when.
    pub from_ms: i64,
    /// Till when.
    pub to_ms: i64,
    /// Why.
    pub reason: String,
    /// When it was ordered.
    pub at_ms: i64,
}

/// Orders a pause.
///
/// # Errors
/// `NO_RIGHTS` for all but a deputy head of the area; `BAD_REQUEST` for a pause without a reason or that ends before it
/// begins; the database's.
pub fn order(
    house: &House,
    who: Credential,
    request: &PauseRequest,
    now_ms: i64,
) -> Result<PauseView, ServiceError> {
    let reason = request.reason.trim();
    if reason.is_empty() || reason.chars().count() > TEXT_CHARS_MAX {
        return Err(ServiceError::because(&BAD_REQUEST, "reason: say why, in a few words"));
    }
    if request.to_ms < request.from_ms {
        return Err(ServiceError::because(&BAD_REQUEST, "to_ms: it ends before it begins"));
    }
    let record = PauseRecord {
        pause_id: request.pause_id,
        town: request.town.clone(),
        from_ms: request.from_ms,
        to_ms: request.to_ms,
        reason: reason.to_owned(),
        person: who.person,
        device: who.device,
        at_ms: now_ms,
    };
    house.store.write(|tx| {
        let grants = accounts::load_grants(tx, &house.city, who.person)?;
        let may = grants.iter().any(|g| {
            let over = match (&g.area, &request.town) {
                (Area::City, _) => true,
                (Area::Town(mine), Some(town)) => mine == town,
                _ => false,
            };
            g.role == Role::DeputyHead && g.span.contains(now_ms) && over
        });
        if !may {
            return Err(ServiceError::refused(&NO_RIGHTS));
        }
        pauses::save(tx, &house.city, &record)?;
        let (actor, object) = (who.person.to_string(), record.pause_id.to_string());
        blindspot_store::audit::append(tx, &house.city, now_ms, &actor, "pause", &object, "ok", "{}")?;
        Ok(())
    })?;
    Ok(view(record))
}

fn view(p: PauseRecord) -> PauseView {
    PauseView {
        pause_id: p.pause_id,
        town: p.town,
        from_ms: p.from_ms,
        to_ms: p.to_ms,
        reason: p.reason,
        at_ms: p.at_ms,
    }
}

/// Pauses that are in force or to come, and those of the last month.
///
/// # Errors
/// The database's.
pub fn list(house: &House, now_ms: i64) -> Result<Vec<PauseView>, ServiceError> {
    let since_ms = now_ms - 30 * 86_400_000;
    let all = house.store.read(|tx| pauses::load_since(tx, &house.city, since_ms))?;
    Ok(all.into_iter().map(view).collect())
}

/// Whether any pause may still touch a clock.
pub(super) fn any_in_force(tx: &Tx<'_>, house: &House, now_ms: i64) -> Result<bool, StoreError> {
    Ok(!pauses::load_since(tx, &house.city, now_ms - LATE_MS)?.is_empty())
}

/// Ops for the clocks that a pause has still to touch. Costs a look at every open case of the area; a pause is rare.
pub(super) fn untouched(house: &House, now_ms: i64) -> Result<Ops, ServiceError> {
    house.store.read(|tx| {
        let mut ops = vec![];
        for pause in pauses::load_since(tx, &house.city, now_ms - LATE_MS)? {
            let town = pause.town.as_ref().map(|t| t.as_str().to_owned());
            let filter = CaseFilter { open: Some(true), town, ..CaseFilter::default() };
            let mut before = None;
            loop {
                let page = cases::load_cases(tx, &house.city, &Scope::City, &filter, before, PAGE)?;
                for line in &page {
                    let case: Case = serde_json::from_str(&line.body)?;
                    ops.extend(touch(&case, &pause, now_ms)?);
                }
                before = page.last().map(|line| line.key);
                if page.len() < PAGE || ops.len() >= CLOCKS_MAX {
                    break;
                }
            }
        }
        Ok(ops)
    })
}

/// The op for one clock, when the pause would move it.
fn touch(
    case: &Case,
    pause: &PauseRecord,
    now_ms: i64,
) -> Result<Option<(blindspot_core::CaseId, blindspot_core::wire::v1::DeskOp)>, ServiceError> {
    let Some(mut due) = case.due.clone() else { return Ok(None) };
    if !due.city_pause(pause.pause_id, pause.from_ms, pause.to_ms, &pause.reason, now_ms) {
        return Ok(None);
    }
    let payload = PauseClock {
        pause: pause.pause_id,
        from_ms: pause.from_ms,
        to_ms: pause.to_ms,
        reason: pause.reason.clone(),
    };
    let about = format!("{} {} {} {}", case.case_id, pause.pause_id, pause.to_ms, case.round);
    Ok(Some((case.case_id, system::op("pause_clock", &about, pause.at_ms, &payload)?)))
}
