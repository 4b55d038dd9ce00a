//! The gate: turns a bearer token or a session cookie into a credential, or says why not.
//!
//! Holds the only state of auth outside the database: a cache of verified tokens and buckets for wrong tries.
//! Knows no HTTP.

use crate::auth::token::{AccessTokens, Claims, TokenFault};
use crate::auth::{hand_in, sessions, token};
use crate::service::limits::{self, Buckets, Class, Key, Rates};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::{DEVICE_REVOKED, ENROL_AGAIN, TOKEN_EXPIRED, TOKEN_INVALID};
use blindspot_core::id::Sha256;
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::DeviceState;
use blindspot_store::tokens::Family;
use blindspot_store::{Tx, accounts, devices, tokens};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most verified tokens remembered.
const CACHE_MAX: usize = 10_000;

/// What somebody showed, to be looked at again while a request lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An access token.
    Token {
        /// The enrolment.
        device: DeviceId,
        /// Its person.
        person: PersonId,
        /// Its token family.
        family: [u8; 16],
    },
    /// A revoked device's token: push and photos only.
    HandIn {
        /// The enrolment.
        device: DeviceId,
        /// Its person.
        person: PersonId,
    },
    /// A session cookie, by its hash.
    Session {
        /// The hash.
        hash: [u8; 32],
    },
}

/// Somebody who was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Who.
    pub credential: Credential,
    /// By what.
    pub proof: Proof,
    /// A one-time password was used: nothing but changing it is allowed.
    pub must_change: bool,
}

impl Admitted {
    /// Whether a revoked device hands in its work: nothing but push and photos is allowed, and all of it waits.
    #[must_use]
    pub fn hands_in(&self) -> bool {
        matches!(self.proof, Proof::HandIn { .. })
    }
}

/// The family of a device that may act.
fn standing(
    tx: &Tx<'_>,
    house: &House,
    device_id: DeviceId,
    person_id: PersonId,
    family_id: [u8; 16],
) -> Result<Family, ServiceError> {
    let device = devices::load_device(tx, &house.city, device_id)?;
    let person = accounts::load_person(tx, &house.city, person_id)?;
    let family = tokens::load_family(tx, &house.city, family_id)?;
    let (Some(device), Some(person), Some(family)) = (device, person, family) else {
        return Err(ServiceError::refused(&TOKEN_INVALID));
    };
    if device.person_id != person_id || family.device_id != device_id {
        return Err(ServiceError::refused(&TOKEN_INVALID));
    }
    if !person.active || matches!(device.state, DeviceState::Revoked | DeviceState::Closed) {
        return Err(ServiceError::refused(&DEVICE_REVOKED));
    }
    if family.revoked_ms.is_some() {
        return Err(ServiceError::refused(&ENROL_AGAIN));
    }
    Ok(family)
}

/// How long an admission is believed without looking again, milliseconds.
const KNOWN_MS: i64 = 1_000;

/// Who was let in lately.
#[derive(Default)]
struct Known {
    version: i64,
    by_token: BTreeMap<Sha256, (Admitted, i64)>,
    paused_until_ms: i64,
}

/// See the module text.
pub struct Gate {
    pub(crate) tokens: AccessTokens,
    verified: Mutex<BTreeMap<Sha256, Claims>>,
    known: Mutex<Known>,
    /// Sign-ins, wrong codes and wrong proofs.
    pub(crate) buckets: Buckets,
}

impl Gate {
    /// For a house.
    #[must_use]
    pub fn new(house: &House) -> Self {
        Self {
            tokens: AccessTokens::new(&house.keys, &house.city),
            verified: Mutex::default(),
            known: Mutex::default(),
            buckets: Buckets::new(Rates::default()),
        }
    }

    /// Whom this token let in a moment ago, if nobody's rights have changed since: `version` is the counter of
    /// such changes as last seen. A phone in the middle of its sync is not looked up for each request.
    pub fn recently(&self, token: &str, version: i64, now_ms: i64) -> Option<Admitted> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms < known.paused_until_ms || known.version != version {
            return None;
        }
        let (admitted, at_ms) = known.by_token.get(&Sha256::of(token.as_bytes()))?;
        (*at_ms..=at_ms + KNOWN_MS).contains(&now_ms).then_some(*admitted)
    }

    /// Remembers whom a token let in.
    pub fn remember(&self, token: &str, admitted: Admitted, version: i64, now_ms: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.version != version {
            (known.version, known.by_token) = (version, BTreeMap::new());
        }
        if known.by_token.len() >= CACHE_MAX {
            known.by_token.clear();
        }
        known.by_token.insert(Sha256::of(token.as_bytes()), (admitted, now_ms));
    }

    /// Somebody is about to change who may do what through this server: for a while everybody is looked up.
    pub fn pause_memory(&self, now_ms: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_token.clear();
        known.paused_until_ms = now_ms + 2 * KNOWN_MS;
    }

    /// Counts a wrong code or proof: after too many the refusal asks to wait. What is right is never refused for
    /// what others got wrong.
    pub(crate) fn wrong(&self, house: &House, key: Key, refusal: ServiceError, now_ms: i64) -> ServiceError {
        match self.buckets.take(Class::Wrong, &[key], now_ms) {
            Ok(()) => refusal,
            Err(wait_ms) => limits::too_many(house, wait_ms),
        }
    }

    /// Who a bearer token stands for. Signature and claims are checked once per token; how the device,
    /// its token family and its person stand is read each time, so that a revocation holds at once.
    ///
    /// # Errors
    /// `TOKEN_EXPIRED`, `TOKEN_INVALID`, `DEVICE_REVOKED`, `ENROL_AGAIN`; for the token of a revoked device
    /// `HAND_IN_OVER`, `HAND_IN_QUOTA`.
    pub fn check_bearer(&self, house: &House, token: &str, now_ms: i64) -> Result<Credential, ServiceError> {
        self.admit_bearer(house, token, now_ms).map(|admitted| admitted.credential)
    }

    /// As `check_bearer`, with the proof to ask again by.
    ///
    /// # Errors
    /// As `check_bearer`.
    pub fn admit_bearer(&self, house: &House, token: &str, now_ms: i64) -> Result<Admitted, ServiceError> {
        let claims = self.claims(token, now_ms).map_err(|fault| match fault {
            TokenFault::Expired => ServiceError::refused(&TOKEN_EXPIRED),
            TokenFault::Invalid => ServiceError::refused(&TOKEN_INVALID),
        })?;
        let credential = Credential { person: claims.person, device: claims.sub, desk: false };
        if claims.typ == token::HAND_IN {
            hand_in::stands(house, claims.sub, claims.person, now_ms)?;
            let proof = Proof::HandIn { device: claims.sub, person: claims.person };
            return Ok(Admitted { credential, proof, must_change: false });
        }
        let family_id = claims.family().ok_or(ServiceError::Refused(&TOKEN_INVALID, None))?;
        let family = house.store.read(|tx| standing(tx, house, claims.sub, claims.person, family_id))?;
        if family.used_ms.is_none() && family.generation == claims.generation {
            // The refresh token that came with it has arrived for certain: its predecessor is done.
            house.used.note(family_id, claims.generation, now_ms);
        }
        let proof = Proof::Token { device: claims.sub, person: claims.person, family: family_id };
        Ok(Admitted { credential, proof, must_change: false })
    }

    /// Who a session cookie stands for.
    ///
    /// # Errors
    /// `SIGN_IN` when there is no such session or it has ended.
    pub fn admit_session(&self, house: &House, cookie: &str, now_ms: i64) -> Result<Admitted, ServiceError> {
        sessions::check(house, cookie, now_ms)
    }

    /// Whether who was admitted may still go on: asked again while a request lasts. A token's end is no reason
    /// to cut an answer short, a revocation is.
    ///
    /// # Errors
    /// As at the door.
    pub fn stands(&self, house: &House, proof: Proof, now_ms: i64) -> Result<(), ServiceError> {
        match proof {
            Proof::Token { device, person, family } => {
                house.store.read(|tx| standing(tx, house, device, person, family)).map(drop)
            }
            Proof::HandIn { device, person } => hand_in::stands(house, device, person, now_ms),
            Proof::Session { hash } => sessions::stands(house, hash, now_ms),
        }
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
