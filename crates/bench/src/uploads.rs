//! W3: 200 uploads of 2 MB by 8 phones through tus, each acknowledged only when its bytes are durable and verified.

use crate::bucket::Bucket;
use crate::engine::Engine;
use crate::load;
use crate::phone::{Phone, enrol_all};
use crate::report::{Line, Report, quantile};
use crate::site::{Fleet, Site};
use crate::wire::{Connection, Prepared, Wire};
use crate::{Failed, limits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::PhotoId;
use blindspot_core::id::Sha256;
use blindspot_core::limits::CHUNK_BYTES;
use hyper::Method;
use hyper::body::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const PHONES: usize = 8;
const UPLOADS: usize = 200;
const BYTES: usize = 2_000_000;

/// One photo's bytes and the photo that names them.
struct Job {
    photo: PhotoId,
    sha256: Sha256,
    bytes: Bytes,
}

/// Runs W3 with each photo in one request, and in pieces of the size that phones send.
/// With a bucket its works have names of their own.
pub(crate) fn run(
    root: &Path,
    seed: u64,
    engine: &Engine,
    s3: Option<&Bucket>,
    report: &mut Report,
) -> Result<(), Failed> {
    let names = if s3.is_some() { ["w3_s3", "w3_s3_pieces"] } else { ["w3", "w3_pieces"] };
    for (work, piece) in names.into_iter().zip([BYTES, CHUNK_BYTES]) {
        let site = Site::new(root, engine, work)?;
        one(&site, (root, s3), seed, (work, piece), report)?;
    }
    Ok(())
}

fn one(
    site: &Site<'_>,
    (root, s3): (&Path, Option<&Bucket>),
    seed: u64,
    (work, piece): (&'static str, usize),
    report: &mut Report,
) -> Result<(), Failed> {
    let recruits = site.lay(seed, PHONES, |n| n)?;
    if let Some(s3) = s3 {
        // Each run has a place of its own in the store: what another left there is not found again.
        let place = format!("{work}-{}", site.engine.name());
        s3.place(&place)?.note(site.folder())?;
    }
    let fleet = site.start()?;
    let wire = Arc::new(Wire::default());
    let mut store_cpu_s = 0.0;
    let (seconds, mut latencies, before, after) = load::block_on(async {
        let mut phones = enrol_all(fleet.addr(0), &recruits, seed).await?;
        let jobs = prepare(&fleet, &mut phones, seed).await?;
        let mut lanes = Vec::new();
        for (phone, jobs) in phones.into_iter().zip(jobs) {
            lanes.push((phone, jobs, Connection::open(fleet.addr(0), wire.clone()).await?));
        }
        let before = fleet.usage()?;
        store_cpu_s = s3.map_or(Ok(0.0), Bucket::cpu_s)?;
        let start = Instant::now();
        let tasks: Vec<_> = lanes
            .into_iter()
            .map(|(phone, jobs, mut connection)| {
                tokio::task::spawn_local(async move {
                    let mut times = Vec::with_capacity(jobs.len());
                    for job in &jobs {
                        let begun = Instant::now();
                        upload(&mut connection, &phone, job, piece).await.map_err(|e| e.to_string())?;
                        times.push(begun.elapsed().as_secs_f64() * 1000.0);
                    }
                    Ok::<_, String>(times)
                })
            })
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        Ok((start.elapsed().as_secs_f64(), latencies, before, fleet.usage()?))
    })?;
    latencies.sort_by(f64::total_cmp);
    let picture = picture(seed, 0);
    let mut line = site.line(work);
    line.mb_per_s = Some((UPLOADS * BYTES) as f64 / 1e6 / seconds);
    line.p50_ms = Some(quantile(&latencies, 0.5));
    line.p99_ms = Some(quantile(&latencies, 0.99));
    line.server_cpu_s = after.cpu_s - before.cpu_s;
    line.server_cpu_ms_per_1000 = Some(line.server_cpu_s * 1e6 / UPLOADS as f64);
    line.db_cpu_s = after.db_cpu_s.zip(before.db_cpu_s).map(|(after, before)| after - before);
    line.peak_rss_mb = after.peak_mb;
    line.bytes_wire = wire.bytes();
    line = limit_of(line, (root, s3), &picture, store_cpu_s)?;
    let plain = limits::sent_hashed_stored(root, PHONES, UPLOADS, &picture)?;
    let reached = line.mb_per_s.unwrap_or(0.0);
    let (share, of_plain) = (reached / line.limit, reached / plain);
    report.tell(
        &line
            .with("share_of_limit", share)
            .with("plain_mb_per_s", plain)
            .with("share_of_plain", of_plain)
            .with("memory_growth_mb", after.peak_mb - before.rss_mb)
            .with("sha256_mb_per_s", limits::sha256(&picture))
            .with("bytes_a_request", piece as u64),
    );
    fleet.stop()
}

/// The line with the limit beside it: what the disk, or the store without us, takes of the same bytes.
fn limit_of(
    mut line: Line,
    (root, s3): (&Path, Option<&Bucket>),
    picture: &[u8],
    store_cpu_s: f64,
) -> Result<Line, Failed> {
    let Some(s3) = s3 else {
        line.limit = limits::fsynced_files(root, PHONES, UPLOADS, picture)?;
        line.limit_is = "MB/s of fsynced files by as many threads";
        return Ok(line);
    };
    // Before the store works for the limit.
    let line_cpu_s = s3.cpu_s()? - store_cpu_s;
    line.limit = s3.put_straight(root, PHONES, UPLOADS, picture)?;
    line.limit_is = "MB/s put straight into the same store by as many threads";
    Ok(line.with("store_cpu_s", line_cpu_s))
}

/// Bytes that begin as a JPEG does and compress like noise.
fn picture(seed: u64, n: u64) -> Vec<u8> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(50_000 + n);
    let mut bytes = vec![0; BYTES];
    dice.fill_bytes(&mut bytes);
    bytes[..4].copy_from_slice(&[0xff, 0xd8, 0xff, 0xe0]);
    bytes
}

/// Cases and photo ops are on the server before the clock runs: an upload then links at once.
async fn prepare(fleet: &Fleet, phones: &mut [Phone], seed: u64) -> Result<Vec<Vec<Job>>, Failed> {
    let mut connection = Connection::open(fleet.addr(0), Arc::default()).await?;
    let (mut out, mut n) = (Vec::new(), 0);
    for phone in phones {
        let (mut jobs, mut ops) = (Vec::new(), Vec::new());
        for _ in 0..UPLOADS / PHONES {
            n += 1;
            let bytes = picture(seed, n);
            let sha256 = Sha256::of(&bytes);
            let (report, case) = phone.report();
            let (op, photo) = phone.photo(case, &sha256.to_hex(), bytes.len());
            ops.extend([report, op]);
            jobs.push(Job { photo, sha256, bytes: bytes.into() });
        }
        connection.send(&phone.push(ops)?).await?.good()?;
        out.push(jobs);
    }
    Ok(out)
}

async fn upload(connection: &mut Connection, phone: &Phone, job: &Job, piece: usize) -> Result<(), Failed> {
    let word = |name: &str, value: &str| format!("{name} {}", STANDARD.encode(value));
    let metadata = [
        word("photo_id", &job.photo.to_string()),
        word("form", "original"),
        word("sha256", &job.sha256.to_hex()),
        word("filetype", "image/jpeg"),
    ]
    .join(",");
    let mut headers = phone.headers()?;
    headers.insert("tus-resumable", "1.0.0".parse()?);
    let mut create = headers.clone();
    create.insert("upload-length", job.bytes.len().into());
    create.insert("upload-metadata", metadata.parse()?);
    let create =
        Prepared { method: Method::POST, path: "/v1/photos".into(), headers: create, body: Bytes::new() };
    let created = connection.send(&create).await?.good()?;
    let path = created.headers.get("location").ok_or("no location")?.to_str()?.to_owned();
    let mut verified = None;
    for from in (0..job.bytes.len()).step_by(piece) {
        let bytes = job.bytes.slice(from..(from + piece).min(job.bytes.len()));
        let mut patch = headers.clone();
        patch.insert("upload-offset", from.into());
        patch.insert("content-type", "application/offset+octet-stream".parse()?);
        let patch = Prepared { method: Method::PATCH, path: path.clone(), headers: patch, body: bytes };
        let answer = connection.send(&patch).await?.good()?;
        verified = answer.headers.get("upload-verified").map(|v| v.as_bytes().to_vec());
    }
    if verified.as_deref() == Some(job.sha256.to_hex().as_bytes()) {
        return Ok(());
    }
    Err("an upload ended without its digest".into())
}
