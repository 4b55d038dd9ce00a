//! Refresh token families, proof nonces and desk sessions, all by hash. Knows no token's text.

use crate::{Result, Row, Stmt, StoreError, Tx};
use blindspot_core::id::CityId;
use blindspot_core::{DeviceId, PersonId};

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/tokens.sql"), $key);)+
    };
}
statements! {
    FAMILY_LOAD = "family_load";
    FAMILY_SAVE = "family_save";
    FAMILY_ROTATE = "family_rotate";
    FAMILY_FOUND_AGAIN = "family_found_again";
    FAMILY_USED = "family_used";
    FAMILY_REVOKE = "family_revoke";
    FAMILIES_REVOKE_DEVICE = "families_revoke_device";
    NONCE_SAVE = "nonce_save";
    NONCE_SWEEP = "nonce_sweep";
    SESSION_LOAD = "session_load";
    SESSION_SAVE = "session_save";
    SESSION_SEEN = "session_seen";
    SESSION_END = "session_end";
    SESSIONS_OF = "sessions_of";
    SESSION_END_DEVICE = "session_end_device";
    SESSION_SWEEP = "session_sweep";
}

/// A family of refresh tokens: what one enrolment was given, turn after turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its id.
    pub family_id: [u8; 16],
    /// The enrolment.
    pub device_id: DeviceId,
    /// Hash of the token in force.
    pub current: [u8; 32],
    /// Hash of the one before it.
    pub previous: Option<[u8; 32]>,
    /// Counts rotations, from 1.
    pub generation: i64,
    /// When the current one was first used.
    pub used_ms: Option<i64>,
    /// When the current one was made.
    pub rotated_ms: i64,
    /// When the family was revoked.
    pub revoked_ms: Option<i64>,
}

/// A family by id.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn load_family(tx: &Tx<'_>, city: &CityId, family: [u8; 16]) -> Result<Option<Family>> {
    let row = tx.query_one(&FAMILY_LOAD, &[city.as_str().into(), family.into()])?;
    row.map(|r| {
        Ok::<_, StoreError>(Family {
            family_id: r.id(0)?,
            device_id: DeviceId::from_bytes(r.id(1)?),
            current: r.hash(2)?,
            previous: if r.is_null(3)? { None } else { Some(r.hash(3)?) },
            generation: r.int(4)?,
            used_ms: r.opt_int(5)?,
            rotated_ms: r.int(6)?,
            revoked_ms: r.opt_int(7)?,
        })
    })
    .transpose()
}

/// Adds a family with its first token; generation 1.
///
/// # Errors
/// When the engine refuses.
pub fn save_family(
    tx: &Tx<'_>,
    city: &CityId,
    family: [u8; 16],
    device: DeviceId,
    current: [u8; 32],
    now_ms: i64,
) -> Result<()> {
    let params = [city.as_str().into(), family.into(), device.into(), current.into(), now_ms.into()];
    tx.exec(&FAMILY_SAVE, &params).map(drop)
}

/// Puts a new token in force; the generation goes up by one.
///
/// # Errors
/// When the engine refuses.
pub fn rotate_family(
    tx: &Tx<'_>,
    city: &CityId,
    family: [u8; 16],
    current: [u8; 32],
    previous: [u8; 32],
    now_ms: i64,
) -> Result<()> {
    let params = [city.as_str().into(), family.into(), current.into(), previous.into(), now_ms.into()];
    tx.exec(&FAMILY_ROTATE, &params).map(drop)
}

/// As `rotate_family`, for a token of a past that was lost: the generation that follows is none that was ever given in
/// that past, so that an access token of then says nothing of what is given now.
///
/// # Errors
/// When the engine refuses.
pub fn resume_family(
    tx: &Tx<'_>,
    city: &CityId,
    family: [u8; 16],
    (current, previous): ([u8; 32], [u8; 32]),
    generation: i64,
    now_ms: i64,
) -> Result<()> {
    let (city, family) = (city.as_str().into(), family.into());
    let params = [city, family, current.into(), previous.into(), now_ms.into(), generation.into()];
    tx.exec(&FAMILY_FOUND_AGAIN, &params).map(drop)
}

/// Notes that the token of a generation was used; a later generation is left alone.
///
/// # Errors
/// When the engine refuses.
pub fn save_family_used(
    tx: &Tx<'_>,
    city: &CityId,
    family: [u8; 16],
    generation: i64,
    now_ms: i64,
) -> Result<()> {
    tx.exec(&FAMILY_USED, &[city.as_str().into(), family.into(), generation.into(), now_ms.into()]).map(drop)
}

/// Revokes a family.
///
/// # Errors
/// When the engine refuses.
pub fn revoke_family(tx: &Tx<'_>, city: &CityId, family: [u8; 16], now_ms: i64) -> Result<()> {
    tx.exec(&FAMILY_REVOKE, &[city.as_str().into(), family.into(), now_ms.into()]).map(drop)
}

/// Revokes all families of a device.
///
/// # Errors
/// When the engine refuses.
pub fn revoke_families_of(tx: &Tx<'_>, city: &CityId, device: DeviceId, now_ms: i64) -> Result<()> {
    tx.exec(&FAMILIES_REVOKE_DEVICE, &[city.as_str().into(), device.into(), now_ms.into()]).map(drop)
}

/// Keeps a proof's nonce; says whether it is new.
///
/// # Errors
/// When the engine refuses.
pub fn append_nonce(
    tx: &Tx<'_>,
    city: &CityId,
    device: DeviceId,
    nonce: [u8; 32],
    now_ms: i64,
) -> Result<bool> {
    Ok(tx.exec(&NONCE_SAVE, &[city.as_str().into(), device.into(), nonce.into(), now_ms.into()])? > 0)
}

/// Forgets nonces older than a time.
///
/// # Errors
/// When the engine refuses.
pub fn sweep_nonces(tx: &Tx<'_>, city: &CityId, device: DeviceId, before_ms: i64) -> Result<()> {
    tx.exec(&NONCE_SWEEP, &[city.as_str().into(), device.into(), before_ms.into()]).map(drop)
}

/// A desk session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The person.
    pub person_id: PersonId,
    /// Its virtual device.
    pub device_id: DeviceId,
    /// Sign-in, milliseconds since 1970.
    pub created_ms: i64,
    /// Last seen.
    pub seen_ms: i64,
    /// When it ends in any case.
    pub expires_ms: i64,
    /// What the browser called itself.
    pub label: String,
}

fn session_of(r: &Row) -> Result<Session> {
    Ok(Session {
        person_id: PersonId::from_bytes(r.id(0)?),
        device_id: DeviceId::from_bytes(r.id(1)?),
        created_ms: r.int(2)?,
        seen_ms: r.int(3)?,
        expires_ms: r.int(4)?,
        label: r.text(5)?.to_owned(),
    })
}

/// A session by the hash of its cookie.
///
/// # Errors
/// When the engine refuses.
pub fn load_session(tx: &Tx<'_>, city: &CityId, hash: [u8; 32]) -> Result<Option<Session>> {
    tx.query_one(&SESSION_LOAD, &[city.as_str().into(), hash.into()])?.map(|r| session_of(&r)).transpose()
}

/// The sessions of a person, oldest first; some may be over.
///
/// # Errors
/// When the engine refuses.
pub fn load_sessions_of(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<Vec<Session>> {
    tx.query(&SESSIONS_OF, &[city.as_str().into(), person.into()])?.iter().map(session_of).collect()
}

/// Adds a session.
///
/// # Errors
/// When the engine refuses.
pub fn save_session(tx: &Tx<'_>, city: &CityId, hash: [u8; 32], session: &Session) -> Result<()> {
    let params = [
        city.as_str().into(),
        hash.into(),
        session.person_id.into(),
        session.device_id.into(),
        session.created_ms.into(),
        session.expires_ms.into(),
        (&session.label).into(),
    ];
    tx.exec(&SESSION_SAVE, &params).map(drop)
}

/// Notes that a session was used.
///
/// # Errors
/// When the engine refuses.
pub fn save_session_seen(tx: &Tx<'_>, city: &CityId, hash: [u8; 32], now_ms: i64) -> Result<()> {
    tx.exec(&SESSION_SEEN, &[city.as_str().into(), hash.into(), now_ms.into()]).map(drop)
}

/// Ends a session.
///
/// # Errors
/// When the engine refuses.
pub fn end_session(tx: &Tx<'_>, city: &CityId, hash: [u8; 32]) -> Result<()> {
    tx.exec(&SESSION_END, &[city.as_str().into(), hash.into()]).map(drop)
}

/// Ends a person's session by its virtual device; says whether it was there.
///
/// # Errors
/// When the engine refuses.
pub fn end_session_of_device(tx: &Tx<'_>, city: &CityId, person: PersonId, device: DeviceId) -> Result<bool> {
    Ok(tx.exec(&SESSION_END_DEVICE, &[city.as_str().into(), person.into(), device.into()])? > 0)
}

/// Removes sessions past their end, or idle since before a time.
///
/// # Errors
/// When the engine refuses.
pub fn sweep_sessions(tx: &Tx<'_>, city: &CityId, now_ms: i64, idle_before_ms: i64) -> Result<usize> {
    tx.exec(&SESSION_SWEEP, &[city.as_str().into(), now_ms.into(), idle_before_ms.into()])
}
