//! What is looked up when somebody asks: the database's counts, files, the process. Gauges without labels.

use crate::backup;
use crate::http::now_ms;
use crate::service::limits::disk_space;
use crate::state::App;
use blindspot_store::watch::{Waiting, load_waiting};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

macro_rules! gauges {
    ($($name:ident = $help:literal;)+) => {
        /// See the module text. A gauge that cannot be told is -1.
        #[derive(Default)]
        pub(super) struct Gauges { $($name: Gauge,)+ }
        impl Gauges {
            /// Under their names.
            pub(super) fn new(registry: &mut Registry) -> Self {
                let gauges = Self::default();
                $(registry.register(stringify!($name), $help, gauges.$name.clone());)+
                gauges
            }
        }
    };
}

gauges! {
    connections = "Open connections";
    writer_queue = "Jobs that wait for the writer";
    quarantined_ops = "Ops in quarantine";
    held_ops = "Ops that wait for a predecessor";
    uploads_open = "Uploads that are not finished";
    renditions_waiting = "Originals without a working copy of the server's own";
    feed_lag_ms = "Age of the oldest hint that a listening phone or desk has not taken";
    outbox_oldest_ms = "Age of the oldest unsent op that any phone reported";
    free_disk_bytes = "Free space where the data folder is";
    wal_bytes = "Size of the write-ahead log";
    backup_age_ms = "Age of the newest verified backup";
    backup_failing = "1 while scheduled backups fail";
    certificate_days = "Days until the certificate ends";
    resident_bytes = "Memory of the process";
    photos_away = "1 while the storage of photos does not answer";
    blob_errors_seen = "Failures of reading or writing photos since the start";
}

impl Gauges {
    /// Looks everything up.
    pub(super) fn refresh(&self, app: &App) {
        let house = app.house();
        let waiting = house.store.read(|tx| load_waiting(tx, &house.city));
        let nothing =
            Waiting { quarantined: -1, held: -1, uploads: -1, renditions: -1, unsent_since_ms: None };
        let waiting = waiting.unwrap_or(nothing);
        let told = |n: Option<i64>| n.unwrap_or(-1);
        self.connections.set(app.connections.open());
        self.writer_queue.set(house.stats.queued.load(Relaxed));
        self.quarantined_ops.set(waiting.quarantined);
        self.held_ops.set(waiting.held);
        self.uploads_open.set(waiting.uploads);
        self.renditions_waiting.set(waiting.renditions);
        self.feed_lag_ms.set(app.hints.lag_ms());
        self.outbox_oldest_ms.set(waiting.unsent_since_ms.map_or(0, |since| (now_ms() - since).max(0)));
        self.free_disk_bytes.set(told(free_bytes(&app.data)));
        self.wal_bytes.set(told(size(&app.data.join("blindspot.db-wal"))));
        let newest = backup::newest(&house.store, &house.city).ok().flatten();
        self.backup_age_ms.set(told(newest.map(|n| now_ms() - n.snapshot_ms)));
        self.backup_failing.set(i64::from(app.backups.failing.load(Relaxed)));
        self.certificate_days.set(told(app.certificates.get().map(|c| c.days_left(now_ms()))));
        self.resident_bytes.set(told(resident_bytes()));
        self.photos_away.set(i64::from(app.depot().blobs.is_away()));
        self.blob_errors_seen.set(i64::try_from(super::BLOB_ERRORS.load(Relaxed)).unwrap_or(i64::MAX));
    }
}

/// Free space for this user, bytes.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<i64> {
    i64::try_from(disk_space(path).ok()?.0).ok()
}

fn size(path: &Path) -> Option<i64> {
    i64::try_from(std::fs::metadata(path).ok()?.len()).ok()
}

fn resident_bytes() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
}
