//! Runs a fault of real processes: `blindspot-faults NAME [--count N] [--seed S] [--json]`.
//!
//! The binary `blindspot` of the same build must lie beside it; `cargo xtask faults` sees to that.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use blindspot_tests::faults;
use std::process::ExitCode;

struct Args {
    name: String,
    count: Option<u64>,
    seed: u64,
    json: bool,
}

fn args() -> Result<Args, String> {
    let mut args = Args { name: String::new(), count: None, seed: 1, json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|w| w.parse().ok()).ok_or(format!("{word} needs a number"));
        match word.as_str() {
            "--count" => args.count = Some(number()?),
            "--seed" => args.seed = number()?,
            "--json" => args.json = true,
            name if args.name.is_empty() && !name.starts_with('-') => args.name = name.to_owned(),
            other => return Err(format!("unknown word {other}")),
        }
    }
    if args.name.is_empty() { Err("which fault?".to_owned()) } else { Ok(args) }
}

fn usage(why: &str) -> ExitCode {
    let names = faults::names().join(" ");
    eprintln!("{why}\nblindspot-faults NAME [--count N] [--seed S] [--json]\nNAME is one of: {names}");
    ExitCode::from(2)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(why) => return usage(&why),
    };
    let Ok(outcome) = faults::run(&args.name, args.count, args.seed) else {
        return usage(&format!("no fault named {}", args.name));
    };
    for wrong in &outcome.wrong {
        eprintln!("{}: {wrong}", outcome.fault);
    }
    if args.json {
        println!("{}", serde_json::to_string(&outcome).expect("an outcome is JSON"));
    } else {
        println!(
            "{}: {} runs, {} acknowledged, {} lost, {} duplicated, {} rescued, {} s (seed {})",
            outcome.fault,
            outcome.runs,
            outcome.acknowledged,
            outcome.lost,
            outcome.duplicated,
            outcome.rescued,
            outcome.seconds,
            outcome.seed
        );
    }
    if outcome.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
