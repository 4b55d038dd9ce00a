//! W1 and W4: 50 phones push reports, one push in flight each; then the same pushes again.

use crate::child::Server;
use crate::load::{self, Outcome};
use crate::phone::{Phone, enrol_all};
use crate::report::{Line, Report, quantile, spread};
use crate::wire::{Connection, Prepared};
use crate::{Failed, Work, ground, limits, line};
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

/// Runs W1 in its shapes, and W4.
pub(crate) fn run(
    root: &Path,
    seed: u64,
    runs: usize,
    work: Work,
    report: &mut Report,
) -> Result<(), Failed> {
    for shape in SHAPES.iter().filter(|s| work.wants(Work::W1) || s.work == "w1") {
        let (mut rates, mut outcomes, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..runs.max(1) {
            let (first, repeat) = one(root, seed + n as u64, shape)?;
            rates.push((PHONES * shape.reports) as f64 / first.seconds);
            outcomes.push(first);
            again.extend(repeat);
        }
        if work.wants(Work::W1) {
            let batch = shape.batch.max(20);
            let rows = limits::sqlite_rows(root, batch, 100_000, &"x".repeat(600))?;
            report.tell(&told(
                shape,
                line(shape.work),
                &mut rates,
                &outcomes,
                (rows, "sqlite rows/s, fsynced"),
            ));
        }
        if !again.is_empty() && work.wants(Work::W4) {
            let mut rates: Vec<f64> =
                again.iter().map(|o| (PHONES * shape.reports) as f64 / o.seconds).collect();
            let body = vec![b'x'; 150_000];
            let empty = limits::empty_handler(PHONES, 1_000, body.into())? * shape.batch as f64;
            let limit = (empty, "ops/s that an empty handler takes in");
            report.tell(&told(shape, line("w4"), &mut rates, &again, limit));
        }
    }
    Ok(())
}

fn told(
    shape: &Shape,
    line: Line,
    rates: &mut [f64],
    outcomes: &[Outcome],
    limit: (f64, &'static str),
) -> Line {
    let (low, middle, high) = spread(rates);
    let mut all: Vec<f64> = outcomes.iter().flat_map(|o| o.latencies.iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    let mut line = line;
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

/// One run on a fresh folder: the pushes, and for 200 a push the same again.
fn one(root: &Path, seed: u64, shape: &Shape) -> Result<(Outcome, Option<Outcome>), Failed> {
    let dir = tempfile::tempdir_in(root)?;
    let recruits = ground::lay(dir.path(), seed, PHONES + 1, |n| n)?;
    let server = Server::start(dir.path())?;
    let done = load::block_on(async {
        let mut phones = enrol_all(server.addr, &recruits, seed).await?;
        let watcher = phones.pop().ok_or("no phones")?;
        let pushes = prepare(&mut phones, shape)?;
        let first = load::run(&server, pushes.clone()).await?;
        check(&first, shape, false)?;
        if shape.batch < 200 {
            return Ok((first, None));
        }
        // Somebody who stands in the first phone's grid as well as in none: nothing new may come to either.
        let before = heads(&server, &phones[0], &watcher).await?;
        let again = load::run(&server, pushes).await?;
        check(&again, shape, true)?;
        if heads(&server, &phones[0], &watcher).await? != before {
            return Err("pushing again moved a feed".into());
        }
        Ok((first, Some(again)))
    })?;
    server.stop()?;
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
async fn heads(server: &Server, one: &Phone, two: &Phone) -> Result<Vec<serde_json::Value>, Failed> {
    let mut connection = Connection::open(server.addr, Arc::default()).await?;
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
