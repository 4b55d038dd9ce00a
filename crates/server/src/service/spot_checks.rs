//! 自行处置抽查: which of what was fixed on the spot the desk looks at (field.md U20). The sample is a function of the day's seed and
//! the case, as the lots are (decision 0023): nobody can tell beforehand, anybody can do it again when the day is over. Cases
//! alone are listed: nobody is counted or ranked. Knows no HTTP.

use super::case_list::list_scope;
use super::drawing::seed_of;
use super::{Credential, House, ServiceError, case_files};
use blindspot_core::CaseId;
use blindspot_core::case::{Case, SpotCheckRef};
use blindspot_core::check::{commitment, is_sampled};
use blindspot_core::error::BAD_REQUEST;
use blindspot_core::id::Sha256;
use blindspot_core::limits::SELF_FIXED_SAMPLE_PERCENT;
use blindspot_core::local::{DAY_MS, day_text, moment_of};
use blindspot_store::{StoreError, cases};
use serde::Serialize;

/// A case of the sample.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Sampled {
    /// The case.
    pub case_id: CaseId,
    /// Its spoken number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_no: Option<String>,
    /// When received.
    pub received_ms: i64,
    /// Photos that are here, and that are awaited: it is looked at on its pair.
    pub photos: [u32; 2],
    /// What the desk found; nothing as long as it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<SpotCheckRef>,
}

/// The sample of a day.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DayOfSamples {
    /// The day of receipt, UTC+8.
    pub day: String,
    /// The share, in a hundred.
    pub share_percent: u8,
    /// SHA-256 of the day's seed, hex.
    pub commitment: String,
    /// The seed itself, hex, when the day is over: a case is in the sample when the first eight bytes of
    /// SHA-256(seed, case id, `self_fixed`), as a number, modulo 100 are below the share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// How many were fixed on the spot that day.
    pub self_fixed: usize,
    /// The sample, first received first.
    pub sampled: Vec<Sampled>,
}

/// The sample of a day, of what the caller reads; today's when no day is named.
///
/// # Errors
/// `BAD_REQUEST` for what is no day; the database's.
pub fn samples(
    house: &House,
    reader: Option<Credential>,
    day: Option<&str>,
    now_ms: i64,
) -> Result<DayOfSamples, ServiceError> {
    let from_ms = moment_of(day.unwrap_or(&day_text(now_ms)))
        .ok_or_else(|| ServiceError::because(&BAD_REQUEST, "day: 2026-11-29"))?;
    let day = day_text(from_ms);
    let seed = seed_of(house, &day);
    let over = day < day_text(now_ms);
    let files = house.store.read(|tx| {
        let scope = match reader {
            Some(who) => list_scope(tx, house, who, now_ms)?,
            None => cases::Scope::City,
        };
        let within = cases::within(&scope);
        let all = cases::load_self_fixed(tx, &house.city, &within, from_ms, from_ms + DAY_MS)?;
        let count = all.len();
        let sample =
            all.into_iter().filter(|case| is_sampled(&seed, *case, SELF_FIXED_SAMPLE_PERCENT)).collect();
        Ok::<_, StoreError>((count, case_files::load(tx, house, &sample)?))
    });
    let (self_fixed, files) = files?;
    let mut sampled: Vec<Sampled> = files.into_values().map(|file| told(&file.case)).collect();
    sampled.sort_by_key(|s| (s.received_ms, s.case_id));
    Ok(DayOfSamples {
        day,
        share_percent: SELF_FIXED_SAMPLE_PERCENT,
        commitment: commitment(&seed),
        seed: over.then(|| Sha256(seed).to_hex()),
        self_fixed,
        sampled,
    })
}

fn told(case: &Case) -> Sampled {
    Sampled {
        case_id: case.case_id,
        short_no: case.short_no.as_ref().map(|n| n.text()),
        received_ms: case.received_ms,
        photos: [case.media.n, case.media.m],
        found: case.spot_check.clone(),
    }
}
