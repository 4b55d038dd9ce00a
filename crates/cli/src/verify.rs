//! `blindspot verify`: the audit chain, photo bytes against their names, feed digests against their rows.

use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use crate::verify_demo;
use blindspot_core::id::Sha256;
use blindspot_server::blob::Depot;
use blindspot_server::service::{House, erasure, ledger};
use blindspot_store::{audit, erased, feed, uploads};
use clap::ValueEnum;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

/// 核对 · check
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 核对什么 · what to check
    what: What,
    /// 数据文件夹 · data folder
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// 审计日志的哈希链 · the hash chain of the audit log
    Audit,
    /// 责任台账的哈希链 · the hash chain of the responsibility ledger
    Ledger,
    /// 演示里埋下的事实与服务器的回答 · what was planted in the demo against what the server answers
    Demo,
    /// 照片字节 · photo bytes against their SHA-256
    Blobs,
    /// 摘要 · each feed's digest against its rows
    Digests,
}

/// Runs the command; fails when something does not hold.
pub(crate) fn run(args: &Args) -> Done {
    let folder = Folder::existing(&args.data)?;
    let found = match args.what {
        What::Audit => check_audit(&folder)?,
        What::Demo => verify_demo::check(&folder, &args.data)?,
        What::Ledger => check_ledger(&folder)?,
        What::Blobs => check_blobs(&folder, args)?,
        What::Digests => check_digests(&folder)?,
    };
    folder.close()?;
    answer(args.json, &found, || words(&found))?;
    if found["ok"] == true {
        Ok(())
    } else {
        Err(Failure::new("核对发现问题，见上", "the check found a fault; see above"))
    }
}

fn check_ledger(house: &House) -> Done<Value> {
    let report = ledger::report(house).tried("台账读不了", "the ledger cannot be read")?;
    let mut found = serde_json::to_value(&report).tried("台账写不出", "the ledger cannot be told")?;
    found["ok"] = json!(report.first_bad.is_none());
    Ok(found)
}

fn words(found: &Value) -> String {
    let Some(map) = found.as_object() else { return String::new() };
    if let Some(lines) = map.get("lines").and_then(Value::as_array) {
        let line = |l: &Value| {
            let sign = if l["ok"] == true { "=" } else { "≠" };
            let what = l["what"].as_str().unwrap_or_default();
            format!("{what}: {} {sign} {}\n", l["planted"], l["answered"])
        };
        return lines.iter().map(line).collect();
    }
    map.iter().map(|(k, v)| format!("{k}: {v}\n")).collect()
}

fn check_audit(house: &House) -> Done<Value> {
    let check = house
        .store
        .read(|tx| audit::verify(tx, &house.city))
        .tried("读不了审计日志", "cannot read the audit log")?;
    Ok(json!({"check": "audit", "ok": check.ok, "rows": check.rows, "first_bad": check.first_bad}))
}

fn check_digests(house: &House) -> Done<Value> {
    let checks = house
        .store
        .read(|tx| feed::recompute_digests(tx, &house.city))
        .tried("读不了 feed", "cannot read the feeds")?;
    let differing: Vec<&str> =
        checks.iter().filter(|c| c.stored != c.recomputed).map(|c| c.feed.as_str()).collect();
    Ok(json!({"check": "digests", "ok": differing.is_empty(), "feeds": checks.len(), "differing": differing}))
}

fn check_blobs(house: &House, args: &Args) -> Done<Value> {
    let depot = Depot::open(&args.data).tried("打不开照片库", "cannot open the blobs")?;
    let expected = house
        .store
        .read(|tx| uploads::load_verified_hashes(tx, &house.city))
        .tried("读不了上传记录", "cannot read the uploads")?;
    let bars = Bars::new(args.json);
    let bar = bars.bar("照片 blobs", expected.len() as u64);
    let (mut bytes, mut missing, mut damaged) = (0u64, Vec::new(), Vec::new());
    for (sha, length) in &expected {
        match depot.blobs.open(sha).tried("打不开照片", "cannot open a blob")? {
            None => missing.push(sha.to_hex()),
            Some(reader) => {
                let (found, n) = hash(reader).tried("读不了照片", "cannot read a blob")?;
                bytes += n;
                if found != *sha || n != *length {
                    damaged.push(sha.to_hex());
                }
            }
        }
        bar.inc(1);
    }
    bars.clear();
    // What was erased is not missing, and must not be there.
    let erased = house
        .store
        .read(|tx| erased::load_all(tx, &house.city))
        .tried("读不了删除清单", "cannot read the erasures")?;
    let mut left = Vec::new();
    for sha in erasure::blobs_of(&erased) {
        if depot.blobs.len(&sha).tried("打不开照片", "cannot open a blob")?.is_some() {
            left.push(sha.to_hex());
        }
    }
    let strays = strays(&depot, &expected)?;
    let ok = missing.is_empty() && damaged.is_empty() && left.is_empty();
    Ok(json!({
        "check": "blobs", "ok": ok, "blobs": expected.len(), "bytes": bytes, "missing": missing, "damaged": damaged,
        "erased_and_there": left, "strays": strays,
    }))
}

/// Photos that nobody counts on: an upload may be on its way, and the server removes what stays so for a day. What was
/// put before the epoch in force was opened stays.
fn strays(depot: &Depot, expected: &[(Sha256, u64)]) -> Done<usize> {
    let counted: BTreeSet<Sha256> = expected.iter().map(|(sha, _)| *sha).collect();
    let mut strays = 0;
    let looked = depot.blobs.each(&mut |found| {
        strays += usize::from(!counted.contains(&found.sha256));
        Ok(())
    });
    looked.tried("列不出照片", "cannot list the photos")?;
    Ok(strays)
}

fn hash(mut reader: Box<dyn Read + Send>) -> std::io::Result<(Sha256, u64)> {
    let (mut hasher, mut piece, mut all) = (sha2::Sha256::new(), vec![0; 64 * 1024], 0);
    loop {
        let n = reader.read(&mut piece)?;
        if n == 0 {
            return Ok((Sha256(hasher.finalize().into()), all));
        }
        hasher.update(&piece[..n]);
        all += n as u64;
    }
}
