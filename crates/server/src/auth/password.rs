//! Passwords: argon2id with 19 MiB, two passes, one lane (the first choice of OWASP's password storage
//! cheat sheet), and what a new one must not be. Knows no accounts.
//!
//! The 19 MiB of a hash are taken from a small pool and put back: an allocator would keep one for each thread
//! that ever hashed.

use crate::service::ServiceError;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use blindspot_core::error::{INTERNAL, WEAK_PASSWORD};
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq as _;

/// Fewest characters of a new password.
pub const CHARS_MIN: usize = 8;
/// Most characters of a new password.
pub const CHARS_MAX: usize = 128;
/// Most bytes of a password that is looked at.
const BYTES_MAX: usize = 4 * CHARS_MAX;
/// Passwords that everybody tries first, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");
/// Hashes at once; more are not asked for (see `http::turns`).
pub const AT_ONCE_MAX: usize = 4;
const MEMORY_KIB: u32 = 19 * 1024;

static POOL: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

fn internal(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::because(&INTERNAL, error.to_string())
}

fn params() -> Result<Params, ServiceError> {
    Params::new(MEMORY_KIB, 2, 1, None).map_err(internal)
}

/// Hashes with memory from the pool.
fn raw(password: &str, salt: &[u8], params: Params) -> Result<[u8; 32], ServiceError> {
    let blocks = params.block_count();
    let mut memory = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    let mut out = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut out, &mut memory);
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.len() < AT_ONCE_MAX {
        pool.push(memory);
    }
    done.map_err(internal)?;
    Ok(out)
}

/// The hash to keep of a new password, in PHC form.
///
/// # Errors
/// `WEAK_PASSWORD` with what is wrong with it, in both languages.
pub fn hash_new(login: &str, password: &str, salt: [u8; 16]) -> Result<String, ServiceError> {
    if let Some(why) = weakness(login, password) {
        return Err(ServiceError::because(&WEAK_PASSWORD, why));
    }
    hash(password, salt)
}

fn hash(password: &str, salt: [u8; 16]) -> Result<String, ServiceError> {
    let params = params()?;
    let out = raw(password, &salt, params.clone())?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(internal)?,
        salt: Some(Salt::new(&salt).map_err(internal)?),
        hash: Some(Output::new(&out).map_err(internal)?),
    };
    Ok(hash.to_string())
}

/// Why a new password will not do, if it will not.
fn weakness(login: &str, password: &str) -> Option<String> {
    let chars = password.chars().count();
    if chars < CHARS_MIN {
        return Some(format!("至少 {CHARS_MIN} 个字符 · {CHARS_MIN} characters or more"));
    }
    if chars > CHARS_MAX {
        return Some(format!("最多 {CHARS_MAX} 个字符 · at most {CHARS_MAX} characters"));
    }
    let plain = password.trim().to_lowercase();
    let login = login.trim().to_lowercase();
    let reversed: String = login.chars().rev().collect();
    if !login.is_empty() && (plain == login || plain == reversed || plain == login.repeat(2)) {
        return Some("不能和登录名一样 · it must not be the login".to_owned());
    }
    let first = plain.chars().next();
    if plain.chars().all(|c| Some(c) == first) || COMMON.lines().any(|common| common == plain) {
        return Some("太常见，别人会先试它 · too common: it is what others try first".to_owned());
    }
    None
}

/// Whether a password has this hash. A missing hash costs the same time, so that the answer's delay does
/// not tell which accounts exist.
#[must_use]
pub fn matches(password: &str, kept: Option<&str>) -> bool {
    if password.len() > BYTES_MAX {
        return false;
    }
    let parsed = kept.and_then(|text| PasswordHash::new(text).ok());
    let stored = parsed.as_ref().and_then(|p| Some((p.salt?, p.hash?, Params::try_from(p).ok()?)));
    match stored {
        Some((salt, hash, params)) => {
            raw(password, salt.as_ref(), params).is_ok_and(|out| out.as_slice().ct_eq(hash.as_bytes()).into())
        }
        None => {
            let _ = params().and_then(|params| raw(password, &[0; 16], params));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_matches() {
        let kept = hash_new("wang", "稠江街道 2026", [3; 16]).expect("hash");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(matches("稠江街道 2026", Some(&kept)));
        assert!(!matches("稠江街道 2027", Some(&kept)));
        assert!(!matches("稠江街道 2026", None));
        assert!(!matches("稠江街道 2026", Some("rubbish")));
        assert!(!matches(&"x".repeat(BYTES_MAX + 1), Some(&kept)));
    }

    #[test]
    fn a_hash_is_what_any_argon2_says_it_is() {
        use argon2::password_hash::PasswordVerifier as _;
        let kept = hash("correct horse", [5; 16]).expect("hash");
        let parsed = PasswordHash::new(&kept).expect("PHC");
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"correct house", &parsed).is_err());
    }

    #[test]
    fn weak_passwords_are_refused_and_told_why_in_both_languages() {
        for (login, password) in [
            ("wang", "short"),
            ("wangxiaohu", "WangXiaoHu"),
            ("wangxiaohu", "uhoaixgnaw"),
            ("wang", "wangwang"),
            ("wang", "12345678"),
            ("wang", "P@ssw0rd"),
            ("wang", "aaaaaaaaaaaa"),
            ("wang", "网网网网网网网网"),
            ("wang", &"长".repeat(129)),
        ] {
            let why = weakness(login, password).unwrap_or_else(|| panic!("{password} passed"));
            assert!(why.contains(" · ") && why.chars().any(|c| c as u32 > 0x2e80), "{why}");
            let refused = hash_new(login, password, [0; 16]);
            assert!(matches!(refused, Err(ServiceError::Refused(t, Some(_))) if t.code == "weak_password"));
        }
        for password in ["correct horse", "稠江街道 2026", "wang-1987-xiaohu", "Tianshu!42"] {
            assert_eq!(weakness("wang", password), None, "{password}");
        }
        assert!(
            COMMON.lines().all(|c| c == c.to_lowercase() && c.len() >= CHARS_MIN),
            "the list is in its form"
        );
    }
}
