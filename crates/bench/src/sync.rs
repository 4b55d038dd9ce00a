//! W2, its first half: the first sync of a phone whose duty grid holds 10,000 cases.

use crate::engine::Engine;
use crate::load;
use crate::phone::{Phone, enrol_all};
use crate::report::Report;
use crate::site::{Fleet, Site};
use crate::wire::{Connection, Wire};
use crate::{Failed, limits_pg, mirror};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const CASES: usize = 10_000;

/// What is read of a page: rows are looked at by the phone, which is measured apart.
#[derive(Deserialize)]
pub(crate) struct Page {
    cursor: String,
    pub(crate) checkpoint: Option<serde::de::IgnoredAny>,
    pub(crate) rows: Vec<serde::de::IgnoredAny>,
}

/// Runs it on each engine.
pub(crate) fn run(root: &Path, seed: u64, engines: &[Engine], report: &mut Report) -> Result<(), Failed> {
    engines.iter().try_for_each(|engine| full(&Site::new(root, engine, "w2_full")?, seed, report))
}

async fn fill(fleet: &Fleet, phone: &mut Phone, cases: usize) -> Result<(), Failed> {
    let mut pushes = Vec::new();
    for _ in 0..cases.div_ceil(200) {
        let ops = (0..200.min(cases)).map(|_| phone.report().0).collect();
        pushes.push(phone.push(ops)?);
    }
    load::run(fleet, vec![pushes]).await.map(drop)
}

fn full(site: &Site<'_>, seed: u64, report: &mut Report) -> Result<(), Failed> {
    let recruits = site.lay(seed, 4, |_| 0)?;
    let fleet = site.start()?;
    let mut times = Vec::new();
    let (rows, bytes, cpu, db_cpu) = load::block_on(async {
        let mut phones = enrol_all(fleet.addr(0), &recruits[..3], seed).await?;
        fill(&fleet, &mut phones[0], CASES).await?;
        site.settle()?;
        let before = fleet.usage()?;
        let (mut rows, mut bytes) = (0, 0);
        // Two readers, three times each: a first sync asks for nothing that another one has left warm.
        for n in 0..6 {
            let wire = Arc::new(Wire::default());
            let mut connection = Connection::open(fleet.addr(0), wire.clone()).await?;
            let start = Instant::now();
            rows = catch_up(&mut connection, &phones[1 + n % 2]).await?.1;
            times.push(start.elapsed().as_secs_f64());
            bytes = wire.bytes();
        }
        let after = fleet.usage()?;
        let db_cpu = after.db_cpu_s.zip(before.db_cpu_s).map(|(after, before)| (after - before) / 6.0);
        Ok((rows, bytes, (after.cpu_s - before.cpu_s) / 6.0, db_cpu))
    })?;
    times.sort_by(f64::total_cmp);
    let mirror_s = mirror::catch_up(&fleet, site.folder(), &recruits[3], CASES)?;
    let usage = fleet.usage()?;
    let mut line = site.line("w2_full").with("rows", rows as u64).with("phone_sync_s", mirror_s);
    line.seconds = Some(crate::report::quantile(&times, 0.5));
    line.server_cpu_s = cpu;
    line.db_cpu_s = db_cpu;
    line.peak_rss_mb = usage.peak_mb;
    line.bytes_wire = bytes;
    line.limit = read_rows(site, CASES)?;
    line.limit_is = "seconds to read the same bodies in key order from the database";
    report.tell(&line.with("seconds_min", times[0]).with("seconds_max", times[times.len() - 1]));
    fleet.stop()
}

/// Pulls until a checkpoint: the cursor there, and the rows on the way.
pub(crate) async fn catch_up(connection: &mut Connection, phone: &Phone) -> Result<(String, usize), Failed> {
    let (mut cursor, mut rows) = (None::<String>, 0);
    loop {
        let answer = connection.send(&phone.pull(cursor.as_deref())?).await?.good()?;
        let page: Page = serde_json::from_slice(&answer.unpacked()?)?;
        rows += page.rows.len();
        if page.checkpoint.is_some() {
            return Ok((page.cursor, rows));
        }
        cursor = Some(page.cursor);
    }
}

/// Seconds to read the bodies of so many case rows, from the database itself.
fn read_rows(site: &Site<'_>, most: usize) -> Result<f64, Failed> {
    if let (Some(node), Some(base)) = (site.engine.node(), &site.base) {
        return limits_pg::read_bodies(node, base, most);
    }
    let db = rusqlite::Connection::open(site.folder().join("blindspot.db"))?;
    let start = Instant::now();
    let mut query = db.prepare("SELECT body FROM rows WHERE kind = 'case' ORDER BY id LIMIT ?1")?;
    let mut rows = query.query([i64::try_from(most)?])?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        bytes += row.get_ref(0)?.as_str()?.len();
    }
    std::hint::black_box(bytes);
    Ok(start.elapsed().as_secs_f64())
}
