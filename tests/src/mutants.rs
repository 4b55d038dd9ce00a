//! The test of the tests: plants each bug of `blindspot_core::mutant` and runs seeds until one of the oracles finds it.
//!
//! `blindspot-mutants [--seeds N] [--only NAME] [--json]`; fails when one survives.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use blindspot_core::mutant;
use blindspot_testkit::{Scenario, of_seed};
use serde_json::json;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A run makes and drops millions of small things: a seventh of its time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// In turn, beginning with where a bug is at home: some show only when the server was set back, some only when a
/// phone was copied. Every tenth seed of f1 and f20 is played again under other clocks.
fn scenario(name: &str, n: u64) -> (Scenario, u64) {
    let turns = [Scenario::F1, Scenario::Restore, Scenario::F1, Scenario::F2, Scenario::F1, Scenario::F21];
    let home = match name {
        "clock_believed" => return (Scenario::F1, 10 * (n + 1)),
        "copy_unnoticed" => 5,
        "epoch_not_opened"
        | "lost_token_refused"
        | "mirror_keeps_lost_past"
        | "photo_reoffer_dropped"
        | "reoffer_dropped"
        | "acked_forgotten_early" => 1,
        _ => 0,
    };
    let turn = (n + home) % 6;
    (turns[usize::try_from(turn).unwrap_or(0)], 1 + n / 6 + turn * 1_000)
}

struct Args {
    seeds: u64,
    only: Option<String>,
    json: bool,
}

fn args() -> Result<Args, String> {
    let mut args = Args { seeds: 200, only: None, json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--seeds" => args.seeds = value()?.parse().map_err(|_| "--seeds is a number")?,
            "--only" => args.only = Some(value()?),
            "--json" => args.json = true,
            other => return Err(format!("unknown word {other}")),
        }
    }
    Ok(args)
}

/// The first seed that finds the bug in force, with what it said.
fn find(name: &str, seeds: u64) -> Option<(Scenario, u64, String)> {
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let found: Mutex<Option<(Scenario, u64, String)>> = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|s| {
        for _ in 0..workers {
            s.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= seeds {
                        return;
                    }
                    let (scenario, seed) = scenario(name, n);
                    let run = std::panic::catch_unwind(|| blindspot_testkit::run(&of_seed(scenario, seed)));
                    let said = match run {
                        Ok(report) => report.wrong.into_iter().next(),
                        Err(_) => Some("it panicked".to_owned()),
                    };
                    if let Some(said) = said {
                        over.store(true, Ordering::Relaxed);
                        *found.lock().unwrap_or_else(PoisonError::into_inner) = Some((scenario, seed, said));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(message) => {
            eprintln!("{message}\nblindspot-mutants [--seeds N] [--only NAME] [--json]");
            return ExitCode::from(2);
        }
    };
    // A planted bug may panic a hundred times: its name is told below.
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| only == name);
    let (mut found, mut missed) = (0, Vec::new());
    let simulated = mutant::ALL.iter().filter(|(name, _)| !mutant::BESIDE_SIMULATION.contains(name));
    for (name, what) in simulated.filter(|(name, _)| wanted(name)) {
        mutant::choose(Some(name));
        match find(name, args.seeds) {
            Some((scenario, seed, said)) => {
                found += 1;
                let said: String = said.chars().take(110).collect();
                eprintln!("{name}: found by {} seed {seed}: {said}", scenario.word());
            }
            None => {
                eprintln!("{name}: NOT FOUND ({what})");
                missed.push(*name);
            }
        }
        mutant::choose(None);
    }
    let all = found + missed.len();
    if args.json {
        println!("{}", json!({"mutants": all, "found": found, "missed": missed, "seeds": args.seeds}));
    } else {
        println!("{found} of {all} planted bugs found, missed: {missed:?}");
    }
    if missed.is_empty() && all > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
