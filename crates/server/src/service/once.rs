//! Requests of a desk that are done once however often they are sent: `Idempotency-Key`. Knows no HTTP.
//!
//! The key is noted before the work and its answer after it, each in a transaction of its own. Whoever asks again
//! after the server stopped in between is told to look: nothing is ever done twice.

use super::{Credential, House, ServiceError};
use blindspot_core::error::{CONFLICT, KEY_REUSED, TOO_MANY_REQUESTS};
use blindspot_core::limits::{REQUEST_KEY_MS, REQUEST_KEYS_MAX};
use blindspot_store::request_keys::{self, KeyRecord};
use serde::Serialize;

/// A key that came with a request, and the hash of all that the request says.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// As the desk made it up.
    pub key: String,
    /// Method, path and body.
    pub hash: [u8; 32],
}

/// What a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// JSON.
    pub text: String,
    /// Whether it is the answer of an earlier time.
    pub again: bool,
}

/// Does something once for a key; without one, as often as asked. An answer that holds a `secret` is not kept.
///
/// # Errors
/// `KEY_REUSED` for a key that came with another request; `CONFLICT` while the first is being done, and when its answer
/// is not to be had again; `Later(TOO_MANY_REQUESTS)` for too many keys; what the work itself refuses.
pub fn once<T: Serialize>(
    house: &House,
    who: Credential,
    key: Option<&RequestKey>,
    secret: bool,
    now_ms: i64,
    work: impl FnOnce() -> Result<T, ServiceError>,
) -> Result<Answered, ServiceError> {
    let fresh = |value: &T| Ok(Answered { text: serde_json::to_string(value)?, again: false });
    let Some(key) = key else { return fresh(&work()?) };
    if let Some(known) = begin(house, who, key, now_ms)? {
        return repeat(known, key);
    }
    match work().and_then(|value| fresh(&value)) {
        Ok(answered) => {
            let kept = (!secret).then_some(answered.text.as_str());
            house.store.write(|tx| request_keys::finish(tx, &house.city, who.person, &key.key, kept))?;
            Ok(answered)
        }
        Err(error) => {
            house.store.write(|tx| request_keys::forget(tx, &house.city, who.person, &key.key))?;
            Err(error)
        }
    }
}

/// Notes the key; what is known of it when it was there.
fn begin(
    house: &House,
    who: Credential,
    key: &RequestKey,
    now_ms: i64,
) -> Result<Option<KeyRecord>, ServiceError> {
    house.store.write(|tx| {
        request_keys::sweep(tx, &house.city, now_ms - REQUEST_KEY_MS)?;
        if let Some(known) = request_keys::load(tx, &house.city, who.person, &key.key)? {
            return Ok(Some(known));
        }
        if request_keys::count(tx, &house.city, who.person)? >= REQUEST_KEYS_MAX {
            return Err(ServiceError::Later(&TOO_MANY_REQUESTS, 3_600));
        }
        request_keys::begin(tx, &house.city, who.person, &key.key, key.hash, now_ms)?;
        Ok(None)
    })
}

fn repeat(known: KeyRecord, key: &RequestKey) -> Result<Answered, ServiceError> {
    if known.request_hash != key.hash {
        return Err(ServiceError::refused(&KEY_REUSED));
    }
    match known.answer {
        Some(text) => Ok(Answered { text, again: true }),
        None if known.done => {
            Err(ServiceError::because(&CONFLICT, "done before; what it answered is shown only once"))
        }
        None => Err(ServiceError::because(
            &CONFLICT,
            "the first request with this key has not ended: look before you use another key",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::{T0, house};
    use blindspot_core::{DeviceId, PersonId};
    use std::cell::Cell;

    fn who() -> Credential {
        Credential {
            person: PersonId::from_parts(1, [1; 10]),
            device: DeviceId::from_parts(1, [2; 10]),
            desk: true,
        }
    }
    fn key(key: &str, body: u8) -> RequestKey {
        RequestKey { key: key.into(), hash: [body; 32] }
    }

    #[test]
    fn a_key_is_worked_once_and_answers_the_same_for_a_day() {
        let (house, done) = (house(), Cell::new(0));
        let ask = |key: &RequestKey, secret, now| {
            once(&house, who(), Some(key), secret, now, || {
                done.set(done.get() + 1);
                Ok(done.get())
            })
        };
        let first = ask(&key("a", 1), false, T0).expect("done");
        assert_eq!((first.text.as_str(), first.again), ("1", false));
        let again = ask(&key("a", 1), false, T0 + 1).expect("answered");
        assert_eq!((again.text.as_str(), again.again, done.get()), ("1", true, 1));
        assert!(ask(&key("a", 2), false, T0).is_err_and(|e| e.to_string().starts_with("key_reused")));
        ask(&key("s", 1), true, T0).expect("done");
        assert!(ask(&key("s", 1), true, T0).is_err_and(|e| e.to_string().starts_with("conflict")));
        let stored =
            house.store.read(|tx| request_keys::load(tx, &house.city, who().person, "s")).expect("read");
        assert_eq!(stored.expect("there").answer, None, "no secret at rest");
        assert!(!ask(&key("a", 1), false, T0 + REQUEST_KEY_MS + 1).expect("a day later").again);
    }

    #[test]
    fn a_refused_request_may_come_again_and_one_cut_off_is_never_done_twice() {
        let house = house();
        let refused = once::<u8>(&house, who(), Some(&key("a", 1)), false, T0, || {
            Err(ServiceError::refused(&CONFLICT))
        });
        assert!(refused.is_err());
        assert!(once(&house, who(), Some(&key("a", 1)), false, T0, || Ok(1)).is_ok());
        assert!(begin(&house, who(), &key("cut", 1), T0).expect("begun").is_none());
        assert!(once(&house, who(), Some(&key("cut", 1)), false, T0, || Ok(1)).is_err());
    }
}
