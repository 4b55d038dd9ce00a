//! How many bytes a phone may begin to upload in a day. Counted in the transaction that begins the upload, so
//! that a restart forgets nothing. Knows no HTTP.

use crate::service::limits::jittered_s;
use crate::service::{House, ServiceError};
use blindspot_core::DeviceId;
use blindspot_core::error::UPLOAD_QUOTA;
use blindspot_core::limits::HAND_IN_QUOTA_BYTES;
use blindspot_store::devices::DeviceState;
use blindspot_store::{Tx, devices, uploads};

const DAY_MS: i64 = 86_400_000;
/// The quota's day begins at midnight in China, whatever the server's own clock shows.
const DAY_OFFSET_MS: i64 = 8 * 3_600_000;
/// Longest wait that is asked for, milliseconds: an administrator may raise the quota meanwhile.
const WAIT_MS_MAX: i64 = 3_600_000;

/// Counts bytes that a device is about to send.
///
/// # Errors
/// `UPLOAD_QUOTA` with a wait when they go over the day's quota; then nothing is counted.
pub(crate) fn count(
    tx: &Tx<'_>,
    house: &House,
    device: DeviceId,
    bytes: u64,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let day = (now_ms + DAY_OFFSET_MS).div_euclid(DAY_MS);
    let counted = uploads::count_day_bytes(tx, &house.city, device, day, bytes)?;
    let most = house.upload_quota_bytes();
    let fits = counted <= most && (counted <= HAND_IN_QUOTA_BYTES || !is_revoked(tx, house, device)?);
    if fits {
        return Ok(());
    }
    let left_ms = (day + 1) * DAY_MS - DAY_OFFSET_MS - now_ms;
    Err(ServiceError::Later(&UPLOAD_QUOTA, jittered_s(house, left_ms.min(WAIT_MS_MAX))))
}

/// Whether a device only hands in; asked when its bytes are more than such a one may bring.
fn is_revoked(tx: &Tx<'_>, house: &House, device: DeviceId) -> Result<bool, ServiceError> {
    let state = devices::load_device(tx, &house.city, device)?.map(|d| d.state);
    Ok(state == Some(DeviceState::Revoked))
}

/// Forgets the counts of days gone by.
pub(crate) fn sweep(tx: &Tx<'_>, house: &House, now_ms: i64) -> Result<(), ServiceError> {
    let day = (now_ms + DAY_OFFSET_MS).div_euclid(DAY_MS);
    Ok(uploads::sweep_days(tx, &house.city, day - 1).map(drop)?)
}
