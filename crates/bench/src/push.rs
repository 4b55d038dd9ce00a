//! W1 and W4: 50 phones push reports, one push in flight each; then the same pushes again. Engines and numbers of
//! servers take turns within a run, so that an hour in which the machine is slow is slow for all of them.

use crate::engine::Engine;
use crate::load::{self, Outcome};
use crate::phone::{Phone, enrol_all};
use crate::report::{Line, Report, quantile, spread};
use crate::site::{Fleet, Site};
use crate::wire::{Connection, Prepared};
use crate::{Failed, Work, limits, limits_pg, line};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

const PHONES: usize = 50;

/// One shape of W1.
struct Shape {
    work: &'static str,
    /// Reports of each phone.
    reports: usize,
    /// Ops a push.
    batch: usize,
}

const SHAPES: [Shape; 3] = [
    Shape { work: "w1", reports: 2_000, batch: 200 },
    Shape { work: "w1_20", reports: 400, batch: 20 },
    Shape { work: "w1_single", reports: 200, batch: 1 },
];

/// What is there before the clock runs.
const BEFORE: Shape = Shape { work: "before", reports: 1_000, batch: 200 };

#[derive(Deserialize)]
struct Reply {
    verdicts: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    verdict: String,
    #[serde(default)]
    seen_before: bool,
}

/// One engine with so many servers, and what it came to.
struct Setup<'e> {
    engine: &'e Engine,
    servers: usize,
    rates: Vec<f64>,
    first: Vec<Outcome>,
    again: Vec<Outcome>,
}

/// How W1 is run.
pub(crate) struct Plan<'e> {
    pub(crate) engines: &'e [Engine],
    /// Numbers of servers to be measured on PostgreSQL; a file has one.
    pub(crate) servers: &'e [usize],
    pub(crate) runs: usize,
    pub(crate) work: Work,
}

/// Runs W1 in its shapes, and W4.
pub(crate) fn run(root: &Path, seed: u64, plan: &Plan<'_>, report: &mut Report) -> Result<(), Failed> {
    for shape in SHAPES.iter().filter(|s| plan.work.wants(Work::W1) || s.work == "w1") {
        let mut setups = setups(plan);
        for n in 0..plan.runs.max(1) {
            for setup in &mut setups {
                let (first, repeat) = one(root, seed + n as u64, shape, setup.engine, setup.servers)?;
                setup.rates.push((PHONES * shape.reports) as f64 / first.seconds);
                setup.first.push(first);
                setup.again.extend(repeat);
            }
        }
        for setup in &mut setups {
            if plan.work.wants(Work::W1) {
                report.tell(&pushed(root, shape, setup)?);
            }
            if !setup.again.is_empty() && plan.work.wants(Work::W4) {
                report.tell(&pushed_again(shape, setup)?);
            }
        }
    }
    Ok(())
}

fn setups<'e>(plan: &Plan<'e>) -> Vec<Setup<'e>> {
    let one =
        |engine, servers| Setup { engine, servers, rates: Vec::new(), first: Vec::new(), again: Vec::new() };
    let of = |engine: &'e Engine| match engine {
        Engine::File => vec![one(engine, 1)],
        Engine::Postgres(_) => plan.servers.iter().map(|n| one(engine, (*n).max(1))).collect(),
    };
    plan.engines.iter().flat_map(of).collect()
}

fn pushed(root: &Path, shape: &Shape, setup: &mut Setup<'_>) -> Result<Line, Failed> {
    const ROWS: usize = 100_000;
    let (batch, body) = (shape.batch.max(20), "x".repeat(600));
    let blank = line(shape.work, setup.engine).with("servers", setup.servers as u64);
    let Some(node) = setup.engine.node() else {
        let rows = limits::sqlite_rows(root, batch, ROWS, &body)?;
        let limit = (rows, "sqlite rows/s, fsynced");
        return Ok(told(shape, blank, &mut setup.rates, &setup.first, limit));
    };
    let limit = (limits_pg::rows(node, batch, ROWS, &body)?, "postgres rows/s, fsynced");
    let told = told(shape, blank, &mut setup.rates, &setup.first, limit);
    Ok(told.with("pg_commits_per_s", limits_pg::commits(node, 1)?))
}

fn pushed_again(shape: &Shape, setup: &Setup<'_>) -> Result<Line, Failed> {
    let rate = |o: &Outcome| (PHONES * shape.reports) as f64 / o.seconds;
    let mut rates: Vec<f64> = setup.again.iter().map(rate).collect();
    let empty = limits::empty_handler(PHONES, 1_000, vec![b'x'; 150_000].into())? * shape.batch as f64;
    let limit = (empty, "ops/s that an empty handler takes in");
    let blank = line("w4", setup.engine).with("servers", setup.servers as u64);
    Ok(told(shape, blank, &mut rates, &setup.again, limit))
}

fn told(
    shape: &Shape,
    mut line: Line,
    rates: &mut [f64],
    outcomes: &[Outcome],
    limit: (f64, &'static str),
) -> Line {
    let (low, middle, high) = spread(rates);
    let mut all: Vec<f64> = outcomes.iter().flat_map(|o| o.latencies.iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    // The run in the middle speaks for CPU, memory and bytes; latencies are of all runs.
    let counted = PHONES * shape.reports;
    if let Some(outcome) = outcomes.get(outcomes.len() / 2) {
        line = outcome.line(line, counted, limit);
    }
    line.ops_per_s = Some(middle);
    line.p50_ms = Some(quantile(&all, 0.5));
    line.p99_ms = Some(quantile(&all, 0.99));
    line.with("ops_per_s_min", low).with("ops_per_s_max", high).with("ops_a_push", shape.batch as u64)
}

/// One run on a fresh site: the pushes, and for 200 a push the same again.
fn one(
    root: &Path,
    seed: u64,
    shape: &Shape,
    engine: &Engine,
    servers: usize,
) -> Result<(Outcome, Option<Outcome>), Failed> {
    let mut site = Site::new(root, engine, shape.work)?;
    let recruits = site.lay(seed, PHONES + 1, |n| n)?;
    let fleet = site.start_many(root, servers)?;
    let done = load::block_on(async {
        let mut phones = enrol_all(fleet.addr(0), &recruits, seed).await?;
        let mut watcher = phones.pop().ok_or("no phones")?;
        // The city is not a minute old: somebody has pushed before.
        load::run(&fleet, prepare(std::slice::from_mut(&mut watcher), &BEFORE)?).await?;
        site.settle()?;
        let pushes = prepare(&mut phones, shape)?;
        let first = load::run(&fleet, pushes.clone()).await?;
        check(&first, shape, false)?;
        if shape.batch < 200 {
            return Ok((first, None));
        }
        // Somebody who stands in the first phone's grid as well as in none: nothing new may come to either.
        let before = heads(&fleet, &phones[0], &watcher).await?;
        let again = load::run(&fleet, pushes).await?;
        check(&again, shape, true)?;
        if heads(&fleet, &phones[0], &watcher).await? != before {
            return Err("pushing again moved a feed".into());
        }
        Ok((first, Some(again)))
    })?;
    fleet.stop()?;
    Ok(done)
}

fn prepare(phones: &mut [Phone], shape: &Shape) -> Result<Vec<Vec<Prepared>>, Failed> {
    let mut out = Vec::with_capacity(phones.len());
    for phone in phones {
        let mut pushes = Vec::with_capacity(shape.reports / shape.batch);
        for _ in 0..shape.reports / shape.batch {
            let ops = (0..shape.batch).map(|_| phone.report().0).collect();
            pushes.push(phone.push(ops)?);
        }
        out.push(pushes);
    }
    Ok(out)
}

fn check(outcome: &Outcome, shape: &Shape, again: bool) -> Result<(), Failed> {
    let mut applied = 0;
    for answer in outcome.answers.iter().flatten() {
        let reply: Reply = serde_json::from_slice(&answer.unpacked()?)?;
        applied += reply.verdicts.iter().filter(|v| v.verdict == "applied" && v.seen_before == again).count();
    }
    let expected = PHONES * shape.reports;
    if applied == expected { Ok(()) } else { Err(format!("{applied} of {expected} ops as expected").into()) }
}

/// Where the feeds of two phones stand: the heads of their checkpoints.
async fn heads(fleet: &Fleet, one: &Phone, two: &Phone) -> Result<Vec<serde_json::Value>, Failed> {
    let mut connection = Connection::open(fleet.addr(0), Arc::default()).await?;
    let mut out = Vec::new();
    for phone in [one, two] {
        let mut cursor: Option<String> = None;
        loop {
            let answer = connection.send(&phone.pull(cursor.as_deref())?).await?.good()?;
            let page: serde_json::Value = serde_json::from_slice(&answer.unpacked()?)?;
            cursor = page["cursor"].as_str().map(str::to_owned);
            if !page["checkpoint"].is_null() {
                out.push(page["checkpoint"].clone());
                break;
            }
        }
    }
    Ok(out)
}
