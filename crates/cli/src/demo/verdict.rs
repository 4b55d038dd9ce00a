//! The last block: what was captured against what the server holds. Counts; prints; judges.

use super::desk::Desk;
use super::wire::{Digests, Last, Progress};
use crate::out::{Done, Tried as _};
use blindspot_core::case::PhotoRow;
use blindspot_core::feed::{Feed, feeds_for};
use blindspot_core::id::CityId;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId, PhotoId};
use blindspot_store::{Store, StoreError, accounts, devices, feed, ops};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The last object; the names of its first eight fields are a promise.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Block {
    /// Ops that the phones know as acknowledged.
    pub(crate) acknowledged: usize,
    /// Ops captured on a phone that the server does not hold.
    pub(crate) lost: usize,
    /// Cases beyond one a report, and op numbers beyond one an op.
    pub(crate) duplicates: usize,
    /// Photos whose working copy the server holds and has verified.
    pub(crate) photos_verified: usize,
    /// Photos taken.
    pub(crate) photos_total: usize,
    /// Whether every phone's digest of every feed it reads is the server's.
    pub(crate) digests_equal: bool,
    /// From the first step to the last block.
    pub(crate) seconds: f64,
    /// Highest resident memory, summed over all processes, megabytes of 2^20 bytes.
    pub(crate) peak_rss_mb: f64,
    /// The same per process: server first, then the phones.
    pub(crate) peak_rss_each_mb: Vec<f64>,
    /// Seed of the run.
    pub(crate) seed: u64,
    /// Reports captured.
    pub(crate) reports: usize,
    /// Feeds compared.
    pub(crate) feeds_compared: usize,
    /// Per phone: a short digest of its feeds as the server has them, and as the phone has them.
    pub(crate) digests: Vec<(String, String)>,
}

impl Block {
    /// Whether nothing was lost, doubled or left different.
    pub(crate) fn is_sound(&self) -> bool {
        self.lost == 0
            && self.duplicates == 0
            && self.digests_equal
            && self.photos_verified == self.photos_total
            && self.acknowledged > 0
    }

    /// For people.
    pub(crate) fn words(&self) -> String {
        let phones: Vec<String> = self
            .digests
            .iter()
            .enumerate()
            .map(|(i, (server, phone))| {
                let sign = if server == phone { "=" } else { "≠" };
                format!(
                    "                      {} 号手机 phone {}   {phone} {sign} {server} 服务器 server\n",
                    i + 1,
                    i + 1
                )
            })
            .collect();
        format!(
            "已确认 acknowledged   {}\n丢失 lost             {}\n重复 duplicates       {}\n\
             照片已核验 photos     {}/{}\n摘要 digests          {} · {} feeds\n{}\
             用时 seconds          {:.1}\n内存峰值合计 peak RSS {:.0} MB\n",
            self.acknowledged,
            self.lost,
            self.duplicates,
            self.photos_verified,
            self.photos_total,
            if self.digests_equal { "一致 equal" } else { "不一致 DIFFERENT" },
            self.feeds_compared,
            phones.concat(),
            self.seconds,
            self.peak_rss_mb,
        )
    }
}

/// What the server says that a person's phones must hold: digest of each feed of their scope now.
pub(crate) fn expected(
    store: &Store,
    city: &CityId,
    people: &[PersonId],
    towns: &[blindspot_core::division::TownCode],
    now_ms: i64,
) -> Done<BTreeMap<PersonId, Digests>> {
    let read = store.read(|tx| {
        let mut out = BTreeMap::new();
        for person in people {
            let grants = accounts::load_grants(tx, city, *person)?;
            let owned = devices::load_devices_of(tx, city, *person)?;
            // A phone does not read what became of what its person did at a desk.
            let ids: Vec<DeviceId> = owned.iter().filter(|d| !d.desk).map(|d| d.device_id).collect();
            let scope: BTreeSet<Feed> = feeds_for(*person, &ids, &grants, towns, now_ms);
            let heads = feed::load_heads(tx, city, &scope)?;
            let digests = scope
                .into_iter()
                .filter_map(|f| {
                    let digest = heads.get(&f).map(|h| h.digest).unwrap_or_default();
                    (digest.count > 0).then(|| (f, (digest.count, digest.sum_hex())))
                })
                .collect();
            out.insert(*person, digests);
        }
        Ok::<_, StoreError>(out)
    });
    read.tried("读不了服务器的摘要", "cannot read the server's digests")
}

/// A phone's digests without empty feeds, so that they compare with [`expected`].
pub(crate) fn held(progress: &Progress, person: PersonId) -> Digests {
    let mut digests = progress.digests.get(&person).cloned().unwrap_or_default();
    digests.retain(|_, (count, _)| *count > 0);
    digests
}

/// A short digest over digests, for eyes.
pub(crate) fn short(digests: &[Digests]) -> String {
    let text = serde_json::to_string(digests).unwrap_or_default();
    blindspot_core::id::Sha256::of(text.as_bytes()).to_hex()[..8].to_owned()
}

/// What the server holds of what the phones captured.
pub(crate) struct Count {
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) duplicates: usize,
    pub(crate) reports: usize,
}

/// Counts ops and cases.
pub(crate) fn count(store: &Store, city: &CityId, lasts: &[Last], cases: &[CaseId]) -> Done<Count> {
    let captured: Vec<&(OpId, String, bool)> =
        lasts.iter().flat_map(|l| l.people.iter().flat_map(|p| &p.ops)).collect();
    let ids: BTreeSet<OpId> = captured.iter().map(|(id, _, _)| *id).collect();
    let there = store
        .read(|tx| ops::load_ops(tx, city, &ids))
        .tried("读不了服务器的操作记录", "cannot read the server's ops")?;
    let reports = captured.iter().filter(|(_, kind, _)| kind == "report" || kind == "self_fixed").count();
    let numbers: BTreeSet<i64> = there.values().map(|op| op.n).collect();
    let distinct: BTreeSet<&CaseId> = cases.iter().collect();
    Ok(Count {
        acknowledged: captured.iter().filter(|(_, _, acknowledged)| *acknowledged).count(),
        lost: ids.iter().filter(|id| !there.contains_key(id)).count(),
        duplicates: distinct.len().saturating_sub(reports) + there.len().saturating_sub(numbers.len()),
        reports,
    })
}

/// The photos of one case, from its detail.
pub(crate) struct PhotosOf(Vec<PhotoRow>);

impl PhotosOf {
    /// Finds the photo rows wherever the detail carries them.
    pub(crate) fn read(detail: &Value) -> Self {
        let mut found = Vec::new();
        gather(detail, &mut found);
        Self(found)
    }

    /// The first photo of a role.
    pub(crate) fn first(&self, role: &str) -> Option<PhotoId> {
        self.0.iter().find(|p| p.role.as_str() == role).map(|p| p.photo_id)
    }
}

fn gather(value: &Value, found: &mut Vec<PhotoRow>) {
    match value {
        Value::Object(map) if map.contains_key("photo_id") && map.contains_key("forms") => {
            found.extend(serde_json::from_value::<PhotoRow>(value.clone()));
        }
        Value::Object(map) => map.values().for_each(|v| gather(v, found)),
        Value::Array(list) => list.iter().for_each(|v| gather(v, found)),
        _ => {}
    }
}

/// What became of the photos.
pub(crate) struct PhotoCount {
    pub(crate) taken: usize,
    pub(crate) verified: usize,
    pub(crate) doubled: usize,
}

/// Counts photos over all cases, as a supervisor reads them.
pub(crate) fn photos(desk: &Desk, lasts: &[Last], cases: &[CaseId]) -> Done<PhotoCount> {
    let taken: BTreeSet<PhotoId> =
        lasts.iter().flat_map(|l| l.people.iter().flat_map(|p| p.photos.clone())).collect();
    let mut rows = BTreeMap::new();
    for case in cases {
        for photo in PhotosOf::read(&desk.case(*case)?).0 {
            // A merged case and the one it went to may both show the photo: it is one row.
            rows.insert(photo.photo_id, photo);
        }
    }
    let verified = |id: &&PhotoId| rows.get(*id).is_some_and(|p| p.verified.contains(&p.evidence_form()));
    Ok(PhotoCount {
        taken: taken.len(),
        verified: taken.iter().filter(verified).count(),
        doubled: rows.keys().filter(|id| !taken.contains(id)).count(),
    })
}
