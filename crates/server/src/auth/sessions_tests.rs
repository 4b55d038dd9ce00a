//! Desk sessions: ends, idleness, lock-out, known browsers, one-time passwords.

use super::*;
use crate::auth::lockout::LOCK_MS;
use crate::service::passwords::{self, PasswordChange};
use crate::service::people::{self, Actor, NewPerson};
use crate::service::testing::{T0, house};
use blindspot_core::error::{LOCKED_OUT, NO_RIGHTS, TOO_MANY_REQUESTS, WEAK_PASSWORD};

fn sign_in(house: &House, login: &str, password: &str, now_ms: i64) -> Result<SignedIn, ServiceError> {
    sign_in_with(house, login, password, None, now_ms)
}

fn sign_in_with(
    house: &House,
    login: &str,
    password: &str,
    browser: Option<&str>,
    now_ms: i64,
) -> Result<SignedIn, ServiceError> {
    Gate::new(house).sign_in(house, &SignIn { login, password, browser, label: "tests" }, now_ms)
}

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
    let who = check(&house, &signed.cookie, T0 + 1).expect("sound").credential;
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
    passwords::set_password(&house, Actor::Cli, person, "another password", T0).expect("sound");
    assert_eq!(code(check(&house, &signed.cookie, T0)), SIGN_IN.code);
    let signed = sign_in(&house, "wang", "another password", T0).expect("sound");
    people::set_active(&house, Actor::Cli, person, false, T0).expect("sound");
    assert_eq!(code(check(&house, &signed.cookie, T0)), SIGN_IN.code);
    assert_eq!(code(sign_in(&house, "wang", "another password", T0)), WRONG_PASSWORD.code);
}

#[test]
fn ten_thousand_guesses_at_one_account_are_a_few_tries_and_the_owner_gets_in() {
    let (house, _) = with_desk();
    let mine = sign_in(&house, "wang", "right password", T0).expect("sound").browser;
    let (gate, mut now) = (Gate::new(&house), T0);
    let mut looked_at = 0;
    for n in 0..10_000 {
        // A guess every ten seconds for a day, of which none is the right one.
        now += 10_000;
        let password = format!("guess {n}");
        let guess = SignIn { login: "wang", password: &password, ..SignIn::default() };
        // A try that was looked at says so in the audit log; while locked nothing is looked at.
        assert!(matches!(
            gate.sign_in(&house, &guess, now),
            Err(ServiceError::Refused(..) | ServiceError::Later(..))
        ));
        if n % 1_000 == 0 {
            sign_in_with(&house, "wang", "right password", Some(&mine), now).expect("a browser used before");
        }
    }
    let log = house.store.read(|tx| audit::load_page(tx, &house.city, i64::MAX, 500)).expect("sound");
    looked_at += log.iter().filter(|row| row.act.action == "sign_in_failed").count();
    assert!((5..=100).contains(&looked_at), "{looked_at} of 10,000 guesses were looked at");
    assert_eq!(
        code(sign_in(&house, "wang", "right password", now)),
        LOCKED_OUT.code,
        "as a stranger would be"
    );
}

#[test]
fn a_browser_has_its_own_counter_and_a_made_up_one_is_nothing() {
    let (house, _) = with_desk();
    let new = NewPerson { login: "li".into(), name: "李".into(), password: Some("other password".into()) };
    people::create_person(&house, Actor::Cli, &new, T0).expect("sound");
    let mine = sign_in(&house, "wang", "right password", T0).expect("sound").browser;
    for _ in 0..5 {
        let _ = sign_in_with(&house, "wang", "wrong", Some(&mine), T0);
    }
    let wangs = |now| sign_in_with(&house, "wang", "right password", Some(&mine), now);
    assert_eq!(code(wangs(T0)), LOCKED_OUT.code, "this browser");
    assert_eq!(code(sign_in_with(&house, "li", "other password", Some(&mine), T0)), LOCKED_OUT.code);
    assert!(sign_in(&house, "wang", "right password", T0).is_ok(), "but not the account elsewhere");
    assert_eq!(wangs(T0 + LOCK_MS).expect("sound").browser, mine, "the cookie stays");
    // A cookie that was never given out counts against the account, as none would.
    let made_up = secret::to_base64(&[7; 32]);
    for _ in 0..5 {
        let _ = sign_in_with(&house, "li", "wrong", Some(&made_up), T0);
    }
    assert_eq!(code(sign_in(&house, "li", "other password", T0)), LOCKED_OUT.code);
    assert_eq!(code(sign_in(&house, "nobody", "x", T0)), WRONG_PASSWORD.code);
}

#[test]
fn the_own_password_is_changed_by_who_knows_it_and_the_other_sessions_end() {
    let (house, person) = with_desk();
    let (one, two) = (
        sign_in(&house, "wang", "right password", T0).expect("sound"),
        sign_in(&house, "wang", "right password", T0).expect("sound"),
    );
    let who = check(&house, &one.cookie, T0).expect("sound").credential;
    let change = |old: &str, new: &str| PasswordChange { old: old.into(), new: new.into() };
    let changed = |c| passwords::change_own(&house, who, &c, T0);
    assert_eq!(code(changed(change("wrong", "a new password"))), WRONG_PASSWORD.code);
    assert_eq!(code(changed(change("right password", "wangwang"))), WEAK_PASSWORD.code);
    assert_eq!(code(changed(change("right password", "right password"))), WEAK_PASSWORD.code);
    changed(change("right password", "a new password")).expect("sound");
    assert!(check(&house, &one.cookie, T0).is_ok());
    assert_eq!(code(check(&house, &two.cookie, T0)), SIGN_IN.code);
    assert_eq!(code(sign_in(&house, "wang", "right password", T0)), WRONG_PASSWORD.code);
    for _ in 0..4 {
        assert_eq!(code(changed(change("wrong", "another new one"))), WRONG_PASSWORD.code);
    }
    assert_eq!(
        code(changed(change("wrong", "another new one"))),
        LOCKED_OUT.code,
        "a stolen session cannot guess"
    );
    assert_eq!(
        code(passwords::set_password(&house, Actor::Person(person), person, "without asking", T0)),
        NO_RIGHTS.code
    );
}

#[test]
fn a_reset_gives_a_password_for_one_sign_in() {
    let (house, person) = with_desk();
    let before = sign_in(&house, "wang", "right password", T0).expect("sound");
    let once = passwords::reset(&house, Actor::Cli, person, T0).expect("sound").password;
    assert_eq!(once.len(), 23, "{once}");
    assert_eq!(code(check(&house, &before.cookie, T0)), SIGN_IN.code);
    assert_eq!(code(sign_in(&house, "wang", "right password", T0)), WRONG_PASSWORD.code);
    let signed = sign_in(&house, "wang", &once, T0).expect("sound");
    let admitted = check(&house, &signed.cookie, T0).expect("sound");
    assert!(signed.must_change && admitted.must_change);
    let change = PasswordChange { old: once, new: "a password of my own".into() };
    passwords::change_own(&house, admitted.credential, &change, T0).expect("sound");
    assert!(!check(&house, &signed.cookie, T0).expect("sound").must_change);
}

#[test]
fn sessions_are_listed_and_ended_one_by_one() {
    let (house, person) = with_desk();
    let (one, two) = (
        sign_in(&house, "wang", "right password", T0).expect("sound"),
        sign_in(&house, "wang", "right password", T0 + 1).expect("sound"),
    );
    let who = check(&house, &one.cookie, T0 + 2).expect("sound").credential;
    let list = |now| passwords::list_sessions(&house, person, who, now).expect("sound");
    let shown = list(T0 + 2);
    assert_eq!((shown.len(), shown[0].current, shown[1].current), (2, true, false));
    assert_eq!(shown[0].label, "tests");
    let stranger = PersonId::from_parts(T0, [1; 10]);
    let end = |of, session| passwords::end_session(&house, Actor::Cli, of, session, T0 + 2);
    assert!(end(stranger, shown[1].session_id).is_err(), "only the person's own");
    end(person, shown[1].session_id).expect("sound");
    assert_eq!(code(check(&house, &two.cookie, T0 + 2)), SIGN_IN.code);
    assert_eq!(list(T0 + 2).len(), 1);
    assert!(list(T0 + IDLE_MS + 10).is_empty(), "one that is over is not shown");
    assert_eq!(passwords::end_sessions(&house, Actor::Cli, person, T0 + 3).expect("sound"), 1);
}

#[test]
fn somebody_who_signs_in_all_the_time_is_slowed_down() {
    let (house, _) = with_desk();
    let gate = Gate::new(&house);
    let given = SignIn { login: "wang", password: "right password", ..SignIn::default() };
    let refused = (0..40).find_map(|_| gate.sign_in(&house, &given, T0).err());
    assert!(matches!(refused, Some(ServiceError::Later(text, _)) if text.code == TOO_MANY_REQUESTS.code));
}
