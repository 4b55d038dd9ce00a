//! W2, its second half: 200 phones that each pull 20 changes, again and again. Engines take turns.

use crate::engine::Engine;
use crate::load::{self, Outcome};
use crate::phone::enrol_all;
use crate::report::{Report, quantile, spread};
use crate::site::{Fleet, Site};
use crate::sync::{Page, catch_up};
use crate::wire::{Connection, Prepared};
use crate::{Failed, limits, limits_pg};
use std::path::Path;
use std::sync::Arc;

const READERS: usize = 200;
/// Pulls of each reader in a run.
const ROUNDS: usize = 40;
const CHANGES: usize = 20;

/// A site whose phones are ready to pull, and what their pulls came to.
struct Ready<'e> {
    site: Site<'e>,
    fleet: Fleet,
    pulls: Vec<Vec<Prepared>>,
    rates: Vec<f64>,
    outcomes: Vec<Outcome>,
}

/// Runs it.
pub(crate) fn run(
    root: &Path,
    seed: u64,
    engines: &[Engine],
    runs: usize,
    report: &mut Report,
) -> Result<(), Failed> {
    let prepared = engines.iter().map(|engine| prepare(Site::new(root, engine, "w2_delta")?, seed));
    let mut ready = prepared.collect::<Result<Vec<_>, _>>()?;
    for _ in 0..runs.max(1) {
        for one in &mut ready {
            let outcome = load::block_on(load::run(&one.fleet, one.pulls.clone()))?;
            check(&outcome)?;
            one.rates.push((READERS * ROUNDS) as f64 / outcome.seconds);
            one.outcomes.push(outcome);
        }
    }
    let empty = limits::empty_handler(READERS, READERS * ROUNDS, vec![b'x'; 600].into())?;
    ready.into_iter().try_for_each(|one| tell(one, empty, report))
}

/// Writers and readers in pairs: 50 grids, a writer and four readers in each; what the readers will pull is pushed.
fn prepare(site: Site<'_>, seed: u64) -> Result<Ready<'_>, Failed> {
    let grids = READERS / 4;
    let recruits = site.lay(seed, grids + READERS, |n| n % grids)?;
    let fleet = site.start()?;
    let pulls = load::block_on(async {
        let mut phones = enrol_all(fleet.addr(0), &recruits, seed).await?;
        let readers = phones.split_off(grids);
        let mut connection = Connection::open(fleet.addr(0), Arc::default()).await?;
        let mut pulls = Vec::new();
        for reader in &readers {
            let (cursor, _) = catch_up(&mut connection, reader).await?;
            pulls.push(vec![reader.pull(Some(&cursor))?; ROUNDS]);
        }
        let mut pushes = Vec::new();
        for phone in &mut phones {
            let ops = (0..CHANGES).map(|_| phone.report().0).collect();
            pushes.push(vec![phone.push(ops)?]);
        }
        load::run(&fleet, pushes).await?;
        site.settle()?;
        Ok(pulls)
    })?;
    Ok(Ready { site, fleet, pulls, rates: Vec::new(), outcomes: Vec::new() })
}

fn check(outcome: &Outcome) -> Result<(), Failed> {
    for answer in outcome.answers.iter().filter_map(|a| a.first()) {
        let page: Page = serde_json::from_slice(&answer.unpacked()?)?;
        if page.rows.len() != CHANGES || page.checkpoint.is_none() {
            return Err(format!("a delta of {} rows", page.rows.len()).into());
        }
    }
    Ok(())
}

fn tell(mut ready: Ready<'_>, empty: f64, report: &mut Report) -> Result<(), Failed> {
    let (low, middle, high) = spread(&mut ready.rates);
    let mut line = ready.site.line("w2_delta");
    // The run in the middle speaks for CPU, memory and bytes; latencies are of all runs.
    if let Some(outcome) = ready.outcomes.get(ready.outcomes.len() / 2) {
        line = outcome.line(line, READERS * ROUNDS, (empty, "requests/s of an empty handler"));
    }
    let mut all: Vec<f64> = ready.outcomes.iter().flat_map(|o| o.latencies.iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    line.p50_ms = Some(quantile(&all, 0.5));
    line.p99_ms = Some(quantile(&all, 0.99));
    line.pulls_per_s = Some(middle);
    line = line.with("pulls_per_s_min", low).with("pulls_per_s_max", high);
    line = line.with("changes_a_pull", CHANGES as u64);
    if let Some(node) = ready.site.engine.node() {
        line = line.with("pg_reads_per_s", limits_pg::reads(node)?);
    }
    report.tell(&line);
    ready.fleet.stop()
}
