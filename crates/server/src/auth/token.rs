//! Access tokens: JWTs signed with EdDSA and nothing else. Knows no devices and no storage.
//!
//! jsonwebtoken's own cryptography is replaced by a provider of ours over ed25519-dalek, which offers
//! one algorithm. Time is judged here, from `now_ms` handed in: the crate would ask the system's clock.

use crate::auth::keys::Keys;
use crate::auth::secret::{from_base64, to_base64};
use blindspot_core::id::{CityId, Sha256};
use blindspot_core::limits::{ACCESS_TOKEN_S, HAND_IN_TOKEN_S};
use blindspot_core::{DeviceId, PersonId};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The one algorithm; what a token's header says is never asked.
const ALGORITHM: Algorithm = Algorithm::EdDSA;
/// Whom the tokens are for.
const AUDIENCE: &str = "blindspot-device";
/// The types of token signed with this key.
const TYPES: [&str; 2] = ["access", HAND_IN];
/// The type of a revoked device's token.
pub(crate) const HAND_IN: &str = "hand_in";
/// Clocks of several servers may differ by this much, seconds.
const LEEWAY_S: i64 = 60;
/// Longest token that is looked at, bytes.
const TOKEN_BYTES_MAX: usize = 2048;

/// What an access token says. Every field is required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// End, unix seconds.
    pub exp: i64,
    /// Beginning, unix seconds.
    pub nbf: i64,
    /// When it was made, unix seconds.
    pub iat: i64,
    /// `blindspot:<city>`.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The enrolment.
    pub sub: DeviceId,
    /// Names this token.
    pub jti: String,
    /// `access` or `hand_in`.
    pub typ: String,
    /// The person.
    pub person: PersonId,
    /// The token family, base64url.
    pub fam: String,
    /// Which of its refresh tokens it came with.
    #[serde(rename = "gen")]
    pub generation: i64,
}

impl Claims {
    /// The token family's id.
    #[must_use]
    pub fn family(&self) -> Option<[u8; 16]> {
        from_base64(&self.fam)?.try_into().ok()
    }
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It was good once.
    Expired,
    /// It is not ours, or says what none of ours says.
    Invalid,
}

/// For whom a token is made.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The enrolment.
    pub device: DeviceId,
    /// The person.
    pub person: PersonId,
    /// The token family.
    pub family: [u8; 16],
    /// Its generation.
    pub generation: i64,
}

/// Makes and reads access tokens.
pub struct AccessTokens {
    kid: String,
    signing: EncodingKey,
    /// Keys by their id: fixed at start, never fetched because a token asks.
    keys: BTreeMap<String, DecodingKey>,
    issuer: String,
}

impl AccessTokens {
    /// Over the keys of a house.
    #[must_use]
    pub fn new(keys: &Keys, city: &CityId) -> Self {
        // A second installation in one process finds the same provider there.
        let _ = PROVIDER.install_default();
        let public = keys.token_key().verifying_key();
        let kid = to_base64(&Sha256::of(public.as_bytes()).0[..9]);
        let known = BTreeMap::from([(kid.clone(), DecodingKey::from_ed_der(public.as_bytes()))]);
        Self {
            kid,
            signing: EncodingKey::from_ed_der(&keys.token_key().to_bytes()),
            keys: known,
            issuer: format!("blindspot:{city}"),
        }
    }

    /// A token and its end in milliseconds since 1970.
    ///
    /// # Errors
    /// When signing fails, which Ed25519 does not.
    pub fn mint(&self, subject: Subject, jti: [u8; 12], now_ms: i64) -> JwtResult<(String, i64)> {
        self.sign(subject, (TYPES[0], ACCESS_TOKEN_S), jti, now_ms)
    }

    /// As `mint`, for a revoked device.
    ///
    /// # Errors
    /// As `mint`.
    pub fn mint_hand_in(
        &self,
        (device, person): (DeviceId, PersonId),
        jti: [u8; 12],
        now_ms: i64,
    ) -> JwtResult<(String, i64)> {
        let subject = Subject { device, person, family: [0; 16], generation: 0 };
        self.sign(subject, (HAND_IN, HAND_IN_TOKEN_S), jti, now_ms)
    }

    fn sign(
        &self,
        subject: Subject,
        (typ, life_s): (&str, i64),
        jti: [u8; 12],
        now_ms: i64,
    ) -> JwtResult<(String, i64)> {
        let now = now_ms.div_euclid(1000);
        let claims = Claims {
            exp: now + life_s,
            nbf: now,
            iat: now,
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: subject.device,
            jti: to_base64(&jti),
            typ: typ.to_owned(),
            person: subject.person,
            fam: to_base64(&subject.family),
            generation: subject.generation,
        };
        let mut header = Header::new(ALGORITHM);
        header.kid = Some(self.kid.clone());
        Ok((jsonwebtoken::encode(&header, &claims, &self.signing)?, claims.exp * 1000))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// `Expired` for one of ours whose time is over, `Invalid` for everything else.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
        let key = header.kid.as_ref().and_then(|kid| self.keys.get(kid)).ok_or(TokenFault::Invalid)?;
        let mut validation = Validation::new(ALGORITHM);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        let claims =
            jsonwebtoken::decode::<Claims>(token, key, &validation).map_err(|_| TokenFault::Invalid)?.claims;
        let now = now_ms.div_euclid(1000);
        let early = claims.nbf > now + LEEWAY_S || claims.iat > now + LEEWAY_S;
        // None of ours lives longer than this.
        let endless = claims.exp > claims.iat.saturating_add(ACCESS_TOKEN_S);
        if !TYPES.contains(&claims.typ.as_str()) || early || endless || claims.family().is_none() {
            return Err(TokenFault::Invalid);
        }
        if claims.exp < now - LEEWAY_S {
            return Err(TokenFault::Expired);
        }
        Ok(claims)
    }
}

/// One algorithm, one library.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(EdSigner::new(*algorithm, key)?)),
    verifier_factory: |algorithm, key| Ok(Box::new(EdVerifier::new(*algorithm, key)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

fn bad_key() -> Error {
    ErrorKind::InvalidKeyFormat.into()
}

struct EdSigner(SigningKey);

impl EdSigner {
    fn new(algorithm: Algorithm, key: &EncodingKey) -> JwtResult<Self> {
        if algorithm != ALGORITHM {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        let seed: &[u8; 32] = key.as_bytes().try_into().map_err(|_| bad_key())?;
        Ok(Self(SigningKey::from_bytes(seed)))
    }
}

impl Signer<Vec<u8>> for EdSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl JwtSigner for EdSigner {
    fn algorithm(&self) -> Algorithm {
        ALGORITHM
    }
}

struct EdVerifier(VerifyingKey);

impl EdVerifier {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> JwtResult<Self> {
        if algorithm != ALGORITHM {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        let DecodingKeyKind::SecretOrDer(bytes) = key.kind() else { return Err(bad_key()) };
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| bad_key())?;
        Ok(Self(VerifyingKey::from_bytes(bytes).map_err(|_| bad_key())?))
    }
}

impl Verifier<Vec<u8>> for EdVerifier {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), signature::Error> {
        let wrong = |_| signature::Error::new();
        let given = ed25519_dalek::Signature::from_slice(given).map_err(wrong)?;
        self.0.verify_strict(message, &given).map_err(wrong)
    }
}

impl JwtVerifier for EdVerifier {
    fn algorithm(&self) -> Algorithm {
        ALGORITHM
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
