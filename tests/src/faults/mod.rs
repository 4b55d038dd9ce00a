//! Every fault by its name, and what a run of one says. Must not know how a fault is injected.

mod blob_cut;
mod child;
mod corrupt_ground;
mod corrupt_phone;
mod disk;
mod full_phone;
mod ground;
mod io;
mod io_ground;
mod kill_phone;
mod kill_server;
mod move_house;
mod past;
mod pg_failover;
mod pg_gap;
mod pg_ground;
mod pg_nodes;
mod phone;
mod portal;
mod s3_outage;
mod torn;

use serde::Serialize;
use std::time::Instant;

/// What a fault did to the product, summed over its runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// The fault.
    pub fault: &'static str,
    /// Names all choices of the run; the same again replays it as far as a real machine allows.
    pub seed: u64,
    /// How often the fault struck.
    pub runs: u64,
    /// Ops and photos that were acknowledged.
    pub acknowledged: u64,
    /// Of those, and of what a phone had saved: not there afterwards. Must be 0.
    pub lost: u64,
    /// There more than once. Must be 0.
    pub duplicated: u64,
    /// Brought out of damaged files.
    pub rescued: u64,
    /// How long it took.
    pub seconds: f64,
    /// Longest start after a fault until the server was ready, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_ms_max: Option<u64>,
    /// What else was not as it must be, in words; empty when all held.
    pub wrong: Vec<String>,
}

impl Outcome {
    /// Whether every promise held, and something was tried at all.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.runs > 0 && self.lost == 0 && self.duplicated == 0 && self.wrong.is_empty()
    }

    fn blame(&mut self, what: impl Into<String>) {
        // The first ones tell; a thousand of the same only hide them.
        if self.wrong.len() < 20 {
            self.wrong.push(what.into());
        }
    }

    fn restarted(&mut self, ms: u64) {
        self.restart_ms_max = Some(self.restart_ms_max.unwrap_or(0).max(ms));
    }
}

/// A fault that can be run.
struct Fault {
    name: &'static str,
    /// Runs in CI.
    few: u64,
    run: fn(&mut Outcome, u64),
}

const FAULTS: &[Fault] = &[
    Fault { name: "kill-server", few: 100, run: kill_server::run },
    Fault { name: "kill-phone", few: 100, run: kill_phone::run },
    Fault { name: "corrupt-phone", few: 100, run: corrupt_phone::run },
    Fault { name: "torn-upload", few: 200, run: torn::run },
    // Every position there is: an upload of two chunks has some twenty calls.
    Fault { name: "blob-cut", few: 1_000, run: blob_cut::run },
    Fault { name: "portal", few: 20, run: portal::run },
    Fault { name: "disk-full", few: 10, run: disk::full },
    Fault { name: "write-limit", few: 4, run: disk::write_limit },
    Fault { name: "full-phone", few: 20, run: full_phone::run },
    Fault { name: "read-only", few: 5, run: disk::read_only },
    Fault { name: "s3-outage", few: 6, run: s3_outage::run },
    Fault { name: "restore", few: 3, run: past::restore },
    Fault { name: "rollback", few: 3, run: past::rollback },
    Fault { name: "pg-gap", few: 100, run: pg_gap::run },
    Fault { name: "pg-failover", few: 3, run: pg_failover::run },
    Fault { name: "pg-failover-lagging", few: 2, run: pg_failover::run_lagging },
    Fault { name: "move-house", few: 1, run: move_house::run },
    Fault { name: "node-kill", few: 3, run: pg_nodes::kill },
    Fault { name: "pg-cut", few: 3, run: pg_nodes::cut },
    // Every position there is: an act has some hundreds of calls.
    Fault { name: "io-error", few: 100_000, run: io::errors },
    Fault { name: "power-cut", few: 100_000, run: io::power },
];

/// Faults in which something is broken on purpose, so that the check must find it: known to tests alone.
const BROKEN: &[Fault] = &[
    Fault { name: "power-cut-lying-disk", few: 100_000, run: io::power_on_a_disk_that_lies },
    Fault { name: "pg-gap-out-of-turn", few: 3, run: pg_gap::out_of_turn },
];

/// There is no fault of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// The names there are.
#[must_use]
pub fn names() -> Vec<&'static str> {
    FAULTS.iter().map(|f| f.name).collect()
}

/// Runs a fault: `count` times, or as often as CI does.
///
/// # Errors
/// `Unknown`.
pub fn run(name: &str, count: Option<u64>, seed: u64) -> Result<Outcome, Unknown> {
    let fault = FAULTS.iter().chain(BROKEN).find(|f| f.name == name).ok_or(Unknown)?;
    let began = Instant::now();
    let mut outcome = Outcome { fault: fault.name, seed, ..Outcome::default() };
    (fault.run)(&mut outcome, count.unwrap_or(fault.few));
    outcome.seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    Ok(outcome)
}
