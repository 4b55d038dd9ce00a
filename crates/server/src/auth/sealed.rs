//! What must be read again but never shown: closed with a key that comes from the data folder's `secret.key`, so that a copy
//! of the database alone, or a backup that fell into wrong hands without the key, says nothing. Knows no purpose.

use super::keys::Keys;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Closes bytes. `about` says what they belong to: moved elsewhere in the database they cannot be opened. `nonce` is random.
#[must_use]
pub fn close(keys: &Keys, about: &[u8], nonce: [u8; NONCE_LEN], plain: &[u8]) -> Vec<u8> {
    let mut body = plain.to_vec();
    let sealed = key(keys).and_then(|key| {
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut body).ok()
    });
    // ChaCha20-Poly1305 takes keys of 32 bytes and texts far longer than any of ours.
    assert!(sealed.is_some(), "a secret was not closed");
    [nonce.as_slice(), &body].concat()
}

/// Opens what `close` gave for the same `about`; nothing when it was changed or is another key's.
#[must_use]
pub fn open(keys: &Keys, about: &[u8], closed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = closed.split_first_chunk::<NONCE_LEN>()?;
    let mut body = body.to_vec();
    let plain = key(keys)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(about), &mut body)
        .ok()?
        .len();
    body.truncate(plain);
    Some(body)
}

fn key(keys: &Keys) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, keys.seal_key()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_opens_for_its_own_place_and_key_alone() {
        let keys = Keys::from_seed(&[7; 32]);
        let closed = close(&keys, b"one", [1; NONCE_LEN], "密钥".as_bytes());
        assert!(!closed.windows(3).any(|w| w == "密".as_bytes()));
        assert_eq!(open(&keys, b"one", &closed).as_deref(), Some("密钥".as_bytes()));
        assert_eq!(open(&keys, b"two", &closed), None);
        assert_eq!(open(&Keys::from_seed(&[8; 32]), b"one", &closed), None);
        let mut changed = closed.clone();
        changed[NONCE_LEN] ^= 1;
        assert_eq!(open(&keys, b"one", &changed), None);
        assert_eq!(open(&keys, b"one", &closed[..5]), None);
    }
}
