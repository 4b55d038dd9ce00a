//! What comes by time, on a house in memory and with a clock of the test's own.

use super::clockwork::run_due;
use super::drawing::{RosterRequest, draws_of, put_roster};
use super::duty::DutyRequest;
use super::ledger::report;
use super::pauses::{PauseRequest, order};
use super::testing::{Mirror, Phone, T0, case, fix, grant, grid, house, person, refusal};
use super::{House, WriteJob, advice, ingest, reference};
use blindspot_core::access::Role;
use blindspot_core::case::{Case, CaseState};
use blindspot_core::check::Shift;
use blindspot_core::command::DrawnFrom;
use blindspot_core::division::Span;
use blindspot_core::duty::ProposedBy;
use blindspot_core::feed::Feed;
use blindspot_core::id::PauseId;
use blindspot_core::projection::near::NearKind;
use blindspot_core::row::RowKind;
use blindspot_core::verdict::Verdict;
use blindspot_store::{ledger, rows};
use serde_json::json;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-06-01 08:00 in UTC+8 is T0: an hour later offices and cleaners are at work.
const NOON: i64 = T0 + 4 * HOUR;

/// People by number: 1 and 2 collect, 3 is the unit, 4 and 5 sit at desks, 6 leads, 7 is the deputy.
struct Town {
    house: House,
    phones: Vec<Phone>,
}

impl Town {
    fn new() -> Self {
        let house = house();
        let phones = (1..=7).map(|n| Phone::enrol(&house, person(n), n)).collect();
        for n in [1, 2] {
            grant(&house, person(n), Role::Collector, "town:330782003");
        }
        grant(&house, person(3), Role::UnitClerk, "dept:sanitation");
        for n in [4, 5] {
            grant(&house, person(n), Role::FilingDesk, "city");
            grant(&house, person(n), Role::Supervisor, "city");
            grant(&house, person(n), Role::Dispatcher, "city");
        }
        grant(&house, person(6), Role::DutyLeader, "city");
        grant(&house, person(7), Role::DeputyHead, "city");
        Self { house, phones }
    }
    fn act(&mut self, who: usize, n: u32, at_ms: i64, kind: &str, payload: &serde_json::Value) -> Verdict {
        self.phones[who - 1].desk(&self.house, at_ms, case(n), kind, payload).verdict
    }
    fn ok(&mut self, who: usize, n: u32, at_ms: i64, kind: &str, payload: &serde_json::Value) {
        assert_eq!(self.act(who, n, at_ms, kind, payload), Verdict::Applied, "{kind}");
    }
    fn dispatched(&mut self, n: u32, at_ms: i64) {
        let report = json!({"position": fix(1), "category": {"item": "3.04"}});
        self.ok(1, n, at_ms, "report", &report);
        self.ok(4, n, at_ms, "file", &json!({}));
        self.ok(4, n, at_ms, "dispatch", &json!({"lead": "sanitation"}));
    }
    fn case(&self, n: u32) -> Case {
        let row = self
            .house
            .store
            .read(|tx| rows::load_row(tx, &self.house.city, &RowKind::Case, &case(n).to_string()));
        serde_json::from_str(&row.unwrap().unwrap().body).unwrap()
    }
    fn tick(&self, now_ms: i64) -> usize {
        let submit = |job: WriteJob| {
            ingest::step(&self.house, vec![job]);
            Ok(())
        };
        run_due(&self.house, "test", &submit, now_ms).unwrap()
    }
}

#[test]
fn silence_is_acceptance_once_and_no_sooner() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    assert_eq!(town.tick(NOON), 0);
    let until_ms = town.case(1).due.unwrap().return_until_ms.unwrap();
    assert_eq!(town.tick(until_ms - 1), 0);
    assert_eq!(town.tick(until_ms), 1);
    assert_eq!(town.case(1).state, CaseState::Accepted);
    assert_eq!(town.tick(until_ms + DAY), 0, "once");
}

#[test]
fn a_case_that_held_is_watched_and_archived() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    town.ok(3, 1, NOON + HOUR, "feed_back", &json!({"text": "清理了"}));
    let back = town.case(1).feed_back.unwrap().op_id;
    town.ok(1, 1, NOON + 2 * HOUR, "verify", &json!({"feed_back": back, "passed": true}));
    assert_eq!(town.tick(NOON + 2 * HOUR), 0);
    assert_eq!(town.tick(NOON + DAY), 1);
    assert_eq!(town.case(1).state, CaseState::Watch);
    assert_eq!(town.tick(NOON + 70 * DAY), 1);
    assert_eq!(town.case(1).state, CaseState::Archived);
}

fn roster(town: &Town, people: &[u8], from_ms: i64) {
    let shift = |n: &u8| Shift {
        person: person(*n),
        grids: vec![grid(1)],
        span: Span { from_ms, to_ms: Some(from_ms + 12 * HOUR) },
        stands_in_for: None,
    };
    let request = RosterRequest { from_ms, to_ms: from_ms + DAY, shifts: people.iter().map(shift).collect() };
    put_roster(&town.house, &request).unwrap();
}

#[test]
fn a_check_is_drawn_from_the_shift_and_drawn_again_when_nobody_opens_it() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    town.ok(3, 1, NOON + HOUR, "feed_back", &json!({}));
    assert_eq!(town.tick(NOON + HOUR), 0, "a city without a roster draws nothing");
    roster(&town, &[1, 2], T0);
    assert_eq!(town.tick(NOON + HOUR), 1);
    let first = town.case(1).drawn.unwrap();
    assert_eq!((first.from.clone(), first.eligible, first.attempt), (DrawnFrom::Grid, 2, 1));
    assert_eq!(town.case(1).state, CaseState::Verifying);
    let drawn = |town: &Town| {
        let rows = town.house.store.read(|tx| {
            rows::load_rows_of_cases(tx, &town.house.city, &std::collections::BTreeSet::from([case(1)]))
        });
        rows.unwrap().iter().any(|r| r.key.kind == RowKind::Person && r.body.contains("\"drawn\""))
    };
    assert!(drawn(&town));
    assert_eq!(town.tick(NOON + HOUR + 29 * 60_000), 0);
    assert_eq!(town.tick(NOON + HOUR + 30 * 60_000), 1, "not opened in thirty minutes");
    let second = town.case(1).drawn.unwrap();
    assert_eq!(second.attempt, 2);
    // Only one of the two is left, and one is no draw: the area's own collector, marked.
    assert_eq!((second.from.clone(), second.eligible), (DrawnFrom::Area, 1));
    let day = draws_of(&town.house, town.phones[3].credential, &second.seed_day, NOON + HOUR).unwrap();
    assert_eq!((day.draws.len(), day.seed.clone()), (2, None), "the seed stays secret for its day");
    let later = draws_of(&town.house, town.phones[3].credential, &second.seed_day, NOON + 2 * DAY).unwrap();
    assert!(later.seed.is_some() && later.commitment == day.commitment);
    assert!(later.draws.iter().all(|d| d.same_again == Some(true)), "{later:?}");
    let worker = town.phones[0].credential;
    assert_eq!(refusal(draws_of(&town.house, worker, &second.seed_day, NOON)), "no_rights");
}

#[test]
fn a_roster_that_does_not_fit_is_refused_whole() {
    let town = Town::new();
    let bad = |person_n: u8, from_ms: i64, to_ms: i64| {
        let shift = Shift {
            person: person(person_n),
            grids: vec![grid(1)],
            span: Span { from_ms, to_ms: Some(to_ms) },
            stands_in_for: None,
        };
        let request = RosterRequest { from_ms: T0, to_ms: T0 + DAY, shifts: vec![shift] };
        refusal(put_roster(&town.house, &request))
    };
    assert_eq!(bad(99, T0, T0 + 1), "bad_request");
    assert_eq!(bad(1, T0 - 1, T0 + 1), "bad_request");
    assert_eq!(bad(1, T0 + 5, T0 + 5), "bad_request");
}

#[test]
fn a_pause_of_the_city_reaches_every_clock_that_runs_over_it() {
    let mut town = Town::new();
    for n in 1..=3 {
        town.dispatched(n, NOON);
    }
    town.ok(3, 3, NOON + 1, "feed_back", &json!({}));
    let before = town.case(1).due.unwrap().due_ms;
    let pause = |to_ms| PauseRequest {
        pause_id: PauseId::from_parts(1, [5; 10]),
        town: None,
        from_ms: NOON + HOUR,
        to_ms,
        reason: "台风".into(),
    };
    let (leader, deputy) = (town.phones[5].credential, town.phones[6].credential);
    assert_eq!(refusal(order(&town.house, leader, &pause(NOON + DAY), NOON)), "no_rights");
    order(&town.house, deputy, &pause(NOON + HOUR + DAY), NOON).unwrap();
    assert_eq!(town.tick(NOON), 2, "the third has fed back");
    assert_eq!(town.case(1).due.unwrap().due_ms, before + DAY);
    assert_eq!(town.tick(NOON), 0, "each once");
    // One that is dispatched while it lasts is touched as well; the end moves for all of them.
    town.dispatched(4, NOON + 2 * HOUR);
    assert_eq!(town.tick(NOON + 2 * HOUR), 1);
    order(&town.house, deputy, &pause(NOON + HOUR), NOON + 2 * HOUR).unwrap();
    assert_eq!(town.tick(NOON + 2 * HOUR), 3);
    assert_eq!(town.case(1).due.unwrap().due_ms, before);
}

fn returned(town: &mut Town, n: u32, at_ms: i64) {
    let ask = json!({"reason": "other_duty", "basis": "清单第7条", "owner": "market"});
    town.ok(3, n, at_ms, "request_return", &ask);
}

#[test]
fn a_precedent_routes_the_next_case_and_the_ledger_tells_who_passes_on() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    returned(&mut town, 1, NOON + HOUR);
    let uphold = json!({"ruling": "uphold", "lead": "market", "text": "归市场", "precedent": true});
    town.ok(6, 1, NOON + 2 * HOUR, "rule_return", &uphold);
    town.dispatched(2, NOON + 3 * HOUR);
    let told = advice::advise(&town.house, town.phones[2].credential, case(2), NOON + 3 * HOUR).unwrap();
    let owner = told.owner.unwrap();
    assert_eq!((owner.lead.as_str(), owner.by), ("market", ProposedBy::Precedent));
    assert_eq!(told.precedents.len(), 1, "the unit sees it before it asks");
    assert!(told.evidence.is_none(), "what evidence is worth is not told to who is judged");
    // It is on every phone that reads reference data.
    let mut mirror = Mirror::default();
    mirror.sync(&town.house, town.phones[2].credential, 100, || {});
    let feeds = mirror.feeds[&Feed::reference()].iter().filter(|k| k.kind == RowKind::Precedent).count();
    assert_eq!(feeds, 1);
    reference::load(&town.house).unwrap();
    assert_eq!(town.house.duty().precedents.len(), 1, "and read again at the next start");
    // A ruling the other way, and the unit asks once more: against it.
    let keep = json!({"ruling": "lead_and_assist", "lead": "sanitation", "text": "牵头", "precedent": true});
    returned(&mut town, 2, NOON + 4 * HOUR);
    town.ok(6, 2, NOON + 5 * HOUR, "rule_return", &keep);
    town.dispatched(3, NOON + 6 * HOUR);
    returned(&mut town, 3, NOON + 7 * HOUR);
    town.ok(6, 3, NOON + 9 * HOUR, "rule_return", &json!({"ruling": "maintain", "text": "维持"}));
    let said = report(&town.house).unwrap();
    let unit = &said.sum.units["sanitation"];
    assert_eq!((said.first_bad, unit.returns, unit.upheld, unit.refused, unit.repeated), (None, 3, 1, 1, 1));
    assert!((unit.refused_hours - 2.0).abs() < 1e-9);
    assert_eq!(said.sum.passed_on["sanitation>market"], 1);
}

#[test]
fn a_row_of_the_ledger_that_was_changed_is_found() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    returned(&mut town, 1, NOON + HOUR);
    town.ok(6, 1, NOON + 2 * HOUR, "rule_return", &json!({"ruling": "maintain", "text": "维持"}));
    let rows = town.house.store.read(|tx| ledger::load_page(tx, &town.house.city, 0, 10)).unwrap();
    let kinds: Vec<bool> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let prev = if i == 0 { blindspot_core::id::Sha256([0; 32]) } else { rows[i - 1].hash };
            row.follows(i64::try_from(i).unwrap() + 1, prev)
        })
        .collect();
    assert_eq!(kinds, [true, true, true]);
    let mut forged = rows[1].clone();
    forged.body = forged.body.replace("other_duty", "other_area");
    assert!(!forged.follows(2, rows[0].hash));
}

#[test]
fn the_matrix_is_imported_and_proposes() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    let line = json!({"rules": [{"id": "7", "code": "3.04", "lead": "parks", "assists": ["urban"]}],
        "holders": [{"id": "h", "unit": "choujiang", "town": "330782003"}]});
    let duty: DutyRequest = serde_json::from_value(line).unwrap();
    let saved = reference::import_duty(&town.house, duty, NOON).unwrap();
    assert_eq!((saved.written, saved.unchanged), (2, 0));
    let told = advice::advise(&town.house, town.phones[3].credential, case(1), NOON).unwrap();
    let owner = told.owner.unwrap();
    assert_eq!((owner.lead.as_str(), owner.by, owner.because.as_str()), ("parks", ProposedBy::Rule, "7"));
    assert_eq!(told.waits, None, "it is a unit's");
    assert!(told.next.is_some() && !told.clock.is_empty());
    let nameless = DutyRequest { rules: vec![], holders: vec![] };
    assert_eq!(reference::import_duty(&town.house, nameless, NOON).unwrap().written, 0);
    let bad: DutyRequest = serde_json::from_value(json!({"rules": [{"id": "8", "lead": " "}]})).unwrap();
    assert_eq!(refusal(reference::import_duty(&town.house, bad, NOON)), "bad_request");
}

#[test]
fn what_lies_near_is_proposed_to_who_may_see_it() {
    let mut town = Town::new();
    town.dispatched(1, NOON);
    town.ok(1, 2, NOON + HOUR, "report", &json!({"position": fix(1), "category": {"item": "3.04"}}));
    let near = |who: usize| {
        let told = advice::advise(&town.house, town.phones[who - 1].credential, case(2), NOON + HOUR);
        told.map(|told| told.near)
    };
    let found = near(4).unwrap();
    assert_eq!((found.len(), found[0].case_id, found[0].kind.clone()), (1, case(1), NearKind::Duplicate));
    assert_eq!(refusal(near(3)), "not_found", "the unit does not read an undispatched report");
}
