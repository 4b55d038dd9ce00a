//! How much one phone or account may ask of the server: rates, a daily quota of uploads, a reserve of disk for ops.
//! Knows no HTTP.

pub mod buckets;
pub mod quota;
pub mod reserve;

use crate::service::{House, ServiceError};
use blindspot_core::error::TOO_MANY_REQUESTS;
use blindspot_core::limits::UPLOAD_QUOTA_BYTES;
pub use buckets::{Buckets, Class, Key, Rate};
pub use reserve::{Reserve, disk_space};

/// What an operator may set. The defaults let a phone with a large backlog send as fast as the network carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitConfig {
    /// Requests of each class, for one device; an account with several devices gets four times as much.
    pub rates: Rates,
    /// Bytes that one device may begin to upload in a day.
    pub upload_quota_bytes: u64,
    /// Free space below which photos are refused and ops still taken; by default the larger of 1 GiB and 2 % of
    /// the disk.
    pub reserve_bytes: Option<u64>,
}

/// Rates by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Pushes.
    pub push: Rate,
    /// Pulls and event streams.
    pub pull: Rate,
    /// Steps of uploads.
    pub upload: Rate,
    /// Everything else that a signed-in person asks, downloads too.
    pub read: Rate,
    /// Sign-ins with a password, for one account.
    pub sign_in: Rate,
    /// Wrong codes at enrolment in all, and wrong proofs of one device.
    pub wrong: Rate,
    /// Requests by one work link.
    pub link: Rate,
    /// Requests by work links from one address: a carrier has many workers behind one.
    pub link_address: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |per_minute, burst| Rate { per_minute, burst };
        Self {
            push: rate(12_000, 1_000),
            pull: rate(6_000, 1_000),
            upload: rate(12_000, 1_000),
            read: rate(6_000, 1_000),
            sign_in: rate(12, 20),
            wrong: rate(12, 20),
            link: rate(20, 60),
            link_address: rate(300, 600),
        }
    }
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self { rates: Rates::default(), upload_quota_bytes: UPLOAD_QUOTA_BYTES, reserve_bytes: None }
    }
}

/// The refusal of who asked too often, with a wait that differs from phone to phone.
pub(crate) fn too_many(house: &House, wait_ms: i64) -> ServiceError {
    ServiceError::Later(&TOO_MANY_REQUESTS, jittered_s(house, wait_ms))
}

/// Whole seconds, at least one, and up to half as many more.
pub(crate) fn jittered_s(house: &House, wait_ms: i64) -> u32 {
    let seconds = u32::try_from((wait_ms.max(0) + 999) / 1_000).unwrap_or(u32::MAX / 2).clamp(1, 86_400);
    let mut drawn = [0; 4];
    house.random.fill(&mut drawn);
    seconds + u32::from_be_bytes(drawn) % (seconds / 2 + 2)
}
