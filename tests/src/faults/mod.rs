//! Every fault by its name, and what a run of one says. Must not know how a fault is injected.

mod child;
mod corrupt_ground;
mod corrupt_phone;
mod disk;
mod ground;
mod io;
mod io_ground;
mod kill_phone;
mod kill_server;
mod phone;
mod portal;
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
    Fault { name: "portal", few: 20, run: portal::run },
    Fault { name: "disk-full", few: 10, run: disk::full },
    Fault { name: "read-only", few: 5, run: disk::read_only },
    // Every position there is: an act has some hundreds of calls.
    Fault { name: "io-error", few: 100_000, run: io::errors },
    Fault { name: "power-cut", few: 100_000, run: io::power },
];

/// Faults that the command knows by name and that are not built.
const NOT_BUILT: &[(&str, &str)] = &[
    ("restore", "needs epochs: restoring a backup under running phones is not built yet"),
    ("rollback", "needs epochs: an old data folder copied back is not noticed yet"),
];

/// Why a fault could not be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRun {
    /// There is none of that name.
    Unknown,
    /// It is not built, and why.
    NotBuilt(&'static str),
}

/// The names there are.
#[must_use]
pub fn names() -> Vec<&'static str> {
    FAULTS.iter().map(|f| f.name).chain(NOT_BUILT.iter().map(|f| f.0)).collect()
}

/// Runs a fault: `count` times, or as often as CI does.
///
/// # Errors
/// `Unknown`, `NotBuilt`.
pub fn run(name: &str, count: Option<u64>, seed: u64) -> Result<Outcome, NoRun> {
    if let Some((_, why)) = NOT_BUILT.iter().find(|f| f.0 == name) {
        return Err(NoRun::NotBuilt(why));
    }
    let fault = FAULTS.iter().find(|f| f.name == name).ok_or(NoRun::Unknown)?;
    let began = Instant::now();
    let mut outcome = Outcome { fault: fault.name, seed, ..Outcome::default() };
    (fault.run)(&mut outcome, count.unwrap_or(fault.few));
    outcome.seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    Ok(outcome)
}
