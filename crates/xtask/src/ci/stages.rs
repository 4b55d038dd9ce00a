//! The stages of `cargo xtask ci` that call another program and read how it ended. Must not know their order.

use super::count::{self, Tally};
use super::{Outcome, Progress, setup, space};
use crate::shell;
use std::path::Path;
use std::process::Command;

const SIM_SEEDS: u64 = 600;
/// Most seeds for each planted bug; the search ends with the first that finds it.
const MUTANT_SEEDS: &str = "200";

fn cargo_ok(root: &Path, args: &[&str]) -> bool {
    shell::inherit(shell::cargo(root).args(args))
}

/// Formatting of every package.
pub(crate) fn fmt(root: &Path) -> Outcome {
    Outcome::of(cargo_ok(root, &["fmt", "--all", "--", "--check"]))
}

/// Lints of every target, warnings refused; also of the small binary, which has neither PostgreSQL nor buckets.
pub(crate) fn clippy(root: &Path) -> Outcome {
    let all = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let small =
        ["clippy", "-p", "blindspot-cli", "--no-default-features", "--features", "sqlite", "--", "-D"];
    Outcome::of(cargo_ok(root, &all) && cargo_ok(root, &[&small[..], &["warnings"]].concat()))
}

/// The house's own rules; each finding is a failure.
pub(crate) fn tidy(root: &Path) -> Outcome {
    let failed = crate::tidy::count(root);
    Outcome::Counted(Tally { passed: u64::from(failed == 0), failed })
}

/// Licences, bans and sources. Advisories need a download and are checked elsewhere.
pub(crate) fn deny(root: &Path) -> Outcome {
    let Some(program) = setup::deny(root) else {
        println!("cargo-deny is missing; run `cargo xtask setup`");
        return Outcome::of(false);
    };
    let mut command = Command::new(program);
    command.current_dir(root).args(["--log-level", "error", "check", "--hide-inclusion-graph"]);
    Outcome::of(shell::inherit(command.args(["licenses", "bans", "sources"])))
}

/// All that the checks run, in one profile: what others wrote is compiled once, and the simulator and the demo run with the
/// checks of a debug build.
pub(crate) fn build(root: &Path, progress: &mut Progress) -> Outcome {
    let ok = cargo_ok(root, &["build", "--workspace", "--all-targets"]);
    progress.built = Some(ok);
    Outcome::of(ok)
}

/// All tests but those in documentation: nextest when it is installed, else cargo test.
pub(crate) fn tests(root: &Path) -> Outcome {
    if shell::answers(shell::cargo(root).args(["nextest", "--version"])) {
        let args = ["nextest", "run", "--workspace", "--no-fail-fast", "--color", "never"];
        counted(shell::cargo(root).args(args), count::nextest)
    } else {
        let args = ["test", "--workspace", "--all-targets", "--no-fail-fast", "--color", "never"];
        counted(shell::cargo(root).args(args), count::cargo_test)
    }
}

/// Examples in documentation, which nextest does not run.
pub(crate) fn doc_tests(root: &Path) -> Outcome {
    let args = ["test", "--workspace", "--doc", "--no-fail-fast", "--color", "never"];
    counted(shell::cargo(root).args(args), count::cargo_test)
}

fn counted(command: &mut Command, count: fn(&str) -> Tally) -> Outcome {
    match shell::tee(command) {
        Ok(ran) => {
            let mut tally = count(&ran.stdout);
            tally.add(count(&ran.stderr));
            Outcome::Counted(tally.with_status(ran.ok))
        }
        Err(error) => {
            println!("{error}");
            Outcome::of(false)
        }
    }
}

/// Generated files are what the binary would generate now.
pub(crate) fn fresh(root: &Path, what: &str) -> Outcome {
    let ok = shell::inherit(&mut built(root, "blindspot", &[what.to_owned(), "--check".to_owned()]));
    if !ok {
        println!("stale or missing; `cargo xtask {what}` writes them anew");
    }
    Outcome::of(ok)
}

/// A program that the build left.
pub(super) fn built(root: &Path, name: &str, args: &[String]) -> Command {
    let mut command = Command::new(space::build_folder(root).join("debug").join(name));
    command.current_dir(root).args(args);
    command
}

/// The simulation's scenarios, `BLINDSPOT_SIM_SEEDS` seeds of f1 and a share of that of the others.
pub(crate) fn sim(root: &Path) -> Outcome {
    let seeds: u64 =
        std::env::var("BLINDSPOT_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SIM_SEEDS);
    let mut tally = Tally::default();
    for (scenario, part) in
        [("f1", 1), ("f2", 30), ("f3", 30), ("f19", 10), ("f20", 6), ("f21", 6), ("restore", 10)]
    {
        let seeds = (seeds / part).max(1).to_string();
        let args = ["--scenario", scenario, "--seeds", &seeds, "--json"].map(str::to_owned);
        let ok = told(&mut built(root, "blindspot-sim", &args), no_failures);
        tally.add(Tally::of(ok));
    }
    Outcome::Counted(tally)
}

/// Every planted bug is found, or the simulation is not worth its time.
pub(crate) fn mutants(root: &Path) -> Outcome {
    let args = ["--seeds", MUTANT_SEEDS, "--json"].map(str::to_owned);
    Outcome::of(told(&mut built(root, "blindspot-mutants", &args), |output| {
        let found = |n: &serde_json::Value| n["found"].as_u64();
        super::demo::last_object(output)
            .is_some_and(|o| found(&o) == o["mutants"].as_u64() && found(&o).is_some_and(|n| n >= 20))
    }))
}

fn told(command: &mut Command, is_good: impl Fn(&str) -> bool) -> bool {
    match shell::tee(command) {
        Ok(ran) => ran.ok && is_good(&ran.stdout),
        Err(error) => {
            println!("{error}");
            false
        }
    }
}

fn no_failures(output: &str) -> bool {
    let Some(result) = super::demo::last_object(output) else {
        println!("the simulator printed no JSON object");
        return false;
    };
    result["failures"] == 0 && result["seeds"].as_u64().is_some_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_passes_only_with_seeds_and_without_failures() {
        assert!(no_failures("progress\n{\"scenario\":\"f1\",\"seeds\":300,\"failures\":0}\n"));
        assert!(!no_failures("{\"scenario\":\"f1\",\"seeds\":300,\"failures\":1}\n"));
        assert!(!no_failures("{\"scenario\":\"f1\",\"seeds\":0,\"failures\":0}\n"));
        assert!(!no_failures("nothing\n"));
    }
}
