//! Runs scenarios of the simulation: `blindspot-sim --scenario f1 --seeds N [--from S] [--json] [--trace]`.
//!
//! Prints what failed with its seed and keeps its decisions as a file; one command replays it:
//! `--replay FILE`, or the same with `--from SEED --seeds 1`. `--shrink` makes the file as small as it can.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use blindspot_core::mutant;
use blindspot_testkit::{RULES, Run, Scenario, kept};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A run makes and drops millions of small things: a seventh of its time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Args {
    scenario: Scenario,
    replay: Option<PathBuf>,
    seeds: u64,
    from: u64,
    json: bool,
    trace: bool,
    shrink: bool,
    /// Longest time for it, seconds.
    shrink_s: u64,
    workers: usize,
    /// Keeps decisions also of a run in which nothing is wrong.
    keep: bool,
    rules: u8,
}

fn args() -> Result<Args, String> {
    let mut args = Args {
        scenario: Scenario::F1,
        replay: None,
        seeds: 20,
        from: 1,
        json: false,
        trace: false,
        shrink: false,
        shrink_s: 60,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        keep: false,
        rules: RULES,
    };
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
            "--keep" => args.keep = true,
            "--rules" => args.rules = value()?.parse().map_err(|_| "--rules is a number")?,
            "--planted" => {
                let name = value()?;
                if !mutant::choose(Some(&name)) {
                    return Err(format!("no planted bug {name}"));
                }
            }
            "--shrink" => args.shrink = true,
            "--shrink-seconds" => {
                args.shrink_s = value()?.parse().map_err(|_| "--shrink-seconds is a number")?;
            }
            "--workers" => args.workers = value()?.parse().map_err(|_| "--workers is a number")?,
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
                "{message}\nblindspot-sim --scenario f1 --seeds N [--from S] [--workers N] [--json] [--trace] \
                 [--shrink] [--keep] [--rules N] [--planted BUG] | --replay FILE [--shrink]"
            );
            return ExitCode::from(2);
        }
    };
    if let Some(file) = &args.replay {
        return replay_file(file, &args);
    }
    let began = Instant::now();
    let next = AtomicU64::new(args.from);
    let failed: Mutex<Vec<u64>> = Mutex::new(vec![]);
    let ops = AtomicU64::new(0);
    std::thread::scope(|s| {
        for _ in 0..args.workers.max(1) {
            s.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.from + args.seeds {
                        return;
                    }
                    run_one(&args, seed, &ops, &failed);
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
        "ops": ops.load(Ordering::Relaxed), "from": args.from, "workers": args.workers, "commit": commit(),
    });
    if args.json {
        println!("{line}");
    } else {
        println!("{} seeds from {}: {} failed, {seconds:.1} s", args.seeds, args.from, failed.len());
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where a failure is kept: its decisions, and what it was.
fn keep(run: &Run) -> std::io::Result<PathBuf> {
    let file = std::env::temp_dir().join(format!("blindspot-{}-{}.scenario", run.scenario.word(), run.seed));
    std::fs::write(&file, kept::to_file(run))?;
    Ok(file)
}

/// The commit that was built, as far as it can be told.
fn commit() -> String {
    let asked = std::process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    asked
        .ok()
        .filter(|out| out.status.success())
        .and_then(|out| String::from_utf8(out.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn replay_file(file: &Path, args: &Args) -> ExitCode {
    let Some(run) = std::fs::read(file).ok().and_then(|bytes| kept::from_file(&bytes)) else {
        eprintln!("{} is no kept run", file.display());
        return ExitCode::from(2);
    };
    let run = Run { trace: args.trace, ..run };
    if args.shrink {
        return shrink(&run, args.shrink_s);
    }
    let (ops, wrong) = match kept::outcome_of(&run) {
        Ok(report) => (report.ops, report.wrong),
        Err(panic) => (0, vec![panic]),
    };
    for line in &wrong {
        println!("{line}");
    }
    println!("{} seed {}: {ops} ops, {} things wrong", run.scenario.word(), run.seed, wrong.len());
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes a failure smaller and keeps it.
fn shrink(run: &Run, seconds: u64) -> ExitCode {
    let small = kept::shrink(run, Duration::from_secs(seconds));
    match keep(&small) {
        Ok(file) => {
            let (was, is) = (run.bytes.len(), small.bytes.len());
            println!("{was} bytes of decisions, now {is}: {}", file.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run_one(args: &Args, seed: u64, ops: &AtomicU64, failed: &Mutex<Vec<u64>>) {
    let scenario = args.scenario;
    let run = Run { trace: args.trace, rules: args.rules, ..blindspot_testkit::of_seed(scenario, seed) };
    let report = std::panic::catch_unwind(|| blindspot_testkit::run(&run));
    let (wrong, run) = match report {
        Ok(report) => {
            ops.fetch_add(report.ops as u64, Ordering::Relaxed);
            (report.wrong, Run { bytes: report.bytes, ..run })
        }
        Err(_) => (vec!["it panicked".to_owned()], run),
    };
    if wrong.is_empty() {
        if args.keep
            && let Ok(file) = keep(&run)
        {
            eprintln!("{}", file.display());
        }
        return;
    }
    let smaller = if args.shrink { kept::shrink(&run, Duration::from_secs(args.shrink_s)) } else { run };
    let kept = keep(&smaller).map(|file| format!(", or --replay {}", file.display())).unwrap_or_default();
    eprintln!(
        "seed {seed} at {}: {} things wrong; replay: cargo xtask sim --scenario {} --from {seed} --seeds 1{kept}",
        commit(),
        wrong.len(),
        scenario.word(),
    );
    for line in wrong.iter().take(12) {
        eprintln!("  {line}");
    }
    if let Ok(mut failed) = failed.lock() {
        failed.push(seed);
    }
}
