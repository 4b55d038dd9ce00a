//! The name of a photo's bytes. Must not know what the bytes are.

use sha2::{Digest, Sha256};

/// SHA-256 of exactly these bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
