//! The refresh rule (protocol 12): tokens rotate; the predecessor, with a fresh proof by the device key,
//! is accepted until its successor has been used; used again after that, the family is revoked.
//!
//! A refresh token counts as *used* when it was itself presented, or when an access token that came with
//! it was shown on any request. Knows no HTTP.

use crate::auth::device_key::DeviceKey;
use crate::auth::gate::Gate;
use crate::auth::secret::{self, from_base64, to_base64};
use crate::auth::token::Subject;
use crate::service::{House, ServiceError};
use blindspot_core::error::{
    BAD_PROOF, CONFLICT, DEVICE_REVOKED, ENROL_AGAIN, INTERNAL, ProblemText, TOKEN_INVALID,
};
use blindspot_core::wire::account::{KeyAlg, RefreshReply, RefreshRequest, Tokens, refresh_proof_text};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::DeviceState;
use blindspot_store::tokens::Family;
use blindspot_store::{Tx, accounts, audit, devices, tokens};

const PURPOSE: &str = "refresh token";
/// Fewest random bytes of a nonce.
const NONCE_BYTES_MIN: usize = 16;
const NONCE_BYTES_MAX: usize = 64;

/// A refresh token just made: its family's id, then 256 random bits, so that any token of a family is
/// recognised as such however old it is.
pub(crate) struct Fresh {
    pub(crate) family: [u8; 16],
    pub(crate) hash: [u8; 32],
    text: String,
}

impl Fresh {
    pub(crate) fn new(house: &House, family: [u8; 16]) -> Self {
        let mut bytes = family.to_vec();
        bytes.extend_from_slice(&secret::random::<32>(house));
        Self { family, hash: secret::hash(PURPOSE, &bytes), text: to_base64(&bytes) }
    }
}

/// The pair to hand out.
pub(crate) fn tokens(
    gate: &Gate,
    house: &House,
    fresh: &Fresh,
    (device, person): (DeviceId, PersonId),
    generation: i64,
    now_ms: i64,
) -> Result<Tokens, ServiceError> {
    let subject = Subject { device, person, family: fresh.family, generation };
    let (access, access_until_ms) = gate
        .tokens
        .mint(subject, secret::random(house), now_ms)
        .map_err(|e| ServiceError::because(&INTERNAL, e.to_string()))?;
    Ok(Tokens { access, access_until_ms, refresh: fresh.text.clone() })
}

/// What the transaction found; a refusal must commit too: the nonce is spent, the family revoked.
enum Judged {
    Turned { person: PersonId, generation: i64 },
    Refused(&'static ProblemText, &'static str),
}

impl Gate {
    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, `BAD_PROOF`, `DEVICE_REVOKED`; `ENROL_AGAIN` for a cloned device and for a
    /// revoked family.
    pub fn refresh(
        &self,
        house: &House,
        request: &RefreshRequest,
        now_ms: i64,
    ) -> Result<RefreshReply, ServiceError> {
        let invalid = || ServiceError::refused(&TOKEN_INVALID);
        let given = from_base64(&request.refresh).filter(|b| b.len() == 48).ok_or_else(invalid)?;
        let family: [u8; 16] = given[..16].try_into().map_err(|_| invalid())?;
        let nonce = from_base64(&request.nonce)
            .filter(|n| (NONCE_BYTES_MIN..=NONCE_BYTES_MAX).contains(&n.len()))
            .ok_or_else(|| ServiceError::because(&BAD_PROOF, "nonce: 16 to 64 random bytes, base64url"))?;
        let fresh = Fresh::new(house, family);
        let presented = secret::hash(PURPOSE, &given);
        let judged = house.store.write(|tx| {
            let spent = secret::hash("nonce", &nonce);
            judge(tx, house, request, presented, spent, &fresh, now_ms)
        })?;
        match judged {
            Judged::Turned { person, generation } => Ok(RefreshReply {
                tokens: tokens(self, house, &fresh, (request.device_id, person), generation, now_ms)?,
                server_ms: now_ms,
            }),
            Judged::Refused(text, "") => Err(ServiceError::refused(text)),
            Judged::Refused(text, detail) => Err(ServiceError::because(text, detail)),
        }
    }
}

fn judge(
    tx: &Tx<'_>,
    house: &House,
    request: &RefreshRequest,
    presented: [u8; 32],
    nonce: [u8; 32],
    fresh: &Fresh,
    now_ms: i64,
) -> Result<Judged, ServiceError> {
    let city = &house.city;
    let refused = |text| Ok(Judged::Refused(text, ""));
    let Some(device) = devices::load_device(tx, city, request.device_id)? else {
        return refused(&TOKEN_INVALID);
    };
    let (Some(alg), Some(public)) = (&device.key_alg, &device.public_key) else {
        return refused(&TOKEN_INVALID);
    };
    let key = DeviceKey::from_bytes(&KeyAlg::from_word(alg), public)?;
    key.check(&refresh_proof_text(request.device_id, &request.refresh, &request.nonce), &request.proof)?;
    if !tokens::append_nonce(tx, city, request.device_id, nonce, now_ms)? {
        // A copy of a request that was answered already, made by the network: nothing that a phone should
        // be logged out for. It signs a new nonce and asks again.
        return Ok(Judged::Refused(&CONFLICT, "this nonce was used before"));
    }
    let active = accounts::load_person(tx, city, device.person_id)?.is_some_and(|p| p.active);
    match device.state {
        DeviceState::Active if active => {}
        DeviceState::Cloned => return refused(&ENROL_AGAIN),
        _ => return refused(&DEVICE_REVOKED),
    }
    let Some(family) =
        tokens::load_family(tx, city, fresh.family)?.filter(|f| f.device_id == request.device_id)
    else {
        return refused(&TOKEN_INVALID);
    };
    if family.revoked_ms.is_some() {
        return refused(&ENROL_AGAIN);
    }
    if !turn(tx, house, &family, presented, fresh, now_ms)? {
        tokens::revoke_family(tx, city, family.family_id, now_ms)?;
        let object = request.device_id.to_string();
        audit::append(tx, city, now_ms, "system", "refresh_reused", &object, "family_revoked", "{}")?;
        return refused(&ENROL_AGAIN);
    }
    devices::save_device_seen(tx, city, request.device_id, now_ms)?;
    Ok(Judged::Turned { person: device.person_id, generation: family.generation + 1 })
}

/// Puts the fresh token in force if the presented one may ask for it.
fn turn(
    tx: &Tx<'_>,
    house: &House,
    family: &Family,
    presented: [u8; 32],
    fresh: &Fresh,
    now_ms: i64,
) -> Result<bool, ServiceError> {
    let lost_reply = family.previous == Some(presented) && family.used_ms.is_none();
    let in_turn = family.current == presented;
    if !(in_turn || lost_reply) {
        return Ok(false);
    }
    tokens::rotate_family(tx, &house.city, family.family_id, fresh.hash, presented, now_ms)?;
    if in_turn {
        // A proof names its token. Tokens older than the presented one are dead, and so are all proofs
        // made before it was.
        tokens::sweep_nonces(tx, &house.city, family.device_id, family.rotated_ms)?;
    }
    Ok(true)
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
