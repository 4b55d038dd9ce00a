//! A person's PIN on a shared phone: a salted slow hash, and wrong tries that cost growing waits. Knows no replica.

use crate::error::ClientError;
use crate::host::{Now, Random};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Digits of a PIN.
const DIGITS: usize = 6;
/// Wrong PINs in a row before waiting begins.
const FREE_TRIES: u32 = 5;
/// Wrong PINs in a row after which only a new enrolment opens the replica.
const TRIES_MAX: u32 = 10;
/// First wait, milliseconds; each further wrong PIN doubles it.
const WAIT_MS: i64 = 30_000;

/// A PIN as kept: argon2id with 19 MiB and two passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    salt: String,
    hash: String,
}

fn hash(pin: &str, salt: &str) -> Result<String, ClientError> {
    let broken = |e: argon2::Error| ClientError::Stored(format!("PIN: {e}"));
    let params = Params::new(19 * 1024, 2, 1, None).map_err(broken)?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.as_bytes(), salt.as_bytes(), &mut out)
        .map_err(broken)?;
    Ok(URL_SAFE_NO_PAD.encode(out))
}

impl Pin {
    /// Of six digits.
    pub(crate) fn new(pin: &str, rnd: &mut dyn Random) -> Result<Self, ClientError> {
        let digits = pin.len() == DIGITS && pin.bytes().all(|b| b.is_ascii_digit());
        let first = pin.bytes().next();
        if !digits || pin.bytes().all(|b| Some(b) == first) {
            return Err(ClientError::BadPin);
        }
        let mut salt = [0; 16];
        rnd.fill(&mut salt);
        let salt = URL_SAFE_NO_PAD.encode(salt);
        Ok(Self { hash: hash(pin, &salt)?, salt })
    }

    pub(crate) fn matches(&self, given: &str) -> Result<bool, ClientError> {
        let given = hash(given, &self.salt)?;
        // Every letter is looked at, however early they differ.
        let differ = given.bytes().zip(self.hash.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        Ok(differ == 0 && given.len() == self.hash.len())
    }
}

/// Wrong PINs in a row, and when the last one was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tries {
    #[serde(default)]
    wrong: u32,
    /// Phone time of the last one.
    #[serde(default)]
    wall_ms: i64,
    /// By the clock that counts sleep, and the boot it counts from.
    #[serde(default)]
    mono_ms: Option<i64>,
    #[serde(default)]
    boot_id: Option<String>,
}

fn wait_ms(wrong: u32) -> i64 {
    if wrong < FREE_TRIES { 0 } else { WAIT_MS << (wrong - FREE_TRIES).min(10) }
}

fn refused(wait_ms: i64) -> ClientError {
    ClientError::WrongPin { wait_s: (wait_ms + 999) / 1_000 }
}

impl Tries {
    pub(crate) fn are_spent(&self) -> bool {
        self.wrong >= TRIES_MAX
    }

    /// Counts a try as a wrong one before it is looked at; refuses it while a wait lasts.
    pub(crate) fn begin(&mut self, now: &Now) -> Result<(), ClientError> {
        if self.are_spent() {
            return Err(ClientError::PinSpent);
        }
        let wait = wait_ms(self.wrong);
        if wait > 0 {
            let passed = self.passed_ms(now);
            if passed < 0 {
                // The clock was put back: the wait begins anew, neither shorter nor without end.
                self.note(now);
            }
            let left = wait - passed.max(0);
            if left > 0 {
                return Err(refused(left));
            }
        }
        self.wrong += 1;
        self.note(now);
        Ok(())
    }

    /// Says how the try came out.
    pub(crate) fn end(&mut self, right: bool, now: &Now) -> Result<(), ClientError> {
        if right {
            *self = Self::default();
            return Ok(());
        }
        self.note(now);
        if self.are_spent() { Err(ClientError::PinSpent) } else { Err(refused(wait_ms(self.wrong))) }
    }

    fn note(&mut self, now: &Now) {
        self.wall_ms = now.wall_ms;
        self.mono_ms = now.boot_id.as_ref().and(now.mono_ms);
        self.boot_id = now.mono_ms.and(now.boot_id.clone());
    }

    /// Since the last wrong one: by the clock that nobody can set, where the phone has not been started anew.
    fn passed_ms(&self, now: &Now) -> i64 {
        match (self.mono_ms, now.mono_ms) {
            (Some(then), Some(mono)) if self.boot_id.is_some() && self.boot_id == now.boot_id => mono - then,
            _ => now.wall_ms.saturating_sub(self.wall_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_ms: i64, mono_ms: i64, boot: &str) -> Now {
        Now { wall_ms, mono_ms: Some(mono_ms), boot_id: Some(boot.to_owned()) }
    }

    fn wrong(tries: &mut Tries, now: &Now) -> Result<(), ClientError> {
        tries.begin(now).and_then(|()| tries.end(false, now))
    }

    fn wait_of(result: Result<(), ClientError>) -> i64 {
        match result {
            Err(ClientError::WrongPin { wait_s }) => wait_s,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_grow_and_the_tenth_wrong_pin_is_the_last() {
        let (mut tries, mut now, mut waits) = (Tries::default(), 1_000_000, vec![]);
        for _ in 0..9 {
            let wait = wait_of(wrong(&mut tries, &Now::wall(now)));
            waits.push(wait);
            now += wait * 1_000;
        }
        assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480]);
        assert!(matches!(wrong(&mut tries, &Now::wall(now)), Err(ClientError::PinSpent)));
        assert!(matches!(tries.begin(&Now::wall(now + 90 * 86_400_000)), Err(ClientError::PinSpent)));
    }

    #[test]
    fn no_setting_of_the_clock_ends_a_wait_while_the_phone_is_on() {
        let mut tries = Tries::default();
        for _ in 0..5 {
            let _ = wrong(&mut tries, &at(1_000_000, 5_000, "b"));
        }
        assert_eq!(wait_of(tries.begin(&at(9_000_000_000, 6_000, "b"))), 29, "put forward by months");
        assert_eq!(wait_of(tries.begin(&at(0, 7_000, "b"))), 28, "put back");
        assert!(tries.clone().begin(&at(1_000_000, 35_000, "b")).is_ok());
        // After a restart only the wall clock is left; put back, the wait begins anew, once.
        assert_eq!(wait_of(tries.begin(&at(500_000, 100, "c"))), 30);
        assert_eq!(wait_of(tries.begin(&at(510_000, 10_100, "c"))), 20);
        assert!(tries.begin(&at(530_000, 30_100, "c")).is_ok());
    }

    #[test]
    fn a_pin_is_six_digits_and_kept_as_a_salted_hash() {
        let mut n = 0;
        let mut rnd = |buf: &mut [u8]| {
            n += 1;
            buf.fill(n);
        };
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "000000"] {
            assert!(matches!(Pin::new(bad, &mut rnd), Err(ClientError::BadPin)), "{bad}");
        }
        let (one, two) = (Pin::new("135790", &mut rnd).unwrap(), Pin::new("135790", &mut rnd).unwrap());
        assert_ne!(one.hash, two.hash, "salted");
        assert!(one.matches("135790").unwrap() && !one.matches("135791").unwrap());
        assert!(!one.matches("").unwrap());
    }
}
