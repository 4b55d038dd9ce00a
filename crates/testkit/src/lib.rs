//! Simulator, oracles, reference model: phones and a server in one thread, on virtual time.
//!
//! Drives the real core, client, service, auth and store. Used by the tests package only; never in a
//! shipped binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a simulation ends at the first surprise")]

mod acts;
pub mod dice;
pub mod files;
pub mod kept;
mod life;
mod mishap;
mod oracle;
mod order;
pub mod phone;
pub mod scenario;
pub mod server;
mod setup;
mod shell;
pub mod shift;
pub mod sim;
mod standing;
mod town;
mod trouble;

pub use scenario::{LIFE, RULES, Report, Run, Scenario, of_seed, play, run};

/// A folder for the files of a run, in memory where the system has such a place: a simulation crashes
/// programs, not machines, so that it need not wait for a disk.
#[must_use]
pub fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a folder for a run")
}
