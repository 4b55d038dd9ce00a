//! What the server tells those who watch it. Counts only; no name, no position, no secret.

pub mod connections;
mod gauges;
pub mod routes;
pub mod seldom;
pub mod stats;

pub use connections::ConnectionCounts;
pub use gauges::free_bytes;

use crate::state::App;
use gauges::Gauges;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use routes::Routes;
use seldom::Seldom;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Failures of reading or writing photos since the start.
pub static BLOB_ERRORS: AtomicU64 = AtomicU64::new(0);

/// All there is to tell.
pub struct Telemetry {
    registry: Registry,
    gauges: Gauges,
    /// By route.
    pub routes: Routes,
    /// What is told once a minute.
    pub seldom: Seldom,
}

impl Default for Telemetry {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("blindspot");
        let gauges = Gauges::new(&mut registry);
        let routes = Routes::new(&mut registry);
        Self { registry, gauges, routes, seldom: Seldom::default() }
    }
}

impl Telemetry {
    /// The Prometheus text of this moment.
    #[must_use]
    pub fn text(&self, app: &App) -> String {
        self.gauges.refresh(app);
        let mut out = String::with_capacity(64 * 1_024);
        // Writing to a string does not fail; half a text would be read as all of it.
        if encode(&mut out, &self.registry).is_err() {
            return String::new();
        }
        let end = "# EOF\n";
        out.truncate(out.len() - if out.ends_with(end) { end.len() } else { 0 });
        let _ = writeln!(out, "# TYPE blindspot_connections_taken counter");
        let _ = writeln!(out, "blindspot_connections_taken_total {}", app.connections.taken());
        let _ = writeln!(out, "# TYPE blindspot_connections_stalled counter");
        for (why, n) in app.connections.stalls() {
            let _ = writeln!(out, "blindspot_connections_stalled_total{{reason=\"{why}\"}} {n}");
        }
        let _ = writeln!(out, "# TYPE blindspot_backup_failures counter");
        let _ = writeln!(out, "blindspot_backup_failures_total {}", app.backups.failures.load(Relaxed));
        app.house().stats.write(&mut out);
        out.push_str(end);
        out
    }
}
