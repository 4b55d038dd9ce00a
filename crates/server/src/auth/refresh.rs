//! The refresh rule (protocol 12): tokens rotate; the predecessor, with a fresh proof by the device key,
//! is accepted until its successor has been used; used again after that, the family is revoked.
//!
//! A token has exactly one successor, derived from it: a phone whose app was killed in mid-refresh may have
//! two requests on the way, and whichever reply it keeps must hold the token that is in force.
//!
//! A refresh token counts as *used* when it was itself presented, or when an access token that came with
//! it was shown on any request. Knows no HTTP.

use crate::auth::device_key::DeviceKey;
use crate::auth::gate::Gate;
use crate::auth::secret::{self, from_base64, to_base64};
use crate::auth::token::Subject;
use crate::service::limits::Key;
use crate::service::{House, ServiceError, epoch, pull};
use blindspot_core::error::{
    BAD_PROOF, CONFLICT, DEVICE_REVOKED, ENROL_AGAIN, INTERNAL, ProblemText, TOKEN_INVALID,
};
use blindspot_core::wire::account::{KeyAlg, RefreshReply, RefreshRequest, Tokens, refresh_proof_text};
use blindspot_core::{DeviceId, PersonId, mutant};
use blindspot_store::devices::DeviceState;
use blindspot_store::tokens::Family;
use blindspot_store::{Tx, accounts, audit, devices, meta, tokens};

const PURPOSE: &str = "refresh token";
/// Fewest random bytes of a nonce.
const NONCE_BYTES_MIN: usize = 16;
const NONCE_BYTES_MAX: usize = 64;
/// A predecessor that comes so soon after its successor's first use may be a request that was late on its
/// way, milliseconds. It gets nothing, but the family stands.
const LATE_MS: i64 = 60_000;

/// A refresh token: its family's id, then 256 bits that nobody but this server can know, so that any token
/// of a family is recognised as such however old it is.
pub(crate) struct Fresh {
    pub(crate) family: [u8; 16],
    pub(crate) hash: [u8; 32],
    text: String,
}

impl Fresh {
    /// The first of a family.
    pub(crate) fn new(house: &House, family: [u8; 16]) -> Self {
        Self::of(family, &secret::random::<32>(house))
    }

    /// The one that follows a token.
    fn after(house: &House, family: [u8; 16], token: &[u8]) -> Self {
        Self::of(family, &house.keys.mac("next refresh token", token))
    }

    fn of(family: [u8; 16], bits: &[u8; 32]) -> Self {
        let mut bytes = family.to_vec();
        bytes.extend_from_slice(bits);
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
    /// Checks the proof by the device key, before anything is written: wrong ones must not keep the writer busy.
    fn check_proof(&self, house: &House, request: &RefreshRequest, now_ms: i64) -> Result<(), ServiceError> {
        let device = house.store.read(|tx| devices::load_device(tx, &house.city, request.device_id))?;
        let key = device.as_ref().and_then(|d| d.key_alg.as_deref().zip(d.public_key.as_deref()));
        let Some((alg, public)) = key else {
            // An unknown device: its id is nobody's, so all of them share one bucket.
            return Err(self.wrong(house, Key::All, ServiceError::refused(&TOKEN_INVALID), now_ms));
        };
        let key = DeviceKey::from_bytes(&KeyAlg::from_word(alg), public)?;
        key.check(&refresh_proof_text(request.device_id, &request.refresh, &request.nonce), &request.proof)
            .map_err(|wrong| self.wrong(house, Key::device(request.device_id), wrong, now_ms))
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, `BAD_PROOF`, `DEVICE_REVOKED`; `ENROL_AGAIN` for a cloned device and for a
    /// revoked family; `Later(TOO_MANY_REQUESTS)` for wrong proofs without end.
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
        let fresh = Fresh::after(house, family, &given);
        let presented = secret::hash(PURPOSE, &given);
        self.check_proof(house, request, now_ms)?;
        let judged = house.store.write(|tx| {
            house.used.write(tx, house)?;
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
    let opened_ms = epoch_for(tx, house, request, device.received_through, now_ms)?.saturating_mul(1_000);
    let generation = match turn_of(&family, presented, opened_ms, now_ms) {
        Turn::Lost => {
            // No past counted that far: its access tokens, which phones still hold, are of another generation.
            let generation = now_ms.max(family.generation + 1);
            let tokens = (fresh.hash, presented);
            tokens::resume_family(tx, city, family.family_id, tokens, generation, now_ms)?;
            generation
        }
        Turn::Next => {
            tokens::rotate_family(tx, city, family.family_id, fresh.hash, presented, now_ms)?;
            // A proof names its token. Tokens older than the presented one are dead, and so are all proofs
            // made before it was.
            tokens::sweep_nonces(tx, city, family.device_id, family.rotated_ms)?;
            family.generation + 1
        }
        Turn::Again => family.generation,
        Turn::Late => return Ok(Judged::Refused(&CONFLICT, "its successor is in use")),
        Turn::Stolen => {
            tokens::revoke_family(tx, city, family.family_id, now_ms)?;
            meta::count_up(tx, &house.city, meta::STANDING)?;
            let object = request.device_id.to_string();
            audit::append(tx, city, now_ms, "system", "refresh_reused", &object, "family_revoked", "{}")?;
            return refused(&ENROL_AGAIN);
        }
    };
    devices::save_device_seen(tx, city, request.device_id, now_ms)?;
    Ok(Judged::Turned { person: device.person_id, generation })
}

/// The epoch in force; a new one when the phone's receipt knows more than the database.
fn epoch_for(
    tx: &Tx<'_>,
    house: &House,
    request: &RefreshRequest,
    stored_through: u64,
    now_ms: i64,
) -> Result<i64, ServiceError> {
    let epoch = epoch::in_force(tx, &house.city)?;
    let receipt = pull::receipt_of(house, request.device_id, request.receipt.as_deref());
    match receipt.and_then(|r| epoch::lost_by_receipt(epoch, stored_through, &r)) {
        Some(claimed) => Ok(epoch::open(tx, house, claimed, now_ms)?),
        None => Ok(epoch),
    }
}

/// What a presented token asks for.
enum Turn {
    /// It is in force: its successor follows.
    Next,
    /// Its successor was made and never used: the reply was lost, the same one is handed out again.
    Again,
    /// Its successor was first used a moment ago.
    Late,
    /// It is none that this database knows, and the family has not turned since the epoch was opened: it may be one
    /// that was given after the backup. The fresh proof by the device key, judged before, is what lets it in.
    Lost,
    /// It had its turn long before.
    Stolen,
}

fn turn_of(family: &Family, presented: [u8; 32], opened_ms: i64, now_ms: i64) -> Turn {
    if family.current == presented {
        return Turn::Next;
    }
    match family.used_ms {
        _ if family.previous != Some(presented)
            && family.rotated_ms < opened_ms
            && !mutant::is("lost_token_refused") =>
        {
            Turn::Lost
        }
        _ if family.previous != Some(presented) => Turn::Stolen,
        None if mutant::is("refresh_rule_off") => Turn::Stolen,
        None => Turn::Again,
        Some(used_ms) if now_ms.saturating_sub(used_ms) <= LATE_MS => Turn::Late,
        Some(_) => Turn::Stolen,
    }
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
