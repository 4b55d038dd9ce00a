//! Growth: what a push of 200 and a delta of 20 cost when the city has 10,000 cases, and when it has a million.
//! CPU of the server tells it; wall time is told beside.

use crate::child::Server;
use crate::load::{self, Outcome};
use crate::phone::{Phone, enrol_all};
use crate::report::{Report, quantile};
use crate::wire::{Connection, Prepared};
use crate::{Failed, ground, line};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

const SMALL: usize = 10_000;
const PHONES: usize = 100;
/// Pushes measured at each size.
const PUSHES: usize = 100;
/// Pulls measured at each size.
const PULLS: usize = 4_000;
const BATCH: usize = 200;
const CHANGES: usize = 20;
/// Phones that pull, all of the first phone's grid: one alone would meet its rate limit.
const READERS: usize = 20;

#[derive(Deserialize)]
struct Page {
    cursor: String,
    checkpoint: Option<serde::de::IgnoredAny>,
}

/// One size of the city.
struct Cost {
    push: Outcome,
    delta: Outcome,
}

/// Measures at both sizes, on one growing folder.
pub(crate) fn run(root: &Path, seed: u64, cases: usize, report: &mut Report) -> Result<(), Failed> {
    let dir = tempfile::tempdir_in(root)?;
    let recruits = ground::lay(dir.path(), seed, PHONES + READERS, |n| if n >= PHONES { 0 } else { n })?;
    let server = Server::start(dir.path())?;
    let (small, large) = load::block_on(async {
        let mut phones = enrol_all(server.addr, &recruits, seed).await?;
        let readers = phones.split_off(PHONES);
        grow(&server, &mut phones, SMALL).await?;
        let small = cost(&server, &mut phones, &readers).await?;
        grow(&server, &mut phones, cases.saturating_sub(SMALL)).await?;
        let large = cost(&server, &mut phones, &readers).await?;
        Ok((small, large))
    })?;
    let usage = server.usage()?;
    let ops = PUSHES * BATCH;
    for (work, counted, a, b) in
        [("growth_push", ops, &small.push, &large.push), ("growth_delta", PULLS, &small.delta, &large.delta)]
    {
        let mut line =
            b.line(line(work), counted, (a.cpu_s, "server CPU seconds for the same at 10,000 cases"));
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
    server.stop()
}

async fn grow(server: &Server, phones: &mut [Phone], cases: usize) -> Result<(), Failed> {
    // In steps, so that the bodies of a million reports do not stand in memory at once.
    let step = PHONES * BATCH;
    for _ in 0..cases.div_ceil(step) {
        let pushes = pushes(phones, BATCH)?;
        load::run(server, pushes).await?;
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

async fn cost(server: &Server, phones: &mut [Phone], readers: &[Phone]) -> Result<Cost, Failed> {
    let mut cursors = Vec::with_capacity(readers.len());
    for reader in readers {
        cursors.push(caught_up(server, reader).await?);
    }
    let mut connection = Connection::open(server.addr, Arc::default()).await?;
    let ops = (0..CHANGES).map(|_| phones[0].report().0).collect();
    connection.send(&phones[0].push(ops)?).await?.good()?;
    let pulls = readers.iter().zip(&cursors).map(|(reader, cursor)| {
        let pull = reader.pull(Some(cursor))?;
        Ok(vec![pull; PULLS / READERS])
    });
    let delta = load::run(server, pulls.collect::<Result<_, Failed>>()?).await?;
    let prepared = pushes(&mut phones[..PUSHES], BATCH)?;
    let push = load::run(server, prepared).await?;
    Ok(Cost { push, delta })
}

async fn caught_up(server: &Server, phone: &Phone) -> Result<String, Failed> {
    let mut connection = Connection::open(server.addr, Arc::default()).await?;
    let mut cursor: Option<String> = None;
    loop {
        let answer = connection.send(&phone.pull(cursor.as_deref())?).await?.good()?;
        let page: Page = serde_json::from_slice(&answer.unpacked()?)?;
        if page.checkpoint.is_some() {
            return Ok(page.cursor);
        }
        cursor = Some(page.cursor);
    }
}
