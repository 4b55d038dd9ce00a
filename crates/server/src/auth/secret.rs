//! Random secrets as text, and their hashes at rest. Knows no purpose.

use crate::service::House;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::id::Sha256;

/// Crockford's base 32: no I, L, O, U, so that a code can be read aloud and typed.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random bytes from the house.
#[must_use]
pub fn random<const N: usize>(house: &House) -> [u8; N] {
    let mut bytes = [0; N];
    house.random.fill(&mut bytes);
    bytes
}

/// What is stored of a secret.
#[must_use]
pub fn hash(purpose: &str, secret: &[u8]) -> [u8; 32] {
    let mut all = Vec::with_capacity(purpose.len() + 1 + secret.len());
    all.extend_from_slice(purpose.as_bytes());
    all.push(0);
    all.extend_from_slice(secret);
    Sha256::of(&all).0
}

/// base64url without padding.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// 128 bits as 26 letters in groups of five, for a person to type.
#[must_use]
pub fn to_code(bytes: &[u8; 16]) -> String {
    let bits = u128::from_be_bytes(*bytes);
    let mut out = String::with_capacity(31);
    for at in 0..26u32 {
        if at > 0 && at % 5 == 0 {
            out.push('-');
        }
        let digit = (bits >> (5 * (25 - at))) & 31;
        out.push(char::from(BASE32[usize::try_from(digit).unwrap_or(0)]));
    }
    out
}

/// Reads a code as people type it: any case, spaces and dashes anywhere, O for 0, I and L for 1.
#[must_use]
pub fn from_code(text: &str) -> Option<[u8; 16]> {
    let mut bits: u128 = 0;
    let mut count = 0u32;
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let digit = BASE32.iter().position(|b| char::from(*b) == c)?;
        count += 1;
        // 26 letters hold 130 bits: the first may use only three of its five.
        if count > 26 || (count == 1 && digit > 7) {
            return None;
        }
        bits = (bits << 5) | digit as u128;
    }
    (count == 26).then(|| bits.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_the_way_people_type_it() {
        for bytes in [[0; 16], [255; 16], *b"0123456789abcdef"] {
            let code = to_code(&bytes);
            assert_eq!(from_code(&code), Some(bytes), "{code}");
            let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            assert_eq!(from_code(&typed), Some(bytes), "{typed}");
        }
        assert_eq!(from_code("ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-Z"), None);
        assert_eq!(from_code("12345"), None);
        assert_eq!(from_code("网格"), None);
    }
}
