//! Enrolment by QR: the phone makes its key, the server's identity is checked, the outbox stays (protocol 12).

use crate::error::ClientError;
use crate::host::{Now, Random};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::{Identity, Pending};
use crate::replica::Replica;
use crate::store::{meta, write};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::id::Sha256;
use blindspot_core::mutant;
use blindspot_core::sync::{Lane, ReplyClass};
use blindspot_core::wire::account::{EnrolReply, EnrolRequest, KeyAlg, enrol_proof_text, enrolled_text};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};

/// An enrolment that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Who the replica is now.
    pub identity: Identity,
    /// Whether the same person was enrolled here before; then unsent work goes on under the new credential.
    pub again: bool,
}

impl Replica {
    /// Begins an enrolment: makes a device key and the request for `POST /v1/devices/enrol`.
    /// `fingerprint` is the SHA-256 of the server's identity key from the QR, hex or base64url.
    ///
    /// # Errors
    /// `Files` when the key cannot be kept, `Db`.
    pub fn enrol_request(
        &mut self,
        server_url: &str,
        code: &str,
        fingerprint: Option<&str>,
        label: &str,
        _now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<HttpRequest, ClientError> {
        // Two slots: the key in use stays where it is until the new one is confirmed.
        let in_use = self.identity()?.map(|i| i.key_slot);
        let key_slot = if in_use.as_deref() == Some("key") { "key2" } else { "key" }.to_owned();
        let mut secret = [0; 32];
        rnd.fill(&mut secret);
        self.keys.save(&key_slot, &secret)?;
        let public = SigningKey::from_bytes(&secret).verifying_key();
        let public_key = URL_SAFE_NO_PAD.encode(public.as_bytes());
        let proof = self.sign(&key_slot, &enrol_proof_text(code, &public_key))?;
        let pending = Pending {
            base: server_url.trim_end_matches('/').to_owned(),
            public_key: public_key.clone(),
            fingerprint: fingerprint.map(|f| f.trim().to_owned()),
            key_slot,
        };
        meta::set_json(&self.db, meta::PENDING, &pending)?;
        let frame = EnrolRequest {
            code: code.to_owned(),
            key_alg: KeyAlg::EdDsa,
            public_key,
            label: label.to_owned(),
            app: format!("blindspot-client {}", env!("CARGO_PKG_VERSION")),
            proof,
        };
        Ok(HttpRequest::new(Lane::Auth, "POST", "/v1/devices/enrol").json(&frame)?)
    }

    /// Takes the answer to an enrolment. The server's identity and signature are checked before anything
    /// is kept; a later enrolment of the same person keeps outbox, mirror and photos.
    ///
    /// # Errors
    /// `Refused` with the server's code, `BadReply` from a portal, `OtherServer`, `OtherPerson`.
    pub fn handle_enrol_response(
        &mut self,
        response: &HttpResponse,
        now: &Now,
    ) -> Result<Enrolled, ClientError> {
        let pending: Pending =
            meta::get_json(&self.db, meta::PENDING)?.ok_or(ClientError::NoPendingEnrolment)?;
        match response.class() {
            ReplyClass::Ok => {}
            ReplyClass::NotOurs => return Err(ClientError::BadReply(format!("status {}", response.status))),
            _ => {
                return Err(match response.problem() {
                    Some(p) => ClientError::Refused { code: p.code, title: p.title, title_en: p.title_en },
                    None => ClientError::BadReply(format!("status {}", response.status)),
                });
            }
        }
        let reply: EnrolReply = response.read().map_err(|e| ClientError::BadReply(format!("enrol: {e}")))?;
        let before = self.identity()?;
        check_server(&pending, &reply, before.as_ref())?;
        if before.as_ref().is_some_and(|b| b.person_id != reply.person_id || b.city_id != reply.city_id) {
            return Err(ClientError::OtherPerson);
        }
        let identity = Identity {
            base: pending.base,
            device_id: reply.device_id,
            person_id: reply.person_id,
            person_name: reply.person_name,
            city_id: reply.city_id,
            city_name: reply.city_name,
            tag_prefix: reply.tag_prefix,
            enrolled_ms: reply.server_ms,
            identity_key: reply.identity_key,
            key_slot: pending.key_slot,
        };
        let tx = write(&self.db)?;
        meta::set_json(&tx, meta::IDENTITY, &identity)?;
        meta::set_json(&tx, meta::TOKENS, &reply.tokens)?;
        meta::set_json(&tx, meta::GRANTS, &reply.grants)?;
        meta::set_i64(&tx, meta::OFFSET, reply.server_ms.saturating_sub(now.wall_ms))?;
        // Numbers and receipts belong to an enrolment; ops already numbered keep their old device.
        for key in [
            meta::PENDING,
            meta::SIGNED_OUT,
            meta::REVOKED,
            meta::HAND_IN_TOKEN,
            meta::DEVICE_SEQ,
            meta::RECEIPT,
            meta::RECEIVED_THROUGH,
            meta::TAG,
        ] {
            meta::remove(&tx, key)?;
        }
        tx.commit()?;
        // Answers to what was asked under the former enrolment may still come: one that says it is over must not
        // end this one, and a token of it must not replace the new one.
        if !mutant::is("late_answer_counts") {
            self.flights.clear();
        }
        self.strikes = 0;
        self.machine.handle_enrolled(now.wall_ms);
        Ok(Enrolled { identity, again: before.is_some() })
    }
}

/// The key must be the QR's, and the one known from before; its signature must cover this very enrolment.
fn check_server(pending: &Pending, reply: &EnrolReply, before: Option<&Identity>) -> Result<(), ClientError> {
    let key = URL_SAFE_NO_PAD.decode(&reply.identity_key).map_err(|_| ClientError::OtherServer)?;
    let hash = Sha256::of(&key);
    let known = match (&pending.fingerprint, before) {
        (Some(print), _) => {
            let print = print.trim_end_matches('=');
            print.eq_ignore_ascii_case(&hash.to_hex()) || print == URL_SAFE_NO_PAD.encode(hash.0)
        }
        (None, Some(before)) => before.identity_key == reply.identity_key,
        (None, None) => true,
    };
    let verified = || {
        let key = VerifyingKey::from_bytes(key.as_slice().try_into().ok()?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(&reply.signature).ok()?;
        let signature = Signature::from_slice(&signature).ok()?;
        let text = enrolled_text(reply.device_id, reply.person_id, &pending.public_key);
        key.verify_strict(text.as_bytes(), &signature).ok()
    };
    if known && verified().is_some() { Ok(()) } else { Err(ClientError::OtherServer) }
}
