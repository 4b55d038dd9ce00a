//! Desk sessions: a password buys an opaque cookie, hashed at rest, 12 hours, 30 minutes idle. Each has a
//! virtual device, so that desk actions are ops like any other. Knows no HTTP.

use crate::auth::{password, secret};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::{LOCKED_OUT, SIGN_IN, WRONG_PASSWORD};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::tokens::Session;
use blindspot_store::{Tx, accounts, audit, devices, tokens};

/// Longest session, milliseconds (12 h).
pub const LIFE_MS: i64 = 12 * 3_600_000;
/// Longest pause, milliseconds (30 min).
pub const IDLE_MS: i64 = 30 * 60_000;
/// Wrong tries before an account is locked.
pub const FAILS_MAX: i64 = 5;
/// First lock, milliseconds (15 min); each further wrong try doubles it, to a day.
pub const LOCK_MS: i64 = 15 * 60_000;
const LOCK_MS_MAX: i64 = 24 * 3_600_000;
/// `seen` is written at most this often, milliseconds.
const SEEN_STEP_MS: i64 = 60_000;
const PURPOSE: &str = "session";

/// A session just made.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The cookie's value.
    pub cookie: String,
    /// The person.
    pub person: PersonId,
    /// The name as shown.
    pub name: String,
    /// When it ends, milliseconds since 1970.
    pub until_ms: i64,
}

/// Signs in.
///
/// # Errors
/// `WRONG_PASSWORD`; `Later(LOCKED_OUT)` after too many of them.
pub fn sign_in(house: &House, login: &str, given: &str, now_ms: i64) -> Result<SignedIn, ServiceError> {
    let login = login.trim();
    let subject = format!("login:{}", login.chars().take(100).collect::<String>());
    let (locked_until, person, hash) = house.store.read(|tx| {
        let (_, locked_until) = accounts::load_failures(tx, &house.city, &subject)?;
        let person = accounts::load_person_by_login(tx, &house.city, login)?.filter(|p| p.active);
        let hash = match &person {
            Some(p) => accounts::load_password_hash(tx, &house.city, p.person_id)?,
            None => None,
        };
        Ok::<_, ServiceError>((locked_until, person, hash))
    })?;
    if locked_until > now_ms {
        return Err(locked(locked_until, now_ms));
    }
    let right = password::matches(given, hash.as_deref());
    let Some(person) = person.filter(|_| right) else {
        let until = house.store.write(|tx| note_failure(tx, house, &subject, now_ms))?;
        return Err(if until > now_ms {
            locked(until, now_ms)
        } else {
            ServiceError::refused(&WRONG_PASSWORD)
        });
    };
    let cookie = secret::random::<32>(house);
    let device = virtual_device(house, person.person_id, now_ms);
    let session = Session {
        person_id: person.person_id,
        device_id: device.device_id,
        created_ms: now_ms,
        seen_ms: now_ms,
        expires_ms: now_ms + LIFE_MS,
    };
    house.store.write(|tx| {
        accounts::clear_failures(tx, &house.city, &subject)?;
        devices::save_device(tx, &house.city, &device)?;
        tokens::save_session(tx, &house.city, secret::hash(PURPOSE, &cookie), &session)?;
        let who = person.person_id.to_string();
        audit::append(tx, &house.city, now_ms, &who, "signed_in", &device.device_id.to_string(), "ok", "{}")?;
        Ok::<_, ServiceError>(())
    })?;
    Ok(SignedIn {
        cookie: secret::to_base64(&cookie),
        person: person.person_id,
        name: person.name,
        until_ms: session.expires_ms,
    })
}

fn locked(until_ms: i64, now_ms: i64) -> ServiceError {
    let seconds = (until_ms - now_ms).div_euclid(1000) + 1;
    ServiceError::Later(&LOCKED_OUT, u32::try_from(seconds).unwrap_or(u32::MAX))
}

fn note_failure(tx: &Tx<'_>, house: &House, subject: &str, now_ms: i64) -> Result<i64, ServiceError> {
    let (fails, _) = accounts::load_failures(tx, &house.city, subject)?;
    let fails = fails + 1;
    let until = if fails >= FAILS_MAX {
        let doubled = LOCK_MS.saturating_mul(1 << (fails - FAILS_MAX).min(16));
        now_ms + doubled.min(LOCK_MS_MAX)
    } else {
        0
    };
    accounts::save_failures(tx, &house.city, subject, fails, until)?;
    // The subject may hold a mistyped password: only its hash is kept.
    let object = secret::to_base64(&secret::hash("login", subject.as_bytes())[..9]);
    let result = if until > now_ms { "locked" } else { "wrong" };
    audit::append(tx, &house.city, now_ms, "system", "sign_in_failed", &object, result, "{}")?;
    Ok(until)
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

/// Who a cookie stands for; notes that the session is in use.
///
/// # Errors
/// `SIGN_IN` when there is no such session, or it is over.
pub fn check(house: &House, cookie: &str, now_ms: i64) -> Result<Credential, ServiceError> {
    let over = || ServiceError::refused(&SIGN_IN);
    let bytes = secret::from_base64(cookie).filter(|b| b.len() == 32).ok_or_else(over)?;
    let hash = secret::hash(PURPOSE, &bytes);
    let found = house.store.read(|tx| {
        let Some(session) = tokens::load_session(tx, &house.city, hash)? else { return Ok(None) };
        let person = accounts::load_person(tx, &house.city, session.person_id)?;
        Ok::<_, ServiceError>(person.filter(|p| p.active).map(|_| session))
    })?;
    let session = found.ok_or_else(over)?;
    if now_ms >= session.expires_ms || now_ms >= session.seen_ms + IDLE_MS {
        return Err(over());
    }
    if now_ms >= session.seen_ms + SEEN_STEP_MS {
        house.store.write(|tx| tokens::save_session_seen(tx, &house.city, hash, now_ms))?;
    }
    Ok(Credential { person: session.person_id, device: session.device_id, desk: true })
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
            tokens::end_session(tx, &house.city, hash)?;
            devices::save_device_state(
                tx,
                &house.city,
                session.device_id,
                DeviceState::Closed,
                Some(now_ms),
            )?;
        }
        Ok::<_, ServiceError>(())
    })
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
