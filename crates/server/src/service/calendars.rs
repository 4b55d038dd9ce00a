//! Calendars of the city's own 工作日历 (field.md U11): as saved, and which is in force. Knows no HTTP.

use super::people::require;
use super::reference::{self, ImportSummary};
use super::{Credential, House, ServiceError};
use blindspot_core::access::Role;
use blindspot_core::deadline::{CalendarKind, CityCalendar, own_hours};
use serde::{Deserialize, Serialize};

/// Calendars to add, or to put in the place of those with the same id.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
pub struct CalendarsRequest {
    /// The calendars.
    pub calendars: Vec<CityCalendar>,
}

/// What came of it.
#[derive(Debug, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct CalendarsSaved {
    /// Calendars that are new or changed.
    pub written: usize,
    /// Calendars that were there already.
    pub unchanged: usize,
}

/// What clocks begin by now.
#[derive(Debug, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct CalendarInForce {
    /// The trade.
    pub kind: CalendarKind,
    /// The city's calendar; nothing where the built-in one holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
}

/// All that is on record, and what holds.
#[derive(Debug, Serialize, PartialEq, Eq, utoipa::ToSchema)]
pub struct Calendars {
    /// By trade.
    pub in_force: Vec<CalendarInForce>,
    /// The city's own, in order of id.
    pub calendars: Vec<CityCalendar>,
}

/// What is on record.
#[must_use]
pub fn list(house: &House, now_ms: i64) -> Calendars {
    let reference = house.reference();
    let in_force = CalendarKind::KNOWN.iter().map(|kind| {
        let own = own_hours(&reference.calendars, kind, now_ms);
        let name = own.as_ref().map_or_else(|| kind.zh().to_owned(), |own| own.name.clone());
        CalendarInForce { kind: kind.clone(), id: own.map(|own| own.id), name }
    });
    Calendars { in_force: in_force.collect(), calendars: reference.calendars.clone() }
}

/// Saves calendars.
///
/// # Errors
/// `NO_RIGHTS`; `BAD_REQUEST` with what cannot be understood; the database's.
pub fn save(
    house: &House,
    who: Credential,
    request: &CalendarsRequest,
    now_ms: i64,
) -> Result<CalendarsSaved, ServiceError> {
    require(house, who, &[Role::Administrator], now_ms)?;
    let saved = reference::import_calendars(house, &request.calendars, now_ms)?;
    let ImportSummary { written, unchanged, .. } = saved;
    Ok(CalendarsSaved { written, unchanged })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::{Phone, T0, case, grant, house, person, refusal};
    use serde_json::{Value, json};

    fn office(from: &str, off: Value) -> CityCalendar {
        serde_json::from_value(json!({"id": "office-2026", "kind": "office", "name": "义乌机关 2026", "from": from, "days": "working",
            "hours": [["08:30", "12:00"], ["13:30", "17:30"]], "off": off}))
        .unwrap()
    }

    #[test]
    fn a_clock_keeps_the_calendar_with_which_it_began() {
        let house = house();
        let [worker, desk] = [1, 2].map(|n| Phone::enrol(&house, person(n), n));
        grant(&house, person(1), Role::Collector, "town:330782003");
        for role in [Role::FilingDesk, Role::Dispatcher] {
            grant(&house, person(2), role, "city");
        }
        grant(&house, person(3), Role::Administrator, "city");
        let admin = Phone::enrol(&house, person(3), 3);
        let save = |who: &Phone, c: CityCalendar| {
            save(&house, who.credential, &CalendarsRequest { calendars: vec![c] }, T0)
        };
        assert_eq!(refusal(save(&desk, office("2026-01-01", json!([])))), "no_rights");
        assert_eq!(refusal(save(&admin, office("2026-13-01", json!([])))), "bad_request");
        let mut worker = worker;
        let mut due_of = |n: u32| {
            let op = worker.report(n, 1);
            worker.push(&house, T0 + i64::from(n), &[&op]);
            desk.desk(&house, T0 + 10, case(n), "file", &json!({"reason": "valid"}));
            desk.desk(&house, T0 + 20, case(n), "dispatch", &json!({"lead": "sanitation"}));
            crate::service::cases::can_read_case(&house, desk.credential, case(n), T0 + 30).unwrap().unwrap()
        };
        // Three working days from Monday the first of June: the close of Thursday.
        let before = due_of(1).case.due.unwrap();
        assert_eq!(blindspot_core::local::moment(before.due_ms), "2026-06-04 17:30");
        save(&admin, office("2026-01-01", json!([["2026-06-03", "2026-06-04"]]))).unwrap();
        let after = due_of(2).case.due.unwrap();
        assert_eq!(blindspot_core::local::moment(after.due_ms), "2026-06-08 17:30");
        assert!(after.explain()[0].contains("义乌机关 2026"), "{:?}", after.explain());
        let first = crate::service::cases::can_read_case(&house, desk.credential, case(1), T0 + 40);
        assert_eq!(first.unwrap().unwrap().case.due.unwrap(), before, "an end that was told does not move");
        save(&admin, office("2026-01-01", json!([]))).unwrap();
        let second = crate::service::cases::can_read_case(&house, desk.credential, case(2), T0 + 50);
        assert_eq!(second.unwrap().unwrap().case.due.unwrap(), after);
        let told = list(&house, T0);
        let of = |kind: CalendarKind| told.in_force.iter().find(|c| c.kind == kind).unwrap().id.clone();
        assert_eq!((of(CalendarKind::Office), of(CalendarKind::Urgent)), (Some("office-2026".into()), None));
    }
}
