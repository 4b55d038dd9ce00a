//! Passwords: argon2id with 19 MiB, two passes, one lane (the first choice of OWASP's password storage
//! cheat sheet). Knows no accounts.

use crate::service::ServiceError;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use blindspot_core::error::{BAD_REQUEST, INTERNAL};

/// Fewest characters of a new password.
pub const CHARS_MIN: usize = 8;
/// Most bytes of a password that is looked at.
pub const BYTES_MAX: usize = 512;

fn argon2() -> Result<Argon2<'static>, ServiceError> {
    let params =
        Params::new(19 * 1024, 2, 1, None).map_err(|e| ServiceError::because(&INTERNAL, e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash to keep, in PHC form.
///
/// # Errors
/// `BAD_REQUEST` for a password that is too short or too long.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, ServiceError> {
    if password.chars().count() < CHARS_MIN || password.len() > BYTES_MAX {
        return Err(ServiceError::because(&BAD_REQUEST, format!("password: {CHARS_MIN} characters or more")));
    }
    let hash: PasswordHash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|e| ServiceError::because(&INTERNAL, e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a password has this hash. A missing hash costs the same time, so that the answer's delay does
/// not tell which accounts exist.
#[must_use]
pub fn matches(password: &str, hash: Option<&str>) -> bool {
    if password.len() > BYTES_MAX {
        return false;
    }
    let Ok(argon2) = argon2() else { return false };
    match hash.map(PasswordHash::new) {
        Some(Ok(parsed)) => argon2.verify_password(password.as_bytes(), &parsed).is_ok(),
        _ => {
            let mut out = [0; 32];
            let _ = argon2.hash_password_into(password.as_bytes(), &[0; 16], &mut out);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_matches() {
        let kept = hash("稠江街道 2026", [3; 16]).expect("hash");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(matches("稠江街道 2026", Some(&kept)));
        assert!(!matches("稠江街道 2027", Some(&kept)));
        assert!(!matches("稠江街道 2026", None));
        assert!(hash("short", [0; 16]).is_err());
    }
}
