//! Runs scenarios of the simulation: `blindspot-sim --scenario f1 --seeds N [--from S] [--json] [--trace]`.
//!
//! Prints what failed with its seed and keeps its decisions as a file; one command replays it:
//! `--replay FILE`, or the same with `--from SEED --seeds 1`.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use blindspot_testkit::Scenario;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

struct Args {
    scenario: Scenario,
    replay: Option<PathBuf>,
    seeds: u64,
    from: u64,
    json: bool,
    trace: bool,
}

fn args() -> Result<Args, String> {
    let mut args =
        Args { scenario: Scenario::F1, replay: None, seeds: 20, from: 1, json: false, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--scenario" => {
                let word = value()?;
                let words: Vec<&str> = Scenario::ALL.iter().map(|(w, _)| *w).collect();
                args.scenario = Scenario::of_word(&word)
                    .ok_or_else(|| format!("no scenario {word}; there are {}", words.join(", ")))?;
            }
            "--replay" => args.replay = Some(value()?.into()),
            "--seeds" => args.seeds = value()?.parse().map_err(|_| "--seeds is a number")?,
            "--from" => args.from = value()?.parse().map_err(|_| "--from is a number")?,
            "--json" => args.json = true,
            "--trace" => args.trace = true,
            other => return Err(format!("unknown word {other}")),
        }
    }
    Ok(args)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(message) => {
            eprintln!(
                "{message}\nblindspot-sim --scenario f1 --seeds N [--from S] [--json] [--trace] | --replay FILE"
            );
            return ExitCode::from(2);
        }
    };
    if let Some(file) = &args.replay {
        return replay_file(file);
    }
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
                    run_one(args.scenario, seed, args.trace, &ops, &failed);
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_unstable();
    let seconds = began.elapsed().as_secs_f64();
    let line = json!({
        "scenario": args.scenario.word(), "seeds": args.seeds, "failures": failed.len(),
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

/// A kept run begins with a line that names it; its decisions follow.
fn keep(scenario: Scenario, seed: u64, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let file = std::env::temp_dir().join(format!("blindspot-{}-{seed}.sim", scenario.word()));
    let mut text = format!("{} {seed}\n", scenario.word()).into_bytes();
    text.extend_from_slice(bytes);
    std::fs::write(&file, text)?;
    Ok(file)
}

fn replay_file(file: &Path) -> ExitCode {
    let read = std::fs::read(file).ok().and_then(|bytes| {
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?.to_owned();
        let (word, seed) = head.split_once(' ')?;
        Some((Scenario::of_word(word)?, seed.parse::<u64>().ok()?, bytes[end + 1..].to_vec()))
    });
    let Some((scenario, seed, bytes)) = read else {
        eprintln!("{} is no kept run", file.display());
        return ExitCode::from(2);
    };
    let report = blindspot_testkit::replay(scenario, seed, bytes);
    for line in &report.wrong {
        println!("{line}");
    }
    println!("{} seed {seed}: {} ops, {} things wrong", scenario.word(), report.ops, report.wrong.len());
    if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_one(scenario: Scenario, seed: u64, trace: bool, ops: &AtomicU64, failed: &Mutex<Vec<u64>>) {
    let report = std::panic::catch_unwind(|| blindspot_testkit::run(scenario, seed, trace));
    let mut kept = None;
    let wrong = match report {
        Ok(report) => {
            ops.fetch_add(report.ops as u64, Ordering::Relaxed);
            if !report.wrong.is_empty() {
                kept = keep(scenario, seed, &report.bytes).ok();
            }
            report.wrong
        }
        Err(_) => vec!["it panicked".to_owned()],
    };
    if !wrong.is_empty() {
        eprintln!(
            "seed {seed}: {} things wrong; replay: cargo xtask sim --scenario {} --from {seed} --seeds 1{}",
            wrong.len(),
            scenario.word(),
            kept.map(|f| format!(", or --replay {}", f.display())).unwrap_or_default()
        );
        for line in wrong.iter().take(12) {
            eprintln!("  {line}");
        }
        if let Ok(mut failed) = failed.lock() {
            failed.push(seed);
        }
    }
}
