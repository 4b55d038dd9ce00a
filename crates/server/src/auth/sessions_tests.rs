//! Desk sessions: ends, idleness, lockout.

use super::*;
use crate::service::people::{self, Actor, NewPerson};
use crate::service::testing::{T0, house};

fn with_desk() -> (House, PersonId) {
    let house = house();
    let new = NewPerson { login: "wang".into(), name: "王".into(), password: Some("right password".into()) };
    let person = people::create_person(&house, Actor::Cli, &new, T0).expect("sound");
    (house, person.person_id)
}

fn code<T>(result: Result<T, ServiceError>) -> &'static str {
    match result {
        Err(ServiceError::Refused(text, _) | ServiceError::Later(text, _)) => text.code,
        Err(other) => panic!("another failure: {other}"),
        Ok(_) => "passed",
    }
}

#[test]
fn a_session_ends_by_pause_by_length_and_by_signing_out() {
    let (house, person) = with_desk();
    let signed = sign_in(&house, " wang ", "right password", T0).expect("sound");
    let who = check(&house, &signed.cookie, T0 + 1).expect("sound");
    assert_eq!((who.person, who.desk), (person, true));
    assert_eq!(code(check(&house, &signed.cookie, T0 + IDLE_MS)), SIGN_IN.code);
    // Used every 20 minutes it lives 12 hours and not longer.
    let mut now = T0;
    while now + 20 * 60_000 < T0 + LIFE_MS {
        now += 20 * 60_000;
        check(&house, &signed.cookie, now).expect("sound");
    }
    assert_eq!(code(check(&house, &signed.cookie, T0 + LIFE_MS)), SIGN_IN.code);
    let other = sign_in(&house, "wang", "right password", now).expect("sound");
    sign_out(&house, &other.cookie, now).expect("sound");
    assert_eq!(code(check(&house, &other.cookie, now)), SIGN_IN.code);
    for rubbish in ["", "x", "网格"] {
        assert_eq!(code(check(&house, rubbish, now)), SIGN_IN.code);
    }
}

#[test]
fn five_wrong_tries_lock_and_each_further_one_longer() {
    let (house, _) = with_desk();
    for _ in 0..4 {
        assert_eq!(code(sign_in(&house, "wang", "wrong", T0)), WRONG_PASSWORD.code);
    }
    assert_eq!(code(sign_in(&house, "wang", "wrong", T0)), LOCKED_OUT.code);
    assert_eq!(code(sign_in(&house, "wang", "right password", T0 + LOCK_MS - 1)), LOCKED_OUT.code);
    let again = sign_in(&house, "wang", "wrong", T0 + LOCK_MS);
    assert!(matches!(again, Err(ServiceError::Later(_, 1801))), "twice as long: {again:?}");
    sign_in(&house, "wang", "right password", T0 + 3 * LOCK_MS).expect("sound");
    assert_eq!(code(sign_in(&house, "wang", "wrong", T0 + 3 * LOCK_MS)), WRONG_PASSWORD.code, "forgotten");
    assert_eq!(code(sign_in(&house, "nobody", "right password", T0)), WRONG_PASSWORD.code);
}

#[test]
fn a_new_password_ends_the_sessions_and_a_deactivated_person_is_out() {
    let (house, person) = with_desk();
    let signed = sign_in(&house, "wang", "right password", T0).expect("sound");
    people::set_password(&house, Actor::Cli, person, "another password", T0).expect("sound");
    assert_eq!(code(check(&house, &signed.cookie, T0)), SIGN_IN.code);
    let signed = sign_in(&house, "wang", "another password", T0).expect("sound");
    people::set_active(&house, Actor::Cli, person, false, T0).expect("sound");
    assert_eq!(code(check(&house, &signed.cookie, T0)), SIGN_IN.code);
    assert_eq!(code(sign_in(&house, "wang", "another password", T0)), WRONG_PASSWORD.code);
}
