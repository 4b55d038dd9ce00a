//! Backups that the server makes by itself. A thread of its own: one takes as long as the disk takes.

use super::{Order, make, newest};
use crate::config::{BackupPlan, Every};
use crate::http::now_ms;
use crate::state::App;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Beijing is eight hours before UTC all year.
const CIVIL_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(20);
/// After a failure the next try comes this much later, milliseconds.
const AGAIN_MS: i64 = 30 * 60_000;

/// How scheduled backups went, for metrics.
#[derive(Debug, Default)]
pub struct BackupState {
    /// Tries that failed since the start.
    pub failures: AtomicU64,
    /// Whether the last one did.
    pub failing: AtomicBool,
}

/// When the next one is due: right away when none was ever made.
#[must_use]
pub fn due_ms(every: Every, last_ms: Option<i64>) -> i64 {
    let Some(last) = last_ms else { return i64::MIN };
    match every {
        Every::Hours(hours) => last + i64::from(hours) * 3_600_000,
        Every::DayAt { hour, minute } => {
            let of_day = i64::from(hour) * 3_600_000 + i64::from(minute) * 60_000;
            let midnight = (last + CIVIL_OFFSET_MS).div_euclid(DAY_MS) * DAY_MS - CIVIL_OFFSET_MS;
            let today = midnight + of_day;
            if today > last { today } else { today + DAY_MS }
        }
    }
}

/// Makes backups as planned until told to stop.
pub(crate) fn run(app: &Arc<App>, plan: &BackupPlan, data: &PathBuf, stopped: &Receiver<()>) {
    let mut not_before = i64::MIN;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK) {
        let house = app.house();
        let last = newest(&house.store, &house.city).ok().flatten().map(|n| n.snapshot_ms);
        let now = now_ms();
        if now < due_ms(plan.every, last).max(not_before) {
            continue;
        }
        let order = Order { data, to: &plan.to, keep: Some(plan.keep), keep_days: None, verify_blobs: false };
        match make(&house.store, &house.city, &order, now, &mut |_, _, _| {}) {
            Ok(made) if !made.manifest.missing.is_empty() => {
                app.backups.failing.store(true, Relaxed);
                app.backups.failures.fetch_add(1, Relaxed);
                not_before = now + DAY_MS;
                let missing = made.manifest.missing.len();
                tracing::error!(
                    missing,
                    "the backup lacks photos that the data folder lacks; see `verify blobs`"
                );
            }
            Ok(made) => {
                app.backups.failing.store(false, Relaxed);
                let (blobs, new) = (made.manifest.blobs, made.new_blobs);
                tracing::info!(
                    took_ms = now_ms() - now,
                    blobs,
                    new,
                    removed = made.removed,
                    "a backup was made and verified"
                );
            }
            Err(error) => {
                app.backups.failing.store(true, Relaxed);
                app.backups.failures.fetch_add(1, Relaxed);
                not_before = now + AGAIN_MS;
                tracing::error!(%error, "the backup failed; tried again in half an hour");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 00:00 in Beijing.
    const MIDNIGHT: i64 = 1_795_449_600_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_daily_backup_is_due_at_its_minute_and_once() {
        let at = Every::DayAt { hour: 2, minute: 30 };
        let due = MIDNIGHT + 2 * HOUR + HOUR / 2;
        assert_eq!((MIDNIGHT + CIVIL_OFFSET_MS).rem_euclid(DAY_MS), 0);
        assert_eq!(due_ms(at, None), i64::MIN);
        assert_eq!(due_ms(at, Some(MIDNIGHT)), due);
        assert_eq!(due_ms(at, Some(due)), due + DAY_MS);
        assert_eq!(due_ms(at, Some(due + 5 * HOUR)), due + DAY_MS);
        assert_eq!(due_ms(Every::Hours(6), Some(due)), due + 6 * HOUR);
    }
}
