//! Token buckets: how often one key may ask, by class. In memory and bounded; time is handed in.
//!
//! A bucket is kept as the one moment at which it will be full again (the generic cell rate algorithm), so that
//! a full bucket need not be kept at all. Keys are devices and accounts, not addresses: one carrier's address
//! is hundreds of phones. Work links alone, which know no account, have a wide one for addresses as well.

use super::Rates;
use blindspot_core::id::Sha256;
use blindspot_core::{DeviceId, PersonId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most buckets remembered in one class; beyond it those that are full are dropped, then all.
const KEYS_MAX: usize = 100_000;
/// How many devices' worth one account has.
const ACCOUNT_FACTOR: u32 = 4;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A push.
    Push,
    /// A pull or an event stream.
    Pull,
    /// A step of an upload.
    Upload,
    /// Anything else that a signed-in person asks.
    Read,
    /// A sign-in.
    SignIn,
    /// A wrong code or proof.
    Wrong,
    /// A request by a work link.
    Link,
    /// The same, by the address that it came from.
    LinkAddress,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// One enrolment or desk session.
    Device([u8; 16]),
    /// One person, on all devices.
    Account([u8; 16]),
    /// A text that nobody has proved, by its hash.
    Claimed([u8; 16]),
    /// Everybody together.
    All,
}

impl Key {
    /// The bucket of a device.
    #[must_use]
    pub fn device(device: DeviceId) -> Self {
        Key::Device(*device.as_bytes())
    }

    /// The bucket of a person.
    #[must_use]
    pub fn account(person: PersonId) -> Self {
        Key::Account(*person.as_bytes())
    }

    /// The bucket of an unproved text.
    #[must_use]
    pub fn claimed(text: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Sha256::of(text.as_bytes()).0[..16]);
        Key::Claimed(bytes)
    }
}

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute, for ever.
    pub per_minute: u32,
    /// Requests at once, after a pause.
    pub burst: u32,
}

/// See the module text.
pub struct Buckets {
    rates: Rates,
    /// By class: when a key's bucket is full again, microseconds since 1970.
    full_us: [Mutex<BTreeMap<Key, i64>>; 8],
}

impl Buckets {
    /// Full buckets.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self { rates, full_us: Default::default() }
    }

    fn rate(&self, class: Class, key: Key) -> Rate {
        let rate = match class {
            Class::Push => self.rates.push,
            Class::Pull => self.rates.pull,
            Class::Upload => self.rates.upload,
            Class::Read => self.rates.read,
            Class::SignIn => self.rates.sign_in,
            Class::Wrong => self.rates.wrong,
            Class::Link => self.rates.link,
            Class::LinkAddress => self.rates.link_address,
        };
        let factor = if matches!(key, Key::Account(_)) { ACCOUNT_FACTOR } else { 1 };
        Rate {
            per_minute: rate.per_minute.saturating_mul(factor).max(1),
            burst: rate.burst.saturating_mul(factor).max(1),
        }
    }

    /// Takes one token from each key's bucket, or none at all.
    ///
    /// # Errors
    /// The milliseconds until it would be worth asking again.
    pub fn take(&self, class: Class, keys: &[Key], now_ms: i64) -> Result<(), i64> {
        let now = now_ms.saturating_mul(1_000);
        let slot = &self.full_us[class as usize];
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = [(Key::All, 0); 2];
        let mut wait = 0;
        for (place, key) in next.iter_mut().zip(keys) {
            let rate = self.rate(class, *key);
            let step = 60_000_000 / i64::from(rate.per_minute);
            let room = step.saturating_mul(i64::from(rate.burst));
            // Later than a bucket ever takes to fill: the clock was put back, which must lock nobody out.
            let kept = known.get(key).copied().filter(|full| *full <= now.saturating_add(room));
            let full = kept.unwrap_or(now).max(now);
            *place = (*key, full + step);
            wait = wait.max(full + step - now - room);
        }
        if wait > 0 {
            return Err((wait + 999) / 1_000);
        }
        if known.len() + next.len() > KEYS_MAX {
            known.retain(|_, full| *full > now);
            if known.len() + next.len() > KEYS_MAX {
                known.clear();
            }
        }
        known.extend(next.into_iter().take(keys.len()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_780_272_000_000;

    fn key(n: u32) -> Key {
        Key::claimed(&n.to_string())
    }

    #[test]
    fn a_burst_is_given_and_then_the_rate_and_no_more() {
        let buckets = Buckets::new(Rates::default());
        let Rate { per_minute, burst } = Rates::default().push;
        for _ in 0..burst {
            assert_eq!(buckets.take(Class::Push, &[key(1)], NOW), Ok(()));
        }
        let wait = buckets.take(Class::Push, &[key(1)], NOW).unwrap_err();
        assert!((1..1_000).contains(&wait), "{wait}");
        assert_eq!(buckets.take(Class::Push, &[key(2)], NOW), Ok(()), "another's bucket");
        assert_eq!(buckets.take(Class::Pull, &[key(1)], NOW), Ok(()), "another class");
        let given = (0..60_000).filter(|ms| buckets.take(Class::Push, &[key(1)], NOW + ms).is_ok()).count();
        assert!((per_minute as usize - 2..=per_minute as usize + 2).contains(&given), "{given}");
    }

    #[test]
    fn nothing_is_taken_from_one_bucket_when_another_is_empty() {
        let buckets = Buckets::new(Rates::default());
        let account = Key::account(PersonId::from_parts(1, [1; 10]));
        let burst = Rates::default().read.burst;
        // Four phones of one person empty the account; a fifth finds it empty and keeps its own tokens.
        for phone in 0..4 {
            for _ in 0..burst {
                assert_eq!(buckets.take(Class::Read, &[key(phone), account], NOW), Ok(()));
            }
        }
        assert!(buckets.take(Class::Read, &[key(9), account], NOW).is_err());
        for _ in 0..burst {
            assert_eq!(buckets.take(Class::Read, &[key(9)], NOW), Ok(()));
        }
    }

    #[test]
    fn a_clock_put_back_locks_nobody_out_and_memory_is_bounded() {
        let buckets = Buckets::new(Rates::default());
        assert_eq!(buckets.take(Class::SignIn, &[key(1)], NOW), Ok(()));
        assert_eq!(buckets.take(Class::SignIn, &[key(1)], NOW - 365 * 86_400_000), Ok(()));
        for n in 0..u32::try_from(KEYS_MAX).unwrap() + 10 {
            let _ = buckets.take(Class::Wrong, &[key(n)], NOW);
        }
        assert!(buckets.full_us[Class::Wrong as usize].lock().unwrap().len() <= KEYS_MAX);
    }
}
