//! The set-up of a new installation: a one-time link makes the first administrator. Knows no HTTP.

use crate::auth::secret;
use crate::service::people::{Actor, NewGrant, NewPerson, create_person, grant};
use crate::service::{House, ServiceError};
use blindspot_core::PersonId;
use blindspot_core::access::{Area, Role};
use blindspot_core::error::{BAD_REQUEST, SETUP_DONE, SETUP_LINK_OLD};
use blindspot_core::id::Sha256;
use blindspot_store::accounts;
use blindspot_store::meta;
use subtle::ConstantTimeEq as _;

/// Hash of the one-time set-up token, while the set-up is to be done.
const SETUP_HASH: &str = "setup_hash";

/// The form's fields.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupRequest {
    /// From the link.
    pub token: String,
    /// The administrator's login.
    pub login: String,
    /// The administrator's name.
    pub name: String,
    /// The administrator's password.
    pub password: String,
}

/// A new set-up token while there is nobody at all; each start replaces the one before.
///
/// # Errors
/// When the database fails.
pub fn open(house: &House) -> Result<Option<String>, ServiceError> {
    let bytes = secret::random::<16>(house);
    let hash = Sha256(secret::hash("setup", &bytes)).to_hex();
    let opened = house.store.write(|tx| {
        if !accounts::load_persons(tx, &house.city)?.is_empty() {
            meta::remove(tx, &house.city, SETUP_HASH)?;
            return Ok::<_, ServiceError>(false);
        }
        meta::save(tx, &house.city, SETUP_HASH, &hash)?;
        Ok(true)
    })?;
    Ok(opened.then(|| secret::to_base64(&bytes)))
}

/// Whether a token is the one that is open.
///
/// # Errors
/// `SETUP_DONE` when there is none any more, `SETUP_LINK_OLD` when it is another one.
pub fn check(house: &House, token: &str) -> Result<(), ServiceError> {
    let kept = house.store.read(|tx| meta::load(tx, &house.city, SETUP_HASH))?;
    let given = secret::from_base64(token).map(|b| Sha256(secret::hash("setup", &b)).to_hex());
    match (kept, given) {
        (Some(kept), Some(given)) if bool::from(kept.as_bytes().ct_eq(given.as_bytes())) => Ok(()),
        (Some(_), _) => Err(ServiceError::refused(&SETUP_LINK_OLD)),
        (None, _) => Err(ServiceError::refused(&SETUP_DONE)),
    }
}

/// Makes the first administrator and closes the set-up.
///
/// # Errors
/// As `check`; `BAD_REQUEST` for a field that will not do (the link stays good).
pub fn run(house: &House, request: &SetupRequest, now_ms: i64) -> Result<PersonId, ServiceError> {
    check(house, &request.token)?;
    if request.password.chars().count() < crate::auth::password::CHARS_MIN {
        return Err(ServiceError::because(&BAD_REQUEST, "password: 8 characters or more"));
    }
    let taken = house.store.write(|tx| meta::remove(tx, &house.city, SETUP_HASH))?;
    if !taken {
        return Err(ServiceError::refused(&SETUP_DONE));
    }
    let new = NewPerson {
        login: request.login.clone(),
        name: request.name.clone(),
        password: Some(request.password.clone()),
    };
    let made = create_person(house, Actor::Setup, &new, now_ms).and_then(|person| {
        let city = NewGrant { role: Role::Administrator, area: Area::City, from_ms: None, to_ms: None };
        grant(house, Actor::Setup, person.person_id, &city, now_ms)?;
        Ok(person.person_id)
    });
    if made.is_err() {
        let bytes = secret::from_base64(&request.token).unwrap_or_default();
        let hash = Sha256(secret::hash("setup", &bytes)).to_hex();
        house.store.write(|tx| meta::save(tx, &house.city, SETUP_HASH, &hash))?;
    }
    made
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
