//! The gate: turns a bearer token or a session cookie into a credential, or says why not.
//!
//! Holds the only state of auth outside the database: a cache of verified tokens. Knows no HTTP.

use crate::auth::sessions;
use crate::auth::token::{AccessTokens, Claims, TokenFault};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::{DEVICE_REVOKED, ENROL_AGAIN, TOKEN_EXPIRED, TOKEN_INVALID};
use blindspot_core::id::Sha256;
use blindspot_store::devices::DeviceState;
use blindspot_store::{accounts, devices, tokens};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most verified tokens remembered.
const CACHE_MAX: usize = 10_000;

/// See the module text.
pub struct Gate {
    pub(crate) tokens: AccessTokens,
    verified: Mutex<BTreeMap<Sha256, Claims>>,
}

impl Gate {
    /// For a house.
    #[must_use]
    pub fn new(house: &House) -> Self {
        Self { tokens: AccessTokens::new(&house.keys, &house.city), verified: Mutex::default() }
    }

    /// Who a bearer token stands for. Signature and claims are checked once per token; how the device,
    /// its token family and its person stand is read each time, so that a revocation holds at once.
    ///
    /// # Errors
    /// `TOKEN_EXPIRED`, `TOKEN_INVALID`, `DEVICE_REVOKED`, `ENROL_AGAIN`.
    pub fn check_bearer(&self, house: &House, token: &str, now_ms: i64) -> Result<Credential, ServiceError> {
        let claims = self.claims(token, now_ms).map_err(|fault| match fault {
            TokenFault::Expired => ServiceError::refused(&TOKEN_EXPIRED),
            TokenFault::Invalid => ServiceError::refused(&TOKEN_INVALID),
        })?;
        let family_id = claims.family().ok_or(ServiceError::Refused(&TOKEN_INVALID, None))?;
        let (device, person, family) = house.store.read(|tx| {
            Ok::<_, ServiceError>((
                devices::load_device(tx, &house.city, claims.sub)?,
                accounts::load_person(tx, &house.city, claims.person)?,
                tokens::load_family(tx, &house.city, family_id)?,
            ))
        })?;
        let (Some(device), Some(person), Some(family)) = (device, person, family) else {
            return Err(ServiceError::refused(&TOKEN_INVALID));
        };
        if device.person_id != claims.person || family.device_id != claims.sub {
            return Err(ServiceError::refused(&TOKEN_INVALID));
        }
        if !person.active || matches!(device.state, DeviceState::Revoked | DeviceState::Closed) {
            return Err(ServiceError::refused(&DEVICE_REVOKED));
        }
        if family.revoked_ms.is_some() {
            return Err(ServiceError::refused(&ENROL_AGAIN));
        }
        if family.used_ms.is_none() && family.generation == claims.generation {
            // The refresh token that came with it has arrived for certain: its predecessor is done.
            house.store.write(|tx| {
                tokens::save_family_used(tx, &house.city, family_id, claims.generation, now_ms)
            })?;
        }
        Ok(Credential { person: claims.person, device: claims.sub, desk: false })
    }

    /// Who a session cookie stands for.
    ///
    /// # Errors
    /// `SIGN_IN` when there is no such session or it has ended.
    pub fn check_session(
        &self,
        house: &House,
        cookie: &str,
        now_ms: i64,
    ) -> Result<Credential, ServiceError> {
        sessions::check(house, cookie, now_ms)
    }

    fn claims(&self, token: &str, now_ms: i64) -> Result<Claims, TokenFault> {
        let hash = Sha256::of(token.as_bytes());
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = verified.get(&hash) {
            if claims.exp * 1000 > now_ms {
                return Ok(claims.clone());
            }
            verified.remove(&hash);
        }
        drop(verified);
        let claims = self.tokens.verify(token, now_ms)?;
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= CACHE_MAX {
            verified.retain(|_, c| c.exp * 1000 > now_ms);
        }
        if verified.len() < CACHE_MAX {
            verified.insert(hash, claims.clone());
        }
        Ok(claims)
    }
}
