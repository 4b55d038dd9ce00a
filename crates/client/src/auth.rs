//! Token refresh with a proof by the device key (protocol 12). A lost reply costs nothing: the old
//! refresh token is still here and goes again with a new nonce.

use crate::error::ClientError;
use crate::host::{Now, Random};
use crate::http::{HttpRequest, HttpResponse};
use crate::replica::Replica;
use crate::store::{meta, write};
use crate::sync::Flight;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::mutant;
use blindspot_core::sync::{Lane, ReplyClass};
use blindspot_core::wire::account::{RefreshReply, RefreshRequest, Tokens, refresh_proof_text};
use ed25519_dalek::{Signer as _, SigningKey};

impl Replica {
    /// Signs a text with a device key.
    pub(crate) fn sign(&self, slot: &str, text: &str) -> Result<String, ClientError> {
        let secret = self.keys.load(slot)?;
        let secret = secret.ok_or_else(|| ClientError::Stored(format!("no device key in slot {slot}")))?;
        Ok(URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(&secret).sign(text.as_bytes()).to_bytes()))
    }

    pub(crate) fn build_refresh(
        &mut self,
        rnd: &mut dyn Random,
    ) -> Result<Option<(HttpRequest, Flight)>, ClientError> {
        let identity = self.enrolled()?;
        let Some(tokens) = meta::get_json::<Tokens>(&self.db, meta::TOKENS)? else { return Ok(None) };
        let mut nonce = [0; 18];
        rnd.fill(&mut nonce);
        let nonce = URL_SAFE_NO_PAD.encode(nonce);
        let text = refresh_proof_text(identity.device_id, &tokens.refresh, &nonce);
        let proof = self.sign(&identity.key_slot, &text)?;
        let receipt = meta::get(&self.db, meta::RECEIPT)?;
        let frame =
            RefreshRequest { device_id: identity.device_id, refresh: tokens.refresh, nonce, proof, receipt };
        let request = HttpRequest::new(Lane::Auth, "POST", "/v1/token/refresh").json(&frame)?;
        Ok(Some((request, Flight::Refresh)))
    }

    pub(crate) fn handle_refreshed(
        &mut self,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let reply: Option<RefreshReply> = self.said(Lane::Auth, (response, class), now, random)?;
        let Some(reply) = reply else { return Ok(()) };
        let tx = write(&self.db)?;
        if !mutant::is("refreshed_tokens_lost") {
            meta::set_json(&tx, meta::TOKENS, &reply.tokens)?;
        }
        meta::set_i64(&tx, meta::OFFSET, reply.server_ms.saturating_sub(now.wall_ms))?;
        tx.commit()?;
        self.machine.handle_response(Lane::Auth, ReplyClass::Ok, false, now.wall_ms, random);
        Ok(())
    }
}
