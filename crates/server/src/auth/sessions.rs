//! Desk sessions: a password buys an opaque cookie, hashed at rest, 12 hours, 30 minutes idle. Each has a
//! virtual device, so that desk actions are ops like any other. Knows no HTTP.

use crate::auth::gate::{Admitted, Gate, Proof};
use crate::auth::lockout::Counters;
use crate::auth::{password, secret};
use crate::service::limits::{self, Class, Key};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::{SIGN_IN, WRONG_PASSWORD};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::accounts::PersonRecord;
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::tokens::Session;
use blindspot_store::{Tx, accounts, audit, browsers, devices, meta, tokens};

/// Longest session, milliseconds (12 h).
pub const LIFE_MS: i64 = 12 * 3_600_000;
/// Longest pause, milliseconds (30 min).
pub const IDLE_MS: i64 = 30 * 60_000;
/// A browser that nobody signs in with is forgotten after this long, milliseconds (400 days).
pub const BROWSER_MS: i64 = 400 * 24 * 3_600_000;
/// `seen` is written at most this often, milliseconds.
const SEEN_STEP_MS: i64 = 60_000;
/// Longest label of a session, characters.
const LABEL_CHARS_MAX: usize = 120;
const PURPOSE: &str = "session";
const BROWSER: &str = "browser";

/// Somebody who wants to sign in.
#[derive(Clone, Copy, Default)]
pub struct SignIn<'a> {
    /// What the person typed.
    pub login: &'a str,
    /// And the password.
    pub password: &'a str,
    /// The cookie of a browser that was let in before.
    pub browser: Option<&'a str>,
    /// What the browser calls itself.
    pub label: &'a str,
}

/// A session just made.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The cookie's value.
    pub cookie: String,
    /// The value of the long-lived cookie by which the browser is known again.
    pub browser: String,
    /// The person.
    pub person: PersonId,
    /// The name as shown.
    pub name: String,
    /// When it ends, milliseconds since 1970.
    pub until_ms: i64,
    /// The password is a one-time one: nothing but changing it is allowed.
    pub must_change: bool,
}

/// What is known of a sign-in before the password is looked at.
struct Found {
    person: Option<PersonRecord>,
    hash: Option<(String, bool)>,
    browser: Option<[u8; 32]>,
    counters: Counters,
}

fn find(tx: &Tx<'_>, house: &House, given: &SignIn<'_>) -> Result<Found, ServiceError> {
    let login = given.login.trim();
    let person = accounts::load_person_by_login(tx, &house.city, login)?.filter(|p| p.active);
    let hash = match &person {
        Some(p) => accounts::load_password(tx, &house.city, p.person_id)?,
        None => None,
    };
    let shown = given.browser.and_then(secret::from_base64).filter(|b| b.len() == 32);
    let shown = shown.map(|b| secret::hash(BROWSER, &b));
    let people = match shown {
        Some(hash) => browsers::load_people(tx, &house.city, hash)?,
        None => vec![],
    };
    // Only a browser that was let in before is known; a made-up cookie is nothing.
    let browser = shown.filter(|_| !people.is_empty());
    let person_id = person.as_ref().map(|p| p.person_id);
    let known_here = person_id.is_some_and(|p| people.contains(&p));
    let counters = Counters::of_sign_in(house, (login, person_id), browser, known_here);
    Ok(Found { person, hash, browser, counters })
}

impl Gate {
    /// Signs in.
    ///
    /// # Errors
    /// `WRONG_PASSWORD`; `Later(LOCKED_OUT)` after too many of them, `Later(TOO_MANY_REQUESTS)` for somebody who
    /// signs in all the time.
    pub fn sign_in(&self, house: &House, given: &SignIn<'_>, now_ms: i64) -> Result<SignedIn, ServiceError> {
        let found = house.store.write(|tx| {
            let found = find(tx, house, given)?;
            found.counters.begin(tx, house, now_ms)?;
            Ok::<_, ServiceError>(found)
        })?;
        let person_id = found.person.as_ref().map(|p| p.person_id);
        let right = password::matches(given.password, found.hash.as_ref().map(|(hash, _)| hash.as_str()));
        let Some(person) = found.person.filter(|_| right) else {
            let wrong = ServiceError::refused(&WRONG_PASSWORD);
            return Err(found.counters.failed(house, person_id, wrong, now_ms)?);
        };
        let again = self.buckets.take(Class::SignIn, &[Key::claimed(&person.person_id.to_string())], now_ms);
        let must_change = found.hash.is_some_and(|(_, must_change)| must_change);
        let cookie = secret::random::<32>(house);
        let fresh_browser = secret::random::<32>(house);
        let device = virtual_device(house, person.person_id, now_ms);
        let session = Session {
            person_id: person.person_id,
            device_id: device.device_id,
            created_ms: now_ms,
            seen_ms: now_ms,
            expires_ms: now_ms + LIFE_MS,
            label: given.label.chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect(),
        };
        let browser_hash = found.browser.unwrap_or_else(|| secret::hash(BROWSER, &fresh_browser));
        house.store.write(|tx| {
            found.counters.passed(tx, house)?;
            if again.is_err() {
                return Ok(());
            }
            devices::save_device(tx, &house.city, &device)?;
            tokens::save_session(tx, &house.city, secret::hash(PURPOSE, &cookie), &session)?;
            browsers::save(tx, &house.city, browser_hash, person.person_id, now_ms)?;
            let (who, object) = (person.person_id.to_string(), device.device_id.to_string());
            audit::append(tx, &house.city, now_ms, &who, "signed_in", &object, "ok", "{}")?;
            Ok::<_, ServiceError>(())
        })?;
        again.map_err(|wait_ms| limits::too_many(house, wait_ms))?;
        let kept = found.browser.and(given.browser).map(str::to_owned);
        Ok(SignedIn {
            cookie: secret::to_base64(&cookie),
            browser: kept.unwrap_or_else(|| secret::to_base64(&fresh_browser)),
            person: person.person_id,
            name: person.name,
            until_ms: session.expires_ms,
            must_change,
        })
    }
}

/// A seat at a desk without a session, for whoever holds the data folder and acts in a person's name: a demo, an import.
///
/// # Errors
/// The database's.
pub fn seat(house: &House, person: PersonId, now_ms: i64) -> Result<Credential, ServiceError> {
    let device = virtual_device(house, person, now_ms);
    house.store.write(|tx| devices::save_device(tx, &house.city, &device))?;
    Ok(Credential { person, device: device.device_id, desk: true })
}

/// The device of a desk session: no key, no tag, closed at sign-out.
fn virtual_device(house: &House, person_id: PersonId, now_ms: i64) -> DeviceRecord {
    DeviceRecord {
        device_id: DeviceId::from_parts(now_ms, house.id_bytes()),
        person_id,
        desk: true,
        key_alg: None,
        public_key: None,
        label: String::new(),
        app: "desk".to_owned(),
        tag_prefix: 0,
        enrolled_ms: now_ms,
        state: DeviceState::Active,
        revoked_ms: None,
        last_seen_ms: None,
        received_through: 0,
    }
}

/// Closes such a seat.
///
/// # Errors
/// When the database fails.
pub fn end_desk(house: &House, desk: Credential, now_ms: i64) -> Result<(), ServiceError> {
    house.store.write(|tx| {
        devices::save_device_state(tx, &house.city, desk.device, DeviceState::Closed, Some(now_ms))?;
        Ok(())
    })
}

fn over() -> ServiceError {
    ServiceError::refused(&SIGN_IN)
}

/// The session of a hash, while it and its person stand, and whether its password must be changed.
fn standing(
    tx: &Tx<'_>,
    house: &House,
    hash: [u8; 32],
    now_ms: i64,
) -> Result<(Session, bool), ServiceError> {
    let session = tokens::load_session(tx, &house.city, hash)?.ok_or_else(over)?;
    let person = accounts::load_person(tx, &house.city, session.person_id)?;
    if !person.is_some_and(|p| p.active)
        || now_ms >= session.expires_ms
        || now_ms >= session.seen_ms + IDLE_MS
    {
        return Err(over());
    }
    let password = accounts::load_password(tx, &house.city, session.person_id)?;
    Ok((session, password.is_some_and(|(_, must_change)| must_change)))
}

/// Who a cookie stands for; notes that the session is in use.
///
/// # Errors
/// `SIGN_IN` when there is no such session, or it is over.
pub fn check(house: &House, cookie: &str, now_ms: i64) -> Result<Admitted, ServiceError> {
    let bytes = secret::from_base64(cookie).filter(|b| b.len() == 32).ok_or_else(over)?;
    let hash = secret::hash(PURPOSE, &bytes);
    let (session, must_change) = house.store.read(|tx| standing(tx, house, hash, now_ms))?;
    if now_ms >= session.seen_ms + SEEN_STEP_MS {
        house.store.write(|tx| tokens::save_session_seen(tx, &house.city, hash, now_ms))?;
    }
    let credential = Credential { person: session.person_id, device: session.device_id, desk: true };
    Ok(Admitted { credential, proof: Proof::Session { hash }, must_change })
}

/// Whether a session still stands; does not count as using it.
///
/// # Errors
/// `SIGN_IN` when not.
pub(crate) fn stands(house: &House, hash: [u8; 32], now_ms: i64) -> Result<(), ServiceError> {
    house.store.read(|tx| standing(tx, house, hash, now_ms)).map(drop)
}

/// Signs out; a cookie that is over already is no error.
///
/// # Errors
/// When the database fails.
pub fn sign_out(house: &House, cookie: &str, now_ms: i64) -> Result<(), ServiceError> {
    let Some(bytes) = secret::from_base64(cookie).filter(|b| b.len() == 32) else { return Ok(()) };
    let hash = secret::hash(PURPOSE, &bytes);
    house.store.write(|tx| {
        if let Some(session) = tokens::load_session(tx, &house.city, hash)? {
            end_one(tx, house, session.person_id, session.device_id, now_ms)?;
        }
        Ok::<_, ServiceError>(())
    })
}

/// Ends a session by its virtual device; says whether it was there.
pub(crate) fn end_one(
    tx: &Tx<'_>,
    house: &House,
    person: PersonId,
    device: DeviceId,
    now_ms: i64,
) -> Result<bool, ServiceError> {
    let ended = tokens::end_session_of_device(tx, &house.city, person, device)?;
    if ended {
        meta::count_up(tx, &house.city, meta::STANDING)?;
        devices::save_device_state(tx, &house.city, device, DeviceState::Closed, Some(now_ms))?;
    }
    Ok(ended)
}

/// Ends all sessions of a person but one.
pub(crate) fn end_all(
    tx: &Tx<'_>,
    house: &House,
    person: PersonId,
    but: Option<DeviceId>,
    now_ms: i64,
) -> Result<usize, ServiceError> {
    let mut ended = 0;
    for session in tokens::load_sessions_of(tx, &house.city, person)? {
        if Some(session.device_id) != but && end_one(tx, house, person, session.device_id, now_ms)? {
            ended += 1;
        }
    }
    Ok(ended)
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
