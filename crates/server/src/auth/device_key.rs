//! Device keys: reading them and checking what they signed. Knows no devices.

use crate::auth::secret::from_base64;
use crate::service::ServiceError;
use blindspot_core::error::{BAD_KEY, BAD_PROOF};
use blindspot_core::wire::account::KeyAlg;
use ed25519_dalek::{Signature, VerifyingKey};
use p256::ecdsa::signature::Verifier as _;

/// A device's public key.
pub enum DeviceKey {
    /// Ed25519.
    EdDsa(VerifyingKey),
    /// ECDSA over P-256 with SHA-256, as hardware keystores make it.
    Es256(p256::ecdsa::VerifyingKey),
}

impl DeviceKey {
    /// Reads a key: 32 bytes for Ed25519, a SEC1 point for P-256.
    ///
    /// # Errors
    /// `BAD_KEY` for another kind, a malformed key, or one of the few points that sign anything.
    pub fn from_bytes(alg: &KeyAlg, bytes: &[u8]) -> Result<Self, ServiceError> {
        let bad = |why: &str| ServiceError::because(&BAD_KEY, why);
        match alg {
            KeyAlg::EdDsa => {
                let bytes: &[u8; 32] = bytes.try_into().map_err(|_| bad("Ed25519 keys have 32 bytes"))?;
                let key = VerifyingKey::from_bytes(bytes).map_err(|_| bad("not a point of Ed25519"))?;
                if key.is_weak() {
                    return Err(bad("a weak Ed25519 key"));
                }
                Ok(Self::EdDsa(key))
            }
            KeyAlg::Es256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes)
                .map(Self::Es256)
                .map_err(|_| bad("not a SEC1 point of P-256")),
            KeyAlg::Other(word) => Err(ServiceError::because(&BAD_KEY, format!("key_alg {word}"))),
        }
    }

    /// Checks a signature given as base64url. ES256 signatures may be 64 bytes (r, s) or DER.
    ///
    /// # Errors
    /// `BAD_PROOF` when it does not verify.
    pub fn check(&self, text: &str, proof: &str) -> Result<(), ServiceError> {
        let signed = from_base64(proof).is_some_and(|proof| match self {
            Self::EdDsa(key) => Signature::from_slice(&proof)
                .is_ok_and(|signature| key.verify_strict(text.as_bytes(), &signature).is_ok()),
            Self::Es256(key) => p256::ecdsa::Signature::from_slice(&proof)
                .or_else(|_| p256::ecdsa::Signature::from_der(&proof))
                .is_ok_and(|signature| key.verify(text.as_bytes(), &signature).is_ok()),
        });
        if signed { Ok(()) } else { Err(ServiceError::refused(&BAD_PROOF)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secret::to_base64;
    use ed25519_dalek::{Signer as _, SigningKey};

    #[test]
    fn both_kinds_of_key_verify_their_own_text_only() {
        let ed = SigningKey::from_bytes(&[5; 32]);
        let key = DeviceKey::from_bytes(&KeyAlg::EdDsa, ed.verifying_key().as_bytes()).expect("key");
        let proof = to_base64(&ed.sign(b"text").to_bytes());
        assert!(key.check("text", &proof).is_ok());
        assert!(key.check("other", &proof).is_err());

        let ec = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("key");
        let public = ec.verifying_key().to_sec1_point(false);
        let key = DeviceKey::from_bytes(&KeyAlg::Es256, public.as_bytes()).expect("key");
        let signature: p256::ecdsa::Signature = ec.sign(b"text");
        assert!(key.check("text", &to_base64(&signature.to_bytes())).is_ok());
        assert!(key.check("text", &to_base64(signature.to_der().as_bytes())).is_ok());
        assert!(key.check("other", &to_base64(&signature.to_bytes())).is_err());
        assert!(key.check("text", "***").is_err());
    }

    #[test]
    fn malformed_and_weak_keys_are_refused() {
        assert!(DeviceKey::from_bytes(&KeyAlg::EdDsa, &[1; 31]).is_err());
        // The neutral element: it verifies signatures that nobody made.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(DeviceKey::from_bytes(&KeyAlg::EdDsa, &neutral).is_err());
        assert!(DeviceKey::from_bytes(&KeyAlg::Es256, &[4; 65]).is_err());
        assert!(DeviceKey::from_bytes(&KeyAlg::from_word("RS256"), &[4; 65]).is_err());
    }
}
