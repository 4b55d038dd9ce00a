//! `cargo xtask ci`: every stage in order, seconds for each, one count at the end. Knows the order and the sum; what a
//! stage does is in `stages`, how its output is counted in `count`.

mod count;
mod demo;
mod setup;
mod space;
mod stages;

use count::Tally;
use std::path::Path;
use std::time::Instant;

/// What a stage came to.
enum Outcome {
    Counted(Tally),
    /// Left out because something that it needs failed; that failure is already counted.
    NotRun(&'static str),
}

impl Outcome {
    fn of(ok: bool) -> Self {
        Self::Counted(Tally::of(ok))
    }
}

/// State that later stages ask about.
#[derive(Default)]
struct Progress {
    built: Option<bool>,
}

type Work = fn(&Path, &mut Progress) -> Outcome;

const STAGES: &[(&str, Work)] = &[
    ("space", |root, _| Outcome::of(space::enough(root))),
    ("setup", |root, _| Outcome::of(setup::run(root))),
    ("fmt", |root, _| stages::fmt(root)),
    ("clippy", |root, _| stages::clippy(root)),
    ("tidy", |root, _| stages::tidy(root)),
    ("shards", |root, _| Outcome::of(crate::shards::run(root, &[]))),
    ("deny", |root, _| stages::deny(root)),
    ("build", stages::build),
    ("tests", |root, progress| after_build(root, progress, || stages::tests(root))),
    ("doctests", |root, progress| after_build(root, progress, || stages::doc_tests(root))),
    ("vectors", |root, progress| after_build(root, progress, || stages::fresh(root, "vectors"))),
    ("docs", |root, progress| after_build(root, progress, || stages::fresh(root, "docs"))),
    ("openapi", |root, progress| after_build(root, progress, || stages::fresh(root, "openapi"))),
    ("sim", |root, progress| after_build(root, progress, || stages::sim(root))),
    ("mutants", |root, progress| after_build(root, progress, || stages::mutants(root))),
    ("demo", |root, progress| after_build(root, progress, || demo::run(root))),
];

/// What runs a program: built first, when the stage is asked for by itself.
fn after_build(root: &Path, progress: &mut Progress, work: impl FnOnce() -> Outcome) -> Outcome {
    if progress.built.is_none()
        && !matches!(stages::build(root, progress), Outcome::Counted(t) if t.failed == 0)
    {
        return Outcome::of(false);
    }
    if progress.built == Some(false) { Outcome::NotRun("the build failed") } else { work() }
}

/// Runs all stages, or those named. The last line is `N passed, N failed`.
pub(crate) fn run(root: &Path, only: &[String]) -> bool {
    if let Some(unknown) = only.iter().find(|name| STAGES.iter().all(|(stage, _)| stage != name)) {
        let names: Vec<&str> = STAGES.iter().map(|(stage, _)| *stage).collect();
        eprintln!("no stage named {unknown}; there are: {}", names.join(" "));
        return false;
    }
    let mut total = Tally::default();
    let mut lines = Vec::new();
    let mut progress = Progress::default();
    for (name, work) in STAGES.iter().filter(|(stage, _)| only.is_empty() || only.iter().any(|o| o == stage))
    {
        println!("== {name}");
        let start = Instant::now();
        let outcome = work(root, &mut progress);
        let seconds = start.elapsed().as_secs_f64();
        let (line, stop) = match outcome {
            Outcome::Counted(tally) => {
                total.add(tally);
                let line =
                    format!("{name:<9}{seconds:>8.1} s  {} passed, {} failed", tally.passed, tally.failed);
                (line, *name == "space" && tally.failed > 0)
            }
            Outcome::NotRun(why) => (format!("{name:<9}       - s  not run: {why}"), false),
        };
        println!("{line}");
        lines.push(line);
        if stop {
            break;
        }
    }
    println!("\nseconds per stage");
    lines.iter().for_each(|line| println!("{line}"));
    println!("\n{} passed, {} failed", total.passed, total.failed);
    total.failed == 0
}

/// `cargo xtask setup`.
pub(crate) fn setup_only(root: &Path) -> bool {
    setup::run(root)
}
