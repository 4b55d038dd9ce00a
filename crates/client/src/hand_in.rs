//! A revoked device hands in what it holds (protocol 12): a nonce of the server, signed with the device key, buys a
//! short token for push and photos. It goes on until nothing waits or the server says that it is over.

use crate::error::ClientError;
use crate::host::Now;
use crate::http::{HttpRequest, HttpResponse};
use crate::replica::Replica;
use crate::store::{meta, write};
use crate::sync::Flight;
use blindspot_core::limits::HAND_IN_NONCE_MS;
use blindspot_core::sync::{Lane, ReplyClass};
use blindspot_core::wire::account::{
    HandInNonce, HandInNonceRequest, HandInToken, HandInTokenRequest, hand_in_proof_text,
};

/// The code by which a server says that a device is revoked.
pub(crate) const REVOKED: &str = "device_revoked";

impl Replica {
    /// The next of the two steps to a token.
    pub(crate) fn build_hand_in(&mut self, now: &Now) -> Result<Option<(HttpRequest, Flight)>, ClientError> {
        let identity = self.enrolled()?;
        let device_id = identity.device_id;
        let fresh = now.wall_ms.saturating_sub(HAND_IN_NONCE_MS / 2)..=now.wall_ms;
        let Some((nonce, _)) = self.hand_in_nonce.take().filter(|(_, at)| fresh.contains(at)) else {
            let request = HttpRequest::new(Lane::Auth, "POST", "/v1/token/hand-in/nonce");
            return Ok(Some((request.json(&HandInNonceRequest { device_id })?, Flight::HandInNonce)));
        };
        let proof = self.sign(&identity.key_slot, &hand_in_proof_text(device_id, &nonce))?;
        let frame = HandInTokenRequest { device_id, nonce, proof };
        let request = HttpRequest::new(Lane::Auth, "POST", "/v1/token/hand-in").json(&frame)?;
        Ok(Some((request, Flight::HandInToken)))
    }

    pub(crate) fn handle_hand_in_nonce(
        &mut self,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let reply: Option<HandInNonce> = self.said(Lane::Auth, (response, class), now, random)?;
        let Some(reply) = reply else { return Ok(()) };
        self.hand_in_nonce = Some((reply.nonce, now.wall_ms));
        self.machine.handle_response(Lane::Auth, ReplyClass::Ok, false, now.wall_ms, random);
        // The second step follows at once.
        self.machine.set_token_stale();
        Ok(())
    }

    pub(crate) fn handle_hand_in_token(
        &mut self,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let reply: Option<HandInToken> = self.said(Lane::Auth, (response, class), now, random)?;
        let Some(reply) = reply else { return Ok(()) };
        let tx = write(&self.db)?;
        meta::set_json(&tx, meta::HAND_IN_TOKEN, &reply)?;
        meta::set_i64(&tx, meta::OFFSET, reply.server_ms.saturating_sub(now.wall_ms))?;
        tx.commit()?;
        self.machine.handle_response(Lane::Auth, ReplyClass::Ok, false, now.wall_ms, random);
        Ok(())
    }

    /// The enrolment sends no more: stop, or hand in what is here when it is the device that was ended.
    pub(crate) fn sign_out(
        &mut self,
        lane: Lane,
        code: Option<&str>,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let tx = write(&self.db)?;
        meta::set(&tx, meta::SIGNED_OUT, "1")?;
        let handing_in = code == Some(REVOKED);
        if handing_in {
            meta::set(&tx, meta::REVOKED, "1")?;
        } else if self.machine.hands_in() {
            meta::set(&tx, meta::REVOKED, code.unwrap_or("over"))?;
        }
        tx.commit()?;
        let began = handing_in && !self.machine.hands_in();
        self.machine.handle_response(lane, ReplyClass::EnrolAgain, false, now.wall_ms, random);
        if began || !handing_in {
            self.machine.set_handing_in(handing_in);
        }
        Ok(())
    }
}
