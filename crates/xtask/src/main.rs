//! The one place for chores: `cargo xtask ci|tidy|shown|sim|faults|vectors|docs|openapi|routes|conformance|dialect|shards|setup`.
//! Knows the tree from outside, as files and commands; depends on no crate of the workspace, so that it builds in seconds
//! and when they do not.

mod ci;
mod engines;
mod pass;
mod reach;
mod shards;
mod shell;
mod shown;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <chore>

  ci [STAGE..]       everything a change must pass; ends with `N passed, N failed`
  tidy               rules and budgets of the house, one line each failure
  setup              install what the tests need (cargo-deny, npm packages, SeaweedFS)
  shown NAME         run the tests shown_*_NAME (or one full name) with their output
  sim --scenario f1|f2|f3|f19|f20|restore --seeds N [--from S] [--json]
  sim --replay FILE  a run that failed, from the file that it left
  mutants [--seeds N] [--only NAME] [--json]
                     plants each known bug and looks whether the simulation finds it
  faults NAME [--count N] [--seed S] [--json]
                     real processes killed, disks full, networks cut; without NAME it lists them
  vectors [--check]  write the golden vectors, or check that they are fresh
  docs [--check]     write the generated docs, or check that they are fresh
  openapi [--check]  write api-spec/openapi.json, or check that it is fresh
  conformance [--engine sqlite|postgres] [--json]
                     the promises of the store, each by name with its result
  dialect [--json]   where the two engines differ, counted; more than nine fail
  shards [--cities 300] [--shards 32] [--seed 1] [--json]
                     places made-up cities as a database does that shards by city, and lists
                     statements that reach beyond one city; one on a phone's path fails
  routes [--json]    every route: method, path, role
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((chore, rest)) = args.split_first() else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    let root = shell::root();
    let ok = match chore.as_str() {
        "ci" => ci::run(&root, rest),
        "tidy" => tidy::run(&root),
        "setup" => ci::setup_only(&root),
        "shown" => shown::run(&root, rest),
        "sim" => pass::sim(&root, rest),
        "mutants" => pass::mutants(&root, rest),
        "faults" => pass::faults(&root, rest),
        "conformance" => engines::conformance(&root, rest),
        "dialect" => engines::dialect(&root, rest),
        "shards" => shards::run(&root, rest),
        "vectors" | "docs" | "openapi" | "routes" => pass::hidden(&root, chore, rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            true
        }
        other => {
            eprintln!("no chore named {other}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
