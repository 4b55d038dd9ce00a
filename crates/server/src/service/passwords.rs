//! Passwords and desk sessions: changing one's own, a reset by an administrator, sessions listed and ended.
//! Every change is audited. Knows no HTTP.

use crate::auth::lockout::{self, Counters};
use crate::auth::{password, secret, sessions};
use crate::service::people::{Actor, existing, note};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::{NO_RIGHTS, NOT_FOUND, WEAK_PASSWORD, WRONG_PASSWORD};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::{Tx, accounts, browsers, tokens};
use serde::{Deserialize, Serialize};

/// What somebody sends to change the own password.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct PasswordChange {
    /// The password until now.
    #[schema(format = Password)]
    pub old: String,
    /// The one from now on.
    #[schema(format = Password)]
    pub new: String,
}

/// A password made by the server, shown once, good for one sign-in in which it must be changed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OneTimePassword {
    /// The person.
    pub person_id: PersonId,
    /// The password.
    pub password: String,
}

/// A desk session as listed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    /// Names it: the id of its virtual device.
    pub session_id: DeviceId,
    /// When it began, milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used, to the minute.
    pub seen_ms: i64,
    /// When it ends in any case.
    pub expires_ms: i64,
    /// What the browser called itself.
    pub label: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Changes the caller's own password; the caller's other sessions end.
///
/// # Errors
/// `WRONG_PASSWORD` for the old one, `Later(LOCKED_OUT)` after too many of those, `WEAK_PASSWORD` for the new one.
pub fn change_own(
    house: &House,
    credential: Credential,
    change: &PasswordChange,
    now_ms: i64,
) -> Result<(), ServiceError> {
    if !credential.desk {
        return Err(ServiceError::because(&NO_RIGHTS, "a phone has no password"));
    }
    let counters = Counters::of_change(credential.person);
    let (person, kept) = house.store.write(|tx| {
        let person = existing(tx, house, credential.person)?;
        counters.begin(tx, house, now_ms)?;
        Ok::<_, ServiceError>((person, accounts::load_password(tx, &house.city, credential.person)?))
    })?;
    if !password::matches(&change.old, kept.as_ref().map(|(hash, _)| hash.as_str())) {
        let wrong = ServiceError::refused(&WRONG_PASSWORD);
        return Err(counters.failed(house, Some(credential.person), wrong, now_ms)?);
    }
    house.store.write(|tx| counters.passed(tx, house))?;
    if change.old == change.new {
        return Err(ServiceError::because(&WEAK_PASSWORD, "和原来的一样 · it is the old one"));
    }
    let hash = password::hash_new(&person.login, &change.new, secret::random(house))?;
    house.store.write(|tx| {
        accounts::save_password(tx, &house.city, credential.person, &hash, false)?;
        sessions::end_all(tx, house, credential.person, Some(credential.device), now_ms)?;
        let object = credential.person.to_string();
        let actor = Actor::Person(credential.person);
        Ok(note(tx, house, actor, ("password_changed", &object, "{}"), now_ms)?)
    })
}

/// Sets a password and ends the person's sessions. One that an administrator has typed in must be changed at the
/// first sign-in; one that comes from the command line is the person's own.
///
/// # Errors
/// `NOT_FOUND`, `WEAK_PASSWORD`; `NO_RIGHTS` for the own one, which asks for the old one.
pub fn set_password(
    house: &House,
    actor: Actor,
    person: PersonId,
    given: &str,
    now_ms: i64,
) -> Result<(), ServiceError> {
    if actor.person() == Some(person) {
        return Err(ServiceError::because(&NO_RIGHTS, "your own: POST /v1/me/password"));
    }
    let login = house.store.read(|tx| existing(tx, house, person))?.login;
    let hash = password::hash_new(&login, given, secret::random(house))?;
    let must_change = actor.person().is_some();
    house.store.write(|tx| {
        save(tx, house, person, (&hash, must_change), now_ms)?;
        Ok(note(tx, house, actor, ("password_set", &person.to_string(), "{}"), now_ms)?)
    })
}

/// Gives a person a new one-time password; all sessions and known browsers of the person end with the old one.
///
/// # Errors
/// `NOT_FOUND`; `NO_RIGHTS` for the own one.
pub fn reset(
    house: &House,
    actor: Actor,
    person: PersonId,
    now_ms: i64,
) -> Result<OneTimePassword, ServiceError> {
    if actor.person() == Some(person) {
        return Err(ServiceError::because(&NO_RIGHTS, "your own: POST /v1/me/password"));
    }
    let code = secret::to_code(&secret::random::<16>(house));
    // Four groups of five letters: 100 bits, and still typed without a mistake.
    let given = code.get(..23).unwrap_or(&code).to_owned();
    let hash = password::hash_new("", &given, secret::random(house))?;
    house.store.write(|tx| {
        existing(tx, house, person)?;
        save(tx, house, person, (&hash, true), now_ms)?;
        note(tx, house, actor, ("password_reset", &person.to_string(), "{}"), now_ms)?;
        Ok::<_, ServiceError>(())
    })?;
    Ok(OneTimePassword { person_id: person, password: given })
}

fn save(
    tx: &Tx<'_>,
    house: &House,
    person: PersonId,
    (hash, must_change): (&str, bool),
    now_ms: i64,
) -> Result<(), ServiceError> {
    accounts::save_password(tx, &house.city, person, hash, must_change)?;
    lockout::forgive(tx, house, person)?;
    browsers::forget(tx, &house.city, person)?;
    sessions::end_all(tx, house, person, None, now_ms)?;
    Ok(())
}

/// The sessions of a person that stand, oldest first.
///
/// # Errors
/// `NOT_FOUND` when there is no such person.
pub fn list_sessions(
    house: &House,
    person: PersonId,
    caller: Credential,
    now_ms: i64,
) -> Result<Vec<SessionView>, ServiceError> {
    let all = house.store.read(|tx| {
        existing(tx, house, person)?;
        Ok::<_, ServiceError>(tokens::load_sessions_of(tx, &house.city, person)?)
    })?;
    let stands = |s: &tokens::Session| now_ms < s.expires_ms && now_ms < s.seen_ms + sessions::IDLE_MS;
    let view = |s: tokens::Session| SessionView {
        session_id: s.device_id,
        created_ms: s.created_ms,
        seen_ms: s.seen_ms,
        expires_ms: s.expires_ms,
        label: s.label,
        current: s.device_id == caller.device,
    };
    Ok(all.into_iter().filter(stands).map(view).collect())
}

/// Ends one session of a person.
///
/// # Errors
/// `NOT_FOUND` when it is not there, or another person's.
pub fn end_session(
    house: &House,
    actor: Actor,
    person: PersonId,
    session: DeviceId,
    now_ms: i64,
) -> Result<(), ServiceError> {
    house.store.write(|tx| {
        if !sessions::end_one(tx, house, person, session, now_ms)? {
            return Err(ServiceError::refused(&NOT_FOUND));
        }
        Ok(note(tx, house, actor, ("session_ended", &session.to_string(), "{}"), now_ms)?)
    })
}

/// Ends all sessions of a person; gives how many there were.
///
/// # Errors
/// `NOT_FOUND` when there is no such person.
pub fn end_sessions(
    house: &House,
    actor: Actor,
    person: PersonId,
    now_ms: i64,
) -> Result<usize, ServiceError> {
    house.store.write(|tx| {
        existing(tx, house, person)?;
        let ended = sessions::end_all(tx, house, person, None, now_ms)?;
        note(tx, house, actor, ("sessions_ended", &person.to_string(), "{}"), now_ms)?;
        Ok(ended)
    })
}
