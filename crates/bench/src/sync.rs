//! W2: the first sync of a phone whose duty grid holds 10,000 cases, and 200 phones that each pull 20 changes.

use crate::child::Server;
use crate::ground::{self, Recruit, now_ms};
use crate::load;
use crate::phone::{Phone, enrol_all};
use crate::report::Report;
use crate::wire::{Connection, Prepared, Wire};
use crate::{Failed, limits, line};
use blindspot_client::{HttpResponse, Now, Replica};
use hyper::{HeaderMap, Method};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const CASES: usize = 10_000;
const READERS: usize = 200;
/// Pulls of each reader.
const ROUNDS: usize = 40;
const CHANGES: usize = 20;

/// What is read of a page: rows are looked at by the phone, which is measured apart.
#[derive(Deserialize)]
struct Page {
    cursor: String,
    checkpoint: Option<serde::de::IgnoredAny>,
    rows: Vec<serde::de::IgnoredAny>,
}

/// Runs both.
pub(crate) fn run(root: &Path, seed: u64, report: &mut Report) -> Result<(), Failed> {
    full(root, seed, report)?;
    delta(root, seed, report)
}

async fn fill(server: &Server, phone: &mut Phone, cases: usize) -> Result<(), Failed> {
    let mut pushes = Vec::new();
    for _ in 0..cases.div_ceil(200) {
        let ops = (0..200.min(cases)).map(|_| phone.report().0).collect();
        pushes.push(phone.push(ops)?);
    }
    load::run(server, vec![pushes]).await.map(drop)
}

fn full(root: &Path, seed: u64, report: &mut Report) -> Result<(), Failed> {
    let dir = tempfile::tempdir_in(root)?;
    let recruits = ground::lay(dir.path(), seed, 4, |_| 0)?;
    let server = Server::start(dir.path())?;
    let mut times = Vec::new();
    let (rows, bytes, cpu) = load::block_on(async {
        let mut phones = enrol_all(server.addr, &recruits[..3], seed).await?;
        fill(&server, &mut phones[0], CASES).await?;
        let before = server.usage()?.cpu_s;
        let (mut rows, mut bytes) = (0, 0);
        // Two readers, three times each: a first sync asks for nothing that another one has left warm.
        for n in 0..6 {
            let wire = Arc::new(Wire::default());
            let mut connection = Connection::open(server.addr, wire.clone()).await?;
            let start = Instant::now();
            rows = first_sync(&mut connection, &phones[1 + n % 2]).await?;
            times.push(start.elapsed().as_secs_f64());
            bytes = wire.bytes();
        }
        Ok((rows, bytes, (server.usage()?.cpu_s - before) / 6.0))
    })?;
    times.sort_by(f64::total_cmp);
    let mirror_s = mirror(&server, dir.path(), &recruits[3])?;
    let usage = server.usage()?;
    let mut line = line("w2_full").with("rows", rows as u64).with("phone_sync_s", mirror_s);
    line.seconds = Some(crate::report::quantile(&times, 0.5));
    line.server_cpu_s = cpu;
    line.peak_rss_mb = usage.peak_mb;
    line.bytes_wire = bytes;
    line.limit = read_rows(dir.path(), CASES)?;
    line.limit_is = "seconds to read the same bodies in key order from the database file";
    report.tell(&line.with("seconds_min", times[0]).with("seconds_max", times[times.len() - 1]));
    server.stop()
}

async fn first_sync(connection: &mut Connection, phone: &Phone) -> Result<usize, Failed> {
    let (mut cursor, mut rows) = (None::<String>, 0);
    loop {
        let answer = connection.send(&phone.pull(cursor.as_deref())?).await?.good()?;
        let page: Page = serde_json::from_slice(&answer.unpacked()?)?;
        rows += page.rows.len();
        cursor = Some(page.cursor);
        if page.checkpoint.is_some() {
            return Ok(rows);
        }
    }
}

/// Seconds a real replica takes for the same: network, staging, checking digests, writing its mirror.
fn mirror(server: &Server, data: &Path, recruit: &Recruit) -> Result<f64, Failed> {
    let home = tempfile::tempdir_in(data)?;
    let mut replica = blindspot_client::open_native(home.path())?;
    let mut random = |buf: &mut [u8]| {
        let _ = getrandom::fill(buf);
    };
    let now = || Now::wall(now_ms());
    load::block_on(async {
        let mut connection = Connection::open(server.addr, Arc::default()).await?;
        let base = format!("http://{}", server.addr);
        let request = replica.enrol_request(&base, &recruit.code, None, "bench", &now(), &mut random)?;
        let response = carry(&mut connection, request).await?;
        replica.handle_enrol_response(&response, &now())?;
        let start = Instant::now();
        while cases(&replica)? < CASES {
            if let Some(request) = replica.poll_request(&now(), &mut random)? {
                let id = request.id;
                let response = carry(&mut connection, request).await?;
                replica.handle_response(id, &response, &now(), &mut random)?;
            }
            if start.elapsed().as_secs() > 120 {
                return Err("the replica did not catch up".into());
            }
        }
        Ok(start.elapsed().as_secs_f64())
    })
}

fn cases(replica: &Replica) -> Result<usize, Failed> {
    let grids = replica.digests()?.into_iter().filter(|(feed, _)| feed.as_str().starts_with("grid:"));
    Ok(usize::try_from(grids.map(|(_, digest)| digest.count).sum::<u64>())?)
}

async fn carry(
    connection: &mut Connection,
    request: blindspot_client::HttpRequest,
) -> Result<HttpResponse, Failed> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.insert(hyper::header::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
    }
    headers.insert("accept-encoding", "zstd".parse()?);
    let method = Method::from_bytes(request.method.as_bytes())?;
    let prepared = Prepared { method, path: request.path, headers, body: request.body.into() };
    let answer = connection.send(&prepared).await?;
    let text = |v: &hyper::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    Ok(HttpResponse {
        status: answer.status.as_u16(),
        headers: answer.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect(),
        body: answer.unpacked()?,
    })
}

/// Seconds to read the bodies of so many case rows.
fn read_rows(data: &Path, most: usize) -> Result<f64, Failed> {
    let db = rusqlite::Connection::open(data.join("blindspot.db"))?;
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

fn delta(root: &Path, seed: u64, report: &mut Report) -> Result<(), Failed> {
    let dir = tempfile::tempdir_in(root)?;
    // Writers and readers in pairs: 50 grids, a writer and four readers in each.
    let grids = READERS / 4;
    let recruits = ground::lay(dir.path(), seed, grids + READERS, |n| n % grids)?;
    let server = Server::start(dir.path())?;
    let outcome = load::block_on(async {
        let mut phones = enrol_all(server.addr, &recruits, seed).await?;
        let readers = phones.split_off(grids);
        let mut connection = Connection::open(server.addr, Arc::default()).await?;
        let mut pulls = Vec::new();
        for reader in &readers {
            let mut cursor = None::<String>;
            loop {
                let answer = connection.send(&reader.pull(cursor.as_deref())?).await?.good()?;
                let page: Page = serde_json::from_slice(&answer.unpacked()?)?;
                cursor = Some(page.cursor);
                if page.checkpoint.is_some() {
                    break;
                }
            }
            pulls.push(vec![reader.pull(cursor.as_deref())?; ROUNDS]);
        }
        let mut pushes = Vec::new();
        for phone in &mut phones {
            let ops = (0..CHANGES).map(|_| phone.report().0).collect();
            pushes.push(vec![phone.push(ops)?]);
        }
        load::run(&server, pushes).await?;
        load::run(&server, pulls).await
    })?;
    for answer in outcome.answers.iter().filter_map(|a| a.first()) {
        let page: Page = serde_json::from_slice(&answer.unpacked()?)?;
        if page.rows.len() != CHANGES || page.checkpoint.is_none() {
            return Err(format!("a delta of {} rows", page.rows.len()).into());
        }
    }
    let empty = limits::empty_handler(READERS, READERS * ROUNDS, vec![b'x'; 600].into())?;
    let pulls = READERS * ROUNDS;
    let mut line = outcome.line(line("w2_delta"), pulls, (empty, "requests/s of an empty handler"));
    line.pulls_per_s = Some(pulls as f64 / outcome.seconds);
    report.tell(&line.with("changes_a_pull", CHANGES as u64));
    server.stop()
}
