//! Runs scenarios of the simulation: `blindspot-sim --scenario f1 --seeds N [--from S] [--json] [--trace]`.
//!
//! Prints what failed with its seed; one command replays it: the same with `--from SEED --seeds 1`.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use serde_json::json;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

struct Args {
    scenario: String,
    seeds: u64,
    from: u64,
    json: bool,
    trace: bool,
}

fn args() -> Result<Args, String> {
    let mut args = Args { scenario: "f1".into(), seeds: 20, from: 1, json: false, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--scenario" => args.scenario = value()?,
            "--seeds" => args.seeds = value()?.parse().map_err(|_| "--seeds is a number")?,
            "--from" => args.from = value()?.parse().map_err(|_| "--from is a number")?,
            "--json" => args.json = true,
            "--trace" => args.trace = true,
            other => return Err(format!("unknown word {other}")),
        }
    }
    if args.scenario != "f1" {
        return Err(format!("no scenario {}; there is f1", args.scenario));
    }
    Ok(args)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(message) => {
            eprintln!("{message}\nblindspot-sim --scenario f1 --seeds N [--from S] [--json] [--trace]");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let next = AtomicU64::new(args.from);
    let failed: Mutex<Vec<u64>> = Mutex::new(vec![]);
    let ops = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|s| {
        for _ in 0..workers {
            s.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.from + args.seeds {
                        return;
                    }
                    run_one(seed, args.trace, &ops, &failed);
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_unstable();
    let seconds = began.elapsed().as_secs_f64();
    let line = json!({
        "scenario": args.scenario, "seeds": args.seeds, "failures": failed.len(),
        "seeds_per_s": (args.seeds as f64 / seconds * 10.0).round() / 10.0, "seed_first_failure": failed.first(),
        "ops": ops.load(Ordering::Relaxed), "from": args.from,
    });
    if args.json {
        println!("{line}");
    } else {
        println!("{} seeds from {}: {} failed, {seconds:.1} s", args.seeds, args.from, failed.len());
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_one(seed: u64, trace: bool, ops: &AtomicU64, failed: &Mutex<Vec<u64>>) {
    let report = std::panic::catch_unwind(|| blindspot_testkit::run_f1(seed, trace));
    let wrong = match report {
        Ok(report) => {
            ops.fetch_add(report.ops as u64, Ordering::Relaxed);
            report.wrong
        }
        Err(_) => vec!["it panicked".to_owned()],
    };
    if !wrong.is_empty() {
        eprintln!(
            "seed {seed}: {} things wrong; replay: cargo xtask sim --scenario f1 --from {seed} --seeds 1",
            wrong.len()
        );
        for line in wrong.iter().take(12) {
            eprintln!("  {line}");
        }
        if let Ok(mut failed) = failed.lock() {
            failed.push(seed);
        }
    }
}
