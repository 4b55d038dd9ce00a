//! Phones as an administrator sees them: codes to enrol one, the list, ending one. Every change is audited.
//! Knows no HTTP.

use crate::auth::{enrol, secret};
use crate::service::page::{Page, PageQuery, page_of};
use crate::service::people::{Actor, existing, note, scope_changed};
use crate::service::{House, ServiceError};
use blindspot_core::error::NOT_FOUND;
use blindspot_core::id::Sha256;
use blindspot_core::limits::UNSENT_LATE_MS;
use blindspot_core::{DeviceId, PersonId};
use blindspot_store::devices::{DeviceRecord, DeviceReport, DeviceState};
use blindspot_store::{devices, tokens};
use serde::Serialize;

/// A phone as listed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DeviceView {
    /// The enrolment.
    pub device_id: DeviceId,
    /// Its person.
    pub person_id: PersonId,
    /// The phone's name.
    pub label: String,
    /// App and version.
    pub app: String,
    /// `active`, `cloned`, `revoked`.
    pub state: &'static str,
    /// When it was enrolled, milliseconds since 1970.
    pub enrolled_ms: i64,
    /// When it last pushed, pulled or refreshed its token, to the minute.
    pub last_seen_ms: Option<i64>,
    /// Ops on it that the server does not have, as it last said.
    pub unsent_ops: Option<i64>,
    /// Photos on it that the server does not have.
    pub unsent_photos: Option<i64>,
    /// When the oldest of them was made, milliseconds since 1970.
    pub unsent_since_ms: Option<i64>,
    /// Whether that is more than four hours ago.
    pub unsent_late: bool,
    /// All device_seq up to this are stored.
    pub received_through: u64,
}

/// A one-time code and what its QR says.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EnrolCode {
    /// The code, for typing.
    pub code: String,
    /// When it ends, milliseconds since 1970.
    pub expires_ms: i64,
    /// The QR's text.
    pub qr: String,
}

/// Makes an enrolment code for a person. `base_url` is where the phone will find this server.
///
/// # Errors
/// `NOT_FOUND`.
pub fn create_enrol_code(
    house: &House,
    actor: Actor,
    person: PersonId,
    base_url: &str,
    now_ms: i64,
) -> Result<EnrolCode, ServiceError> {
    let bytes = secret::random::<16>(house);
    let expires_ms = house.store.write(|tx| {
        existing(tx, house, person)?;
        let expires_ms = enrol::save_code(tx, house, bytes, person, now_ms)?;
        note(tx, house, actor, ("enrol_code_made", &person.to_string(), "{}"), now_ms)?;
        Ok::<_, ServiceError>(expires_ms)
    })?;
    let code = secret::to_code(&bytes);
    let qr = serde_json::json!({"v": 1, "server": base_url, "code": code, "fp": fingerprint(house)});
    Ok(EnrolCode { code, expires_ms, qr: qr.to_string() })
}

/// SHA-256 of the server's identity key, base64url: what a phone pins.
#[must_use]
pub fn fingerprint(house: &House) -> String {
    secret::to_base64(&Sha256::of(house.keys.identity_public().as_bytes()).0)
}

/// A page of all phones, in the order in which they were enrolled.
///
/// # Errors
/// `BAD_CURSOR`.
pub fn page(house: &House, query: &PageQuery, now_ms: i64) -> Result<Page<DeviceView>, ServiceError> {
    let all = list_devices(house, now_ms)?;
    page_of(house, "devices", query, all, |d| format!("{:020} {}", d.enrolled_ms, d.device_id))
}

/// All phones.
///
/// # Errors
/// When the database fails.
pub fn list_devices(house: &House, now_ms: i64) -> Result<Vec<DeviceView>, ServiceError> {
    let (all, mut reports) = house.store.read(|tx| {
        Ok::<_, ServiceError>((
            devices::load_all_devices(tx, &house.city)?,
            devices::load_reports(tx, &house.city)?,
        ))
    })?;
    let view = |d: DeviceRecord| {
        let report = reports.remove(&d.device_id).unwrap_or_default();
        device_view(d, report, now_ms)
    };
    Ok(all.into_iter().map(view).collect())
}

fn device_view(d: DeviceRecord, report: DeviceReport, now_ms: i64) -> DeviceView {
    let since = report.unsent_since_ms;
    DeviceView {
        device_id: d.device_id,
        person_id: d.person_id,
        label: d.label,
        app: report.app.unwrap_or(d.app),
        state: d.state.as_str(),
        enrolled_ms: d.enrolled_ms,
        last_seen_ms: d.last_seen_ms.max((report.seen_ms > 0).then_some(report.seen_ms)),
        unsent_ops: report.unsent_ops,
        unsent_photos: report.unsent_photos,
        unsent_since_ms: since,
        unsent_late: since.is_some_and(|at| now_ms.saturating_sub(at) > UNSENT_LATE_MS),
        received_through: d.received_through,
    }
}

/// Revokes a phone. Its unsent work stays on it and may be handed in.
///
/// # Errors
/// `NOT_FOUND`.
pub fn revoke_device(house: &House, actor: Actor, device: DeviceId, now_ms: i64) -> Result<(), ServiceError> {
    let found = house.store.write(|tx| {
        let found = devices::load_device(tx, &house.city, device)?.filter(|d| !d.desk);
        let found = found.ok_or(ServiceError::Refused(&NOT_FOUND, None))?;
        devices::save_device_state(tx, &house.city, device, DeviceState::Revoked, Some(now_ms))?;
        tokens::revoke_families_of(tx, &house.city, device, now_ms)?;
        note(tx, house, actor, ("device_revoked", &device.to_string(), "{}"), now_ms)?;
        Ok::<_, ServiceError>(found)
    })?;
    scope_changed(house, found.person_id);
    Ok(())
}
