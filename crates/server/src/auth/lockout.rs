//! Lock-out: wrong tries are counted durably for an account as strangers see it, and for each browser that has
//! been let in before; never for an address. Knows no passwords.
//!
//! A try is counted before it is looked at, so that many at once find one counter. A browser in which somebody
//! has signed in has its own counter for that account: a stranger's guesses do not lock the owner out of it.

use crate::auth::secret;
use crate::service::{House, ServiceError};
use blindspot_core::PersonId;
use blindspot_core::error::LOCKED_OUT;
use blindspot_store::{Tx, accounts, audit};

/// Wrong tries before waiting begins.
pub const FAILS_MAX: i64 = 5;
/// First wait, milliseconds (15 min); each further wrong try doubles it, to a day.
pub const LOCK_MS: i64 = 15 * 60_000;
const LOCK_MS_MAX: i64 = 24 * 3_600_000;
/// A counter that nobody feeds is forgotten after this long, milliseconds (7 days).
pub const FORGET_MS: i64 = 7 * 24 * 3_600_000;

/// What one try counts against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counters(Vec<String>);

impl Counters {
    /// Of a sign-in: `browser` is the hash of a browser that is known, `known_here` whether for this account.
    pub(crate) fn of_sign_in(
        house: &House,
        (login, person): (&str, Option<PersonId>),
        browser: Option<[u8; 32]>,
        known_here: bool,
    ) -> Self {
        let browser = browser.map(|hash| format!("browser:{}", secret::to_base64(&hash[..12])));
        let account = match person {
            Some(person) => format!("account:{person}"),
            // Logins that nobody has share counters: made-up ones must not fill the disk.
            None => {
                let mac = house.keys.mac("login without account", login.as_bytes());
                format!("nobody:{:02x}{:02x}", mac[0], mac[1])
            }
        };
        Self(match browser {
            Some(browser) if known_here => vec![browser],
            Some(browser) => vec![account, browser],
            None => vec![account],
        })
    }

    /// Of somebody signed in who gives the old password once more.
    pub(crate) fn of_change(person: PersonId) -> Self {
        Self(vec![format!("change:{person}")])
    }

    /// Counts a try as a wrong one.
    ///
    /// # Errors
    /// `Later(LOCKED_OUT)` while one of the counters waits; then nothing is counted.
    pub(crate) fn begin(&self, tx: &Tx<'_>, house: &House, now_ms: i64) -> Result<(), ServiceError> {
        let mut found = vec![];
        for subject in &self.0 {
            let (fails, until) = accounts::load_failures(tx, &house.city, subject)?;
            if until > now_ms {
                return Err(locked(until, now_ms));
            }
            found.push((subject, fails + 1));
        }
        for (subject, fails) in found {
            let doublings = (fails - FAILS_MAX).clamp(0, 16);
            let wait = LOCK_MS.saturating_mul(1 << doublings).min(LOCK_MS_MAX);
            let until = if fails >= FAILS_MAX { now_ms + wait } else { 0 };
            accounts::save_failures(tx, &house.city, subject, (fails, until), now_ms)?;
        }
        Ok(())
    }

    /// The try was right: what it was counted against is forgotten.
    pub(crate) fn passed(&self, tx: &Tx<'_>, house: &House) -> Result<(), ServiceError> {
        for subject in &self.0 {
            accounts::clear_failures(tx, &house.city, subject)?;
        }
        Ok(())
    }

    /// The try was wrong: notes it for an account that exists, and gives the refusal.
    pub(crate) fn failed(
        &self,
        house: &House,
        person: Option<PersonId>,
        wrong: ServiceError,
        now_ms: i64,
    ) -> Result<ServiceError, ServiceError> {
        let until = house.store.write(|tx| {
            let mut until = 0;
            for subject in &self.0 {
                until = until.max(accounts::load_failures(tx, &house.city, subject)?.1);
            }
            if let Some(person) = person {
                let result = if until > now_ms { "locked" } else { "wrong" };
                let object = person.to_string();
                audit::append(tx, &house.city, now_ms, "system", "sign_in_failed", &object, result, "{}")?;
            }
            Ok::<_, ServiceError>(until)
        })?;
        Ok(if until > now_ms { locked(until, now_ms) } else { wrong })
    }
}

/// Forgets what strangers' wrong tries locked: somebody who may has looked into it.
pub(crate) fn forgive(tx: &Tx<'_>, house: &House, person: PersonId) -> Result<(), ServiceError> {
    for subject in [format!("account:{person}"), format!("change:{person}")] {
        accounts::clear_failures(tx, &house.city, &subject)?;
    }
    Ok(())
}

fn locked(until_ms: i64, now_ms: i64) -> ServiceError {
    let seconds = (until_ms - now_ms).div_euclid(1000) + 1;
    ServiceError::Later(&LOCKED_OUT, u32::try_from(seconds).unwrap_or(u32::MAX))
}
