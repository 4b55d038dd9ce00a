//! When each phone was last heard of and what it said of itself: gathered in memory, written by the job thread,
//! at most once a minute a phone and many phones a transaction. Knows no HTTP and no clock.

use crate::service::{House, ServiceError};
use blindspot_core::DeviceId;
use blindspot_core::wire::v1::ClientReport;
use blindspot_store::devices::{self, DeviceReport};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A phone is written at most this often, milliseconds.
const WRITE_EVERY_MS: i64 = 60_000;
/// One that was not heard of for so long is forgotten here, milliseconds; it is written.
const KEEP_MS: i64 = 10 * 60_000;
/// Longest app text that is kept, characters.
const APP_CHARS_MAX: usize = 80;

#[derive(Clone, Default)]
struct Heard {
    report: DeviceReport,
    /// It said something of itself since the last writing.
    said: bool,
    /// There is something to write.
    fresh: bool,
    written_ms: i64,
}

/// See the module text.
#[derive(Default)]
pub struct Seen {
    heard: Mutex<BTreeMap<DeviceId, Heard>>,
}

impl Seen {
    /// A phone was heard of.
    pub fn note(&self, device: DeviceId, said: Option<&ClientReport>, now_ms: i64) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = heard.entry(device).or_default();
        entry.fresh = true;
        entry.report.seen_ms = now_ms;
        if let Some(said) = said {
            let count = |n: Option<u64>| n.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
            let app = said.app.as_deref().map(|a| a.chars().filter(|c| !c.is_control()));
            entry.said = true;
            entry.report.app = app.map(|chars| chars.take(APP_CHARS_MAX).collect());
            entry.report.unsent_ops = count(said.unsent_ops);
            entry.report.unsent_photos = count(said.unsent_photos);
            let waiting = said.unsent_ops.unwrap_or(0) + said.unsent_photos.unwrap_or(0) > 0;
            let age = said.unsent_age_ms.filter(|_| waiting);
            entry.report.unsent_since_ms = age.map(|ms| now_ms.saturating_sub(ms.max(0)));
        }
    }

    /// Writes what is new: of phones whose minute is over, or of all.
    ///
    /// # Errors
    /// When the database fails; what was not written is written next time.
    pub fn write(&self, house: &House, all: bool, now_ms: i64) -> Result<usize, ServiceError> {
        let due: Vec<(DeviceId, DeviceReport, bool)> = {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.retain(|_, h| h.fresh || now_ms - h.report.seen_ms < KEEP_MS);
            let due = heard
                .iter_mut()
                .filter(|(_, h)| h.fresh && (all || !(0..WRITE_EVERY_MS).contains(&(now_ms - h.written_ms))));
            due.map(|(device, h)| {
                let said = std::mem::take(&mut h.said);
                (h.fresh, h.written_ms) = (false, now_ms);
                (*device, h.report.clone(), said)
            })
            .collect()
        };
        if due.is_empty() {
            return Ok(0);
        }
        let written = house.store.write(|tx| {
            due.iter().try_for_each(|(device, report, said)| {
                devices::save_report(tx, &house.city, *device, report, *said)
            })
        });
        if let Err(error) = written {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            for (device, _, said) in due {
                if let Some(entry) = heard.get_mut(&device) {
                    entry.fresh = true;
                    entry.said |= said;
                }
            }
            return Err(error.into());
        }
        Ok(due.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::devices::list_devices;
    use crate::service::testing::{Phone, T0, house, person};

    #[test]
    fn a_phone_is_written_once_a_minute_and_shown_with_what_it_said() {
        let house = house();
        let device = Phone::enrol(&house, person(1), 1).credential.device;
        let seen = Seen::default();
        let said = ClientReport {
            app: Some("blindspot 9".into()),
            unsent_ops: Some(3),
            unsent_photos: Some(2),
            unsent_age_ms: Some(5 * 3_600_000),
        };
        seen.note(device, Some(&said), T0);
        assert_eq!(seen.write(&house, false, T0).unwrap(), 1);
        seen.note(device, None, T0 + 30_000);
        assert_eq!(seen.write(&house, false, T0 + 30_000).unwrap(), 0, "its minute is not over");
        assert_eq!(seen.write(&house, false, T0 + 60_000).unwrap(), 1);
        assert_eq!(seen.write(&house, false, T0 + 180_000).unwrap(), 0, "nothing new");
        let shown = list_devices(&house, T0 + 60_000).unwrap().remove(0);
        assert_eq!((shown.last_seen_ms, shown.app.as_str()), (Some(T0 + 30_000), "blindspot 9"));
        assert_eq!((shown.unsent_ops, shown.unsent_photos, shown.unsent_late), (Some(3), Some(2), true));
        let sent = ClientReport { unsent_ops: Some(0), unsent_photos: Some(0), ..said };
        seen.note(device, Some(&sent), T0 + 90_000);
        assert_eq!(seen.write(&house, true, T0 + 90_000).unwrap(), 1, "at once when somebody looks");
        let shown = list_devices(&house, T0 + 90_000).unwrap().remove(0);
        assert_eq!((shown.unsent_since_ms, shown.unsent_late), (None, false));
    }
}
