//! Tickets, their callers, replies and calls back, on a house in memory.

use super::hotline::{
    CallBackRequest, NewTicket, ReplyRequest, Satisfied, TicketView, call_back, caller, forget_caller, list,
    reply, take,
};
use super::testing::{Mirror, Phone, T0, grant, house, person, refusal};
use super::{House, ServiceError, WriteJob, ingest};
use blindspot_core::access::Role;
use blindspot_core::case::CaseState;
use serde_json::json;

const HOUR: i64 = 3_600_000;

/// 1 is the clerk, 2 the desk, 3 collects.
fn desks() -> (House, Vec<Phone>) {
    let house = house();
    let phones: Vec<Phone> = (1..=3).map(|n| Phone::enrol(&house, person(n), n)).collect();
    grant(&house, person(1), Role::HotlineClerk, "city");
    grant(&house, person(2), Role::FilingDesk, "city");
    grant(&house, person(2), Role::Supervisor, "city");
    grant(&house, person(3), Role::Collector, "town:330782003");
    (house, phones)
}
fn ticket(no: &str, phone: &str) -> NewTicket {
    NewTicket {
        ticket_no: no.into(),
        place: "菜场北门".into(),
        words: "垃圾没人收".into(),
        grid: Some(super::testing::grid(1)),
        reply_due_ms: Some(T0 + HOUR),
        caller_name: "张某".into(),
        caller_phone: phone.into(),
        ..NewTicket::default()
    }
}
/// Does something that decides ops inline.
fn with<T>(
    house: &House,
    f: impl FnOnce(&dyn Fn(WriteJob) -> Result<(), ServiceError>) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let submit = |job: WriteJob| {
        ingest::step(house, vec![job]);
        Ok(())
    };
    f(&submit)
}
fn enter(house: &House, clerk: &Phone, new: &NewTicket, at_ms: i64) -> Result<TicketView, ServiceError> {
    with(house, |submit| take(house, clerk.credential, new, submit, at_ms))
}

#[test]
fn a_ticket_is_a_case_that_somebody_looks_at_first_and_phones_see_no_caller() {
    let (house, mut phones) = desks();
    let seen = enter(&house, &phones[0], &ticket("12345-1", "139-0000-0001"), T0).unwrap();
    assert_eq!((seen.state.clone(), seen.nth), (Some(CaseState::Checking), 1));
    assert!(seen.reply_draft.contains("正在核实"));
    // The collector of the grid has it, with place and words.
    let mut mirror = Mirror::default();
    mirror.sync(&house, phones[2].credential, 100, || {});
    let all: String = mirror.rows.values().map(|(_, body)| body.as_str()).collect();
    assert!(all.contains("菜场北门") && all.contains("垃圾没人收"));
    assert!(!all.contains("张某") && !all.contains("139-0000"), "never the caller");
    let case = seen.case_id;
    let found = phones[2].op("checked", Some(case), &json!({"found": true, "text": "属实"}));
    phones[2].push(&house, T0 + 1, &[&found]);
    let now = list(&house, phones[1].credential, None, T0 + 1).unwrap();
    assert_eq!(now[0].state, Some(CaseState::Reported));
}

#[test]
fn a_number_is_entered_once_and_calls_about_a_place_are_counted() {
    let (house, phones) = desks();
    enter(&house, &phones[0], &ticket("1", "139 0000 0001"), T0).unwrap();
    assert_eq!(refusal(enter(&house, &phones[0], &ticket("1", "x"), T0)), "conflict");
    assert_eq!(enter(&house, &phones[0], &ticket("2", "13900000001"), T0 + 1).unwrap().nth, 2);
    assert_eq!(enter(&house, &phones[0], &ticket("3", "13900000002"), T0 + 1).unwrap().nth, 1);
    let elsewhere = NewTicket { place: "桥下".into(), ..ticket("4", "13900000001") };
    assert_eq!(enter(&house, &phones[0], &elsewhere, T0 + 2).unwrap().nth, 1);
    for n in ["5", "6"] {
        assert_eq!(enter(&house, &phones[0], &ticket(n, ""), T0 + 3).unwrap().nth, 1, "no number, no count");
    }
    let empty = NewTicket { words: " ".into(), ..ticket("7", "1") };
    assert_eq!(refusal(enter(&house, &phones[0], &empty, T0)), "bad_request");
    assert_eq!(refusal(enter(&house, &phones[1], &ticket("8", "1"), T0)), "no_rights");
    assert_eq!(refusal(list(&house, phones[2].credential, None, T0)), "no_rights");
    let all = list(&house, phones[0].credential, None, T0 + 9).unwrap();
    let order: Vec<&str> = all.iter().map(|t| t.ticket_no.as_str()).collect();
    assert_eq!(order, ["6", "5", "4", "3", "2", "1"]);
    let rest = list(&house, phones[0].credential, Some((T0 + 2, "4".into())), T0 + 9).unwrap();
    assert_eq!(rest.len(), 3);
}

#[test]
fn who_called_is_for_clerks_and_each_reading_is_on_record() {
    let (house, phones) = desks();
    enter(&house, &phones[0], &ticket("1", "13900000001"), T0).unwrap();
    assert_eq!(refusal(caller(&house, phones[1].credential, "1", T0)), "no_rights");
    let known = caller(&house, phones[0].credential, "1", T0).unwrap();
    assert_eq!((known.name.as_str(), known.phone.as_str()), ("张某", "13900000001"));
    assert_eq!(refusal(forget_caller(&house, phones[0].credential, "1", T0)), "no_rights");
    forget_caller(&house, phones[1].credential, "1", T0).unwrap();
    assert_eq!(refusal(caller(&house, phones[0].credential, "1", T0)), "not_found");
    let kept = house.store.read(|tx| blindspot_store::audit::load_page(tx, &house.city, i64::MAX, 10));
    let actions: Vec<String> = kept.unwrap().into_iter().map(|row| row.act.action).collect();
    assert!(actions.contains(&"view_caller".into()) && actions.contains(&"forget_caller".into()));
}

#[test]
fn a_caller_who_is_not_satisfied_opens_it_once_more() {
    let (house, phones) = desks();
    let clerk = phones[0].credential;
    let first = enter(&house, &phones[0], &ticket("1", "13900000001"), T0).unwrap();
    let say = |satisfied, at_ms| {
        let request = CallBackRequest { satisfied };
        with(&house, |submit| call_back(&house, clerk, "1", &request, submit, at_ms))
    };
    assert_eq!(refusal(say(Satisfied::Fair, T0 + 1)), "conflict");
    let late = list(&house, clerk, None, T0 + 2 * HOUR).unwrap();
    assert!(late[0].late);
    let replied = reply(&house, clerk, "1", &ReplyRequest { text: None }, T0 + 2 * HOUR).unwrap();
    assert!(replied.reply.unwrap().contains("正在核实") && !replied.late);
    let again = say(Satisfied::Unsatisfied, T0 + 3 * HOUR).unwrap();
    assert!(again.reopened && again.case_id != first.case_id);
    assert_eq!(again.state, Some(CaseState::Checking));
    let once = say(Satisfied::Unsatisfied, T0 + 4 * HOUR).unwrap();
    assert_eq!(once.case_id, again.case_id, "once");
    assert_eq!(once.satisfied.as_deref(), Some("unsatisfied"));
}
