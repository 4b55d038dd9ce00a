//! A revoked device hands in its work by itself (protocol 12): for 30 days, by a short token that it gets for signing a
//! nonce of the server with its device key. The token opens push and photo upload, nothing else; what comes by it waits
//! for a person. Knows no HTTP.

use crate::auth::device_key::DeviceKey;
use crate::auth::gate::Gate;
use crate::auth::secret;
use crate::service::limits::Key;
use crate::service::pull::{open_text, seal_text};
use crate::service::{House, ServiceError};
use blindspot_core::error::{BAD_PROOF, CONFLICT, HAND_IN_OVER, HAND_IN_QUOTA, INTERNAL, TOKEN_INVALID};
use blindspot_core::limits::{HAND_IN_MS, HAND_IN_NONCE_MS, HAND_IN_OPS_MAX};
use blindspot_core::wire::account::{
    HandInNonce, HandInNonceRequest, HandInToken, HandInTokenRequest, KeyAlg, hand_in_proof_text,
};
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::{DeviceRecord, DeviceState};
use blindspot_store::{Tx, accounts, audit, devices, hand_ins, tokens};

const NONCE: &str = "hand-in nonce";

/// What a nonce holds: for which device, until when, and something that makes it the only one.
type Nonce = (DeviceId, i64, [u8; 16]);

/// Until when a device may hand in; refuses one that is not revoked, whose time is over or who handed in too much.
pub(crate) fn standing(
    tx: &Tx<'_>,
    house: &House,
    device: &DeviceRecord,
    now_ms: i64,
) -> Result<i64, ServiceError> {
    if device.desk {
        return Err(ServiceError::refused(&TOKEN_INVALID));
    }
    let active = accounts::load_person(tx, &house.city, device.person_id)?.is_some_and(|p| p.active);
    // Nobody notes when a person was deactivated: the last that was heard of the phone stands for it.
    let since = match device.state {
        DeviceState::Revoked => device.revoked_ms.unwrap_or(device.enrolled_ms),
        _ if !active => device.last_seen_ms.unwrap_or(device.enrolled_ms),
        _ => return Err(ServiceError::because(&CONFLICT, "this device is not revoked")),
    };
    let until_ms = since.saturating_add(HAND_IN_MS);
    if now_ms >= until_ms {
        return Err(ServiceError::refused(&HAND_IN_OVER));
    }
    if hand_ins::load_handed_in(tx, &house.city, device.device_id)? >= HAND_IN_OPS_MAX {
        return Err(ServiceError::refused(&HAND_IN_QUOTA));
    }
    Ok(until_ms)
}

impl Gate {
    /// A nonce for a device to sign. Says nothing of whether there is such a device.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn hand_in_nonce(
        &self,
        house: &House,
        request: &HandInNonceRequest,
        now_ms: i64,
    ) -> Result<HandInNonce, ServiceError> {
        let nonce: Nonce = (request.device_id, now_ms + HAND_IN_NONCE_MS, secret::random(house));
        Ok(HandInNonce { nonce: seal_text(house, NONCE, &nonce)?, server_ms: now_ms })
    }

    /// A token for a revoked device.
    ///
    /// # Errors
    /// `BAD_PROOF` for a nonce that is not ours or not this device's, and for a wrong signature; `TOKEN_INVALID` for
    /// an unknown device; `CONFLICT` for one that is not revoked and for a nonce used before or too old;
    /// `HAND_IN_OVER`, `HAND_IN_QUOTA`; `Later(TOO_MANY_REQUESTS)` for wrong proofs without end.
    pub fn hand_in_token(
        &self,
        house: &House,
        request: &HandInTokenRequest,
        now_ms: i64,
    ) -> Result<HandInToken, ServiceError> {
        let device_id = request.device_id;
        let (of, until_ms, bits) = open_text::<Nonce>(house, NONCE, &request.nonce)
            .ok_or_else(|| ServiceError::because(&BAD_PROOF, "nonce"))?;
        if of != device_id {
            return Err(ServiceError::because(&BAD_PROOF, "another device's nonce"));
        }
        if now_ms > until_ms {
            return Err(ServiceError::because(&CONFLICT, "this nonce is over: ask for a new one"));
        }
        let device = house.store.read(|tx| devices::load_device(tx, &house.city, device_id))?;
        let key = device.as_ref().and_then(|d| d.key_alg.as_deref().zip(d.public_key.as_deref()));
        let Some((alg, public)) = key else {
            return Err(self.wrong(house, Key::All, ServiceError::refused(&TOKEN_INVALID), now_ms));
        };
        DeviceKey::from_bytes(&KeyAlg::from_word(alg), public)?
            .check(&hand_in_proof_text(device_id, &request.nonce), &request.proof)
            .map_err(|wrong| self.wrong(house, Key::device(device_id), wrong, now_ms))?;
        let (person, until_ms) = house.store.write(|tx| {
            let device = devices::load_device(tx, &house.city, device_id)?
                .ok_or(ServiceError::Refused(&TOKEN_INVALID, None))?;
            let until_ms = standing(tx, house, &device, now_ms)?;
            if !tokens::append_nonce(tx, &house.city, device_id, secret::hash("nonce", &bits), now_ms)? {
                return Err(ServiceError::because(&CONFLICT, "this nonce was used before"));
            }
            let (person, object) = (device.person_id, device_id.to_string());
            audit::append(
                tx,
                &house.city,
                now_ms,
                &person.to_string(),
                "hand_in_token",
                &object,
                "ok",
                "{}",
            )?;
            Ok::<_, ServiceError>((person, until_ms))
        })?;
        let (access, access_until_ms) = self
            .tokens
            .mint_hand_in((device_id, person), secret::random(house), now_ms)
            .map_err(|e| ServiceError::because(&INTERNAL, e.to_string()))?;
        Ok(HandInToken { access, access_until_ms, until_ms, server_ms: now_ms })
    }
}

/// Whether a device may go on handing in.
pub(crate) fn stands(
    house: &House,
    device: DeviceId,
    person: PersonId,
    now_ms: i64,
) -> Result<(), ServiceError> {
    house.store.read(|tx| {
        let found = devices::load_device(tx, &house.city, device)?.filter(|d| d.person_id == person);
        let found = found.ok_or(ServiceError::Refused(&TOKEN_INVALID, None))?;
        standing(tx, house, &found, now_ms).map(drop)
    })
}

#[cfg(test)]
#[path = "hand_in_tests.rs"]
mod tests;
