//! The server's keys: one identity, and what is derived from it for tokens, cursors and receipts.
//!
//! Knows no files: the seed comes in as bytes and is kept by whoever starts the server.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// See the module text.
pub struct Keys {
    identity: SigningKey,
    token: SigningKey,
    mac_key: [u8; 32],
    seal_key: [u8; 32],
}

impl Keys {
    /// Derives everything from a 32-byte seed, kept secret and in every backup.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            identity: SigningKey::from_bytes(&derive(seed, b"identity")),
            token: SigningKey::from_bytes(&derive(seed, b"access token")),
            mac_key: derive(seed, b"cursor and receipt"),
            seal_key: derive(seed, b"secrets at rest"),
        }
    }

    /// The identity key's public half; its SHA-256 is in the enrolment QR.
    #[must_use]
    pub fn identity_public(&self) -> VerifyingKey {
        self.identity.verifying_key()
    }

    /// Signs with the identity key.
    #[must_use]
    pub fn sign_identity(&self, text: &[u8]) -> [u8; 64] {
        self.identity.sign(text).to_bytes()
    }

    /// The key that signs access tokens.
    #[must_use]
    pub fn token_key(&self) -> &SigningKey {
        &self.token
    }

    /// The key that closes what is secret at rest.
    pub(super) fn seal_key(&self) -> &[u8; 32] {
        &self.seal_key
    }

    /// A MAC over a purpose and a text, for cursors and receipts.
    #[must_use]
    pub fn mac(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        let mut mac = hmac_of(&self.mac_key);
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text);
        mac.finalize().into_bytes().into()
    }

    /// Whether a MAC is ours; in constant time.
    #[must_use]
    pub fn mac_matches(&self, purpose: &str, text: &[u8], given: &[u8]) -> bool {
        use subtle::ConstantTimeEq as _;
        self.mac(purpose, text).ct_eq(given).into()
    }
}

fn hmac_of(key: &[u8; 32]) -> Hmac<Sha256> {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        // HMAC takes keys of every length.
        Err(_) => unreachable!("HMAC refused a 32-byte key"),
    }
}

fn derive(seed: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let mut mac = hmac_of(seed);
    mac.update(b"blindspot v1 ");
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_purpose_and_a_changed_text_is_noticed() {
        let keys = Keys::from_seed(&[7; 32]);
        assert_ne!(keys.identity.to_bytes(), keys.token.to_bytes());
        let mac = keys.mac("cursor", b"a");
        assert!(keys.mac_matches("cursor", b"a", &mac));
        assert!(!keys.mac_matches("cursor", b"b", &mac));
        assert!(!keys.mac_matches("receipt", b"a", &mac));
    }
}
