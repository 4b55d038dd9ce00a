//! Growth on SQLite: what a push of 200 and a delta of 20 cost when the city has 10,000 cases, and when it has a million.
//! CPU of the server tells it; wall time is told beside.

use crate::Failed;
use crate::engine::Engine;
use crate::load::{self, Outcome};
use crate::phone::{Phone, enrol_all};
use crate::report::{Report, quantile};
use crate::site::{Fleet, Site};
use crate::sync::catch_up;
use crate::wire::{Connection, Prepared};
use std::path::Path;
use std::sync::Arc;

const SMALL: usize = 10_000;
pub(crate) const PHONES: usize = 100;
/// Pushes measured at each size.
const PUSHES: usize = 100;
/// Pulls measured at each size.
pub(crate) const PULLS: usize = 4_000;
pub(crate) const BATCH: usize = 200;
const CHANGES: usize = 20;
/// Phones that pull, all of the first phone's grid: one alone would meet its rate limit.
pub(crate) const READERS: usize = 20;

/// One size of the city.
pub(crate) struct Cost {
    pub(crate) push: Outcome,
    pub(crate) delta: Outcome,
}

/// Measures at both sizes, on one growing folder.
pub(crate) fn run(root: &Path, seed: u64, cases: usize, report: &mut Report) -> Result<(), Failed> {
    let site = Site::new(root, &Engine::File, "growth")?;
    let recruits = site.lay(seed, PHONES + READERS, grid_of)?;
    let fleet = site.start()?;
    let (small, large) = load::block_on(async {
        let mut phones = enrol_all(fleet.addr(0), &recruits, seed).await?;
        let readers = phones.split_off(PHONES);
        grow(&fleet, &mut phones, SMALL).await?;
        let small = cost(&fleet, &mut phones, &readers, PUSHES).await?;
        grow(&fleet, &mut phones, cases.saturating_sub(SMALL)).await?;
        let large = cost(&fleet, &mut phones, &readers, PUSHES).await?;
        Ok((small, large))
    })?;
    let usage = fleet.usage()?;
    let ops = PUSHES * BATCH;
    for (work, counted, a, b) in
        [("growth_push", ops, &small.push, &large.push), ("growth_delta", PULLS, &small.delta, &large.delta)]
    {
        let mut line =
            b.line(site.line(work), counted, (a.cpu_s, "server CPU seconds for the same at 10,000 cases"));
        line.seconds = Some(b.seconds);
        line.peak_rss_mb = usage.peak_mb;
        report.tell(
            &line
                .with("cases", cases as u64)
                .with("cpu_ratio", b.cpu_s / a.cpu_s)
                .with("wall_ratio", b.seconds / a.seconds)
                .with("p50_ms_small", quantile(&a.latencies, 0.5))
                .with("seconds_small", a.seconds),
        );
    }
    fleet.stop()
}

/// The duty grid of the n-th phone: those that pull are all in the first one's.
pub(crate) fn grid_of(n: usize) -> usize {
    if n >= PHONES { 0 } else { n }
}

/// So many cases more, by all phones.
pub(crate) async fn grow(fleet: &Fleet, phones: &mut [Phone], cases: usize) -> Result<(), Failed> {
    let mut left = cases;
    // In steps, so that the bodies of a million reports do not stand in memory at once.
    while left > 0 {
        let batch = BATCH.min(left.div_ceil(phones.len().max(1)));
        let pushes = pushes(phones, batch)?;
        load::run(fleet, pushes).await?;
        left = left.saturating_sub(batch * phones.len());
    }
    Ok(())
}

fn pushes(phones: &mut [Phone], batch: usize) -> Result<Vec<Vec<Prepared>>, Failed> {
    let one = |phone: &mut Phone| {
        let ops = (0..batch).map(|_| phone.report().0).collect();
        Ok(vec![phone.push(ops)?])
    };
    phones.iter_mut().map(one).collect()
}

/// What so many pushes and the pulls cost now.
pub(crate) async fn cost(
    fleet: &Fleet,
    phones: &mut [Phone],
    readers: &[Phone],
    count: usize,
) -> Result<Cost, Failed> {
    let mut cursors = Vec::with_capacity(readers.len());
    let mut connection = Connection::open(fleet.addr(0), Arc::default()).await?;
    for reader in readers {
        cursors.push(catch_up(&mut connection, reader).await?.0);
    }
    let ops = (0..CHANGES).map(|_| phones[0].report().0).collect();
    connection.send(&phones[0].push(ops)?).await?.good()?;
    let pulls = readers.iter().zip(&cursors).map(|(reader, cursor)| {
        let pull = reader.pull(Some(cursor))?;
        Ok(vec![pull; PULLS / READERS])
    });
    let delta = load::run(fleet, pulls.collect::<Result<_, Failed>>()?).await?;
    let prepared = pushes(&mut phones[..count], BATCH)?;
    let push = load::run(fleet, prepared).await?;
    Ok(Cost { push, delta })
}
