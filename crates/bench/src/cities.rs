//! Growth on PostgreSQL: what a push of 200 and a delta of 20 cost in one of 20 cities on one database, beside the same
//! in a database with one city of 10,000 cases. Both run at once and take turns; CPU of server and database tells it.
//!
//! One city is really pushed; COPY makes 19 of it, and one of those is measured: a real replica syncs it first, and
//! the digests of its feeds are recomputed from its rows at the end.

use crate::engine::Engine;
use crate::grown::{self, City, Load};
use crate::growth::{BATCH, Cost, PULLS};
use crate::load::Outcome;
use crate::report::{Line, Report, quantile, spread};
use crate::site::Site;
use crate::{Failed, copies};
use std::path::Path;

const SMALL: usize = 10_000;
/// Pushes of a round: few, so that the small city stays small.
const PUSHES: usize = 25;

/// The rounds in the small and in the large database, in pairs.
type Rounds = Vec<(Cost, Cost)>;

/// Measures both.
pub(crate) fn run(
    root: &Path,
    seed: u64,
    engine: &Engine,
    (cases, runs): (usize, usize),
    report: &mut Report,
) -> Result<(), Failed> {
    let large_site = Site::new(root, engine, "growth_large")?;
    let (mut large, load) = City::copied(&large_site, root, seed, cases)?;
    let (database_mb, largest) = match (engine.node(), &large_site.base) {
        (Some(node), Some(base)) => copies::size(node, base)?,
        _ => return Err("growth by copies is for PostgreSQL".into()),
    };
    let small_site = Site::new(root, engine, "growth_small")?;
    let mut small = City::small(&small_site, seed, SMALL)?;
    let mut rounds = Rounds::new();
    // The first round warms both up and is not counted.
    for round in 0..=runs.max(1) {
        let pair = (small.round(PUSHES)?, large.round(PUSHES)?);
        if round > 0 {
            rounds.push(pair);
        }
    }
    small.fleet.stop()?;
    large.fleet.stop()?;
    let feeds = grown::sound(&large_site)?;
    let blank = |work| {
        loaded(large_site.line(work), &load)
            .with("cases", cases as u64)
            .with("feeds_with_sound_digests", feeds as u64)
            .with("database_mb", database_mb)
            .with("database_bytes_a_case", database_mb * 1e6 / cases.max(1) as f64)
    };
    report.tell(&compared(blank("growth_push"), &rounds, |cost| &cost.push, PUSHES * BATCH));
    let delta = compared(blank("growth_delta"), &rounds, |cost| &cost.delta, PULLS);
    report.tell(&delta.with("largest_tables", largest));
    Ok(())
}

fn loaded(line: Line, load: &Load) -> Line {
    let copied = &load.copied;
    line.with("one_city_pushed_s", load.pushed_s)
        .with("others_copied_s", copied.seconds)
        .with("vacuum_analyze_s", copied.settled_s)
        .with("load_s", load.pushed_s + copied.seconds + copied.settled_s)
        .with("rows_a_city", copied.rows_a_city)
        .with("replica_sync_s", load.mirror_s)
}

/// The median round of each figure, large and small, and the median of the pairs' ratios.
fn compared(line: Line, rounds: &Rounds, of: fn(&Cost) -> &Outcome, counted: usize) -> Line {
    let server = |o: &Outcome| o.cpu_s;
    let database = |o: &Outcome| o.db_cpu_s.unwrap_or(0.0);
    let both = |o: &Outcome| o.cpu_s + o.db_cpu_s.unwrap_or(0.0);
    let wall = |o: &Outcome| o.seconds;
    let median = |f: &dyn Fn(&(Cost, Cost)) -> f64| spread(&mut rounds.iter().map(f).collect::<Vec<_>>());
    let ratio = |f: &dyn Fn(&Outcome) -> f64| median(&|(small, large)| f(of(large)) / f(of(small)));
    let small = |f: &dyn Fn(&Outcome) -> f64| median(&|(small, _)| f(of(small))).1;
    let mut line = line;
    if let Some((_, large)) = rounds.get(rounds.len() / 2) {
        let limit = (small(&both), "CPU seconds, server and database, for the same at 10,000 cases");
        line = of(large).line(line, counted, limit);
    }
    line.seconds = Some(median(&|(_, large)| of(large).seconds).1);
    let p50 = |o: &Outcome| quantile(&o.latencies, 0.5);
    let (low, middle, high) = ratio(&both);
    line.with("cpu_ratio", middle)
        .with("cpu_ratio_min", low)
        .with("cpu_ratio_max", high)
        .with("server_cpu_ratio", ratio(&server).1)
        .with("database_cpu_ratio", ratio(&database).1)
        .with("wall_ratio", ratio(&wall).1)
        .with("seconds_small", small(&wall))
        .with("p50_ms_small", small(&p50))
        .with("server_cpu_s_small", small(&server))
        .with("db_cpu_s_small", small(&database))
}
