//! Devices (one an enrolment; virtual ones for desk sessions) and enrolment codes. Knows no keys' meaning.

use crate::{Result, Row, Stmt, StoreError, Tx};
use blindspot_core::id::CityId;
use blindspot_core::{DeviceId, PersonId};
use std::collections::{BTreeMap, BTreeSet};

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/devices.sql"), $key);)+
    };
}
statements! {
    DEVICE_LOAD = "device_load";
    DEVICES_OF = "devices_of";
    DEVICES_ALL = "devices_all";
    DEVICE_SAVE = "device_save";
    DEVICE_STATE = "device_state";
    DEVICE_SEEN = "device_seen";
    DEVICE_RECEIVED = "device_received";
    DEVICE_CLONED = "device_cloned";
    DEVICE_NEXT_PREFIX = "device_next_prefix";
    CODE_SAVE = "code_save";
    CODE_LOAD = "code_load";
    CODE_USE = "code_use";
    CODE_SWEEP = "code_sweep";
    REPORT_SAVE = "report_save";
    REPORT_SEEN = "report_seen";
    REPORTS_ALL = "reports_all";
}

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// In use.
    Active,
    /// Two copies of it were seen; its next refresh answers `enrol_again`.
    Cloned,
    /// Ended by an administrator.
    Revoked,
    /// A desk session that has ended.
    Closed,
}

impl DeviceState {
    /// The word as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DeviceState::Active => "active",
            DeviceState::Cloned => "cloned",
            DeviceState::Revoked => "revoked",
            DeviceState::Closed => "closed",
        }
    }

    fn from_word(word: &str) -> Result<Self> {
        Ok(match word {
            "active" => DeviceState::Active,
            "cloned" => DeviceState::Cloned,
            "revoked" => DeviceState::Revoked,
            "closed" => DeviceState::Closed,
            other => return Err(StoreError::Decode(format!("device state {other}"))),
        })
    }
}

/// A device as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The enrolment.
    pub device_id: DeviceId,
    /// Its person.
    pub person_id: PersonId,
    /// Whether it is the virtual device of a desk session.
    pub desk: bool,
    /// The kind of key, as on the wire; nothing for desk sessions.
    pub key_alg: Option<String>,
    /// The public key's bytes.
    pub public_key: Option<Vec<u8>>,
    /// The phone's name.
    pub label: String,
    /// App and version.
    pub app: String,
    /// Digits in front of local tags.
    pub tag_prefix: u32,
    /// When it was enrolled, milliseconds since 1970.
    pub enrolled_ms: i64,
    /// How it stands.
    pub state: DeviceState,
    /// When it was revoked.
    pub revoked_ms: Option<i64>,
    /// When it last refreshed its token.
    pub last_seen_ms: Option<i64>,
    /// All device_seq up to this are stored.
    pub received_through: u64,
}

fn device_of(row: &Row) -> Result<DeviceRecord> {
    Ok(DeviceRecord {
        device_id: DeviceId::from_bytes(row.id(0)?),
        person_id: PersonId::from_bytes(row.id(1)?),
        desk: row.bool(2)?,
        key_alg: row.opt_text(3)?.map(str::to_owned),
        public_key: if row.is_null(4)? { None } else { Some(row.blob(4)?.to_vec()) },
        label: row.text(5)?.to_owned(),
        app: row.text(6)?.to_owned(),
        tag_prefix: u32::try_from(row.int(7)?).unwrap_or(0),
        enrolled_ms: row.int(8)?,
        state: DeviceState::from_word(row.text(9)?)?,
        revoked_ms: row.opt_int(10)?,
        last_seen_ms: row.opt_int(11)?,
        received_through: u64::try_from(row.int(12)?).unwrap_or(0),
    })
}

/// A device by id.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn load_device(tx: &Tx<'_>, city: &CityId, device: DeviceId) -> Result<Option<DeviceRecord>> {
    tx.query_one(&DEVICE_LOAD, &[city.as_str().into(), device.into()])?.map(|r| device_of(&r)).transpose()
}

/// Devices by id; unknown ones are left out.
///
/// # Errors
/// When the engine refuses.
pub fn load_devices(tx: &Tx<'_>, city: &CityId, devices: &[DeviceId]) -> Result<Vec<DeviceRecord>> {
    tx.query_many(&DEVICE_LOAD, devices.iter().map(|d| [city.into(), (*d).into()]))?
        .iter()
        .map(device_of)
        .collect()
}

/// All devices of a person, desk sessions too, oldest first.
///
/// # Errors
/// When the engine refuses.
pub fn load_devices_of(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<Vec<DeviceRecord>> {
    tx.query(&DEVICES_OF, &[city.as_str().into(), person.into()])?.iter().map(device_of).collect()
}

/// The devices of several people, each person's oldest first; one without any is absent.
///
/// # Errors
/// When the engine refuses.
pub fn load_devices_of_each(
    tx: &Tx<'_>,
    city: &CityId,
    people: &BTreeSet<PersonId>,
) -> Result<BTreeMap<PersonId, Vec<DeviceRecord>>> {
    let mut out: BTreeMap<PersonId, Vec<DeviceRecord>> = BTreeMap::new();
    for row in tx.query_many(&DEVICES_OF, people.iter().map(|p| [city.into(), (*p).into()]))? {
        let device = device_of(&row)?;
        out.entry(device.person_id).or_default().push(device);
    }
    Ok(out)
}

/// All phones of the city, oldest first.
///
/// # Errors
/// When the engine refuses.
pub fn load_all_devices(tx: &Tx<'_>, city: &CityId) -> Result<Vec<DeviceRecord>> {
    tx.query(&DEVICES_ALL, &[city.as_str().into()])?.iter().map(device_of).collect()
}

/// Adds a device.
///
/// # Errors
/// `Duplicate` when it is there.
pub fn save_device(tx: &Tx<'_>, city: &CityId, device: &DeviceRecord) -> Result<()> {
    let params = [
        city.as_str().into(),
        device.device_id.into(),
        device.person_id.into(),
        device.desk.into(),
        device.key_alg.clone().into(),
        device.public_key.clone().into(),
        (&device.label).into(),
        (&device.app).into(),
        device.tag_prefix.into(),
        device.enrolled_ms.into(),
        device.state.as_str().into(),
        i64::try_from(device.received_through).unwrap_or(i64::MAX).into(),
    ];
    tx.exec(&DEVICE_SAVE, &params).map(drop)
}

/// Sets how a device stands; says whether it is there.
///
/// # Errors
/// When the engine refuses.
pub fn save_device_state(
    tx: &Tx<'_>,
    city: &CityId,
    device: DeviceId,
    state: DeviceState,
    revoked_ms: Option<i64>,
) -> Result<bool> {
    let params = [city.as_str().into(), device.into(), state.as_str().into(), revoked_ms.into()];
    Ok(tx.exec(&DEVICE_STATE, &params)? > 0)
}

/// Notes that a device was heard of.
///
/// # Errors
/// When the engine refuses.
pub fn save_device_seen(tx: &Tx<'_>, city: &CityId, device: DeviceId, now_ms: i64) -> Result<()> {
    tx.exec(&DEVICE_SEEN, &[city.as_str().into(), device.into(), now_ms.into()]).map(drop)
}

/// Raises `received_through` of devices; never lowers it.
///
/// # Errors
/// When the engine refuses.
pub fn save_received_through(tx: &Tx<'_>, city: &CityId, all: &BTreeMap<DeviceId, u64>) -> Result<()> {
    let sets = all.iter().map(|(device, n)| [city.as_str().into(), (*device).into(), (*n).into()]);
    tx.exec_many(&DEVICE_RECEIVED, sets).map(drop)
}

/// Marks an active device as cloned; says whether that is new.
///
/// # Errors
/// When the engine refuses.
pub fn mark_cloned(tx: &Tx<'_>, city: &CityId, device: DeviceId) -> Result<bool> {
    Ok(tx.exec(&DEVICE_CLONED, &[city.as_str().into(), device.into()])? > 0)
}

/// The next free digits for local tags.
///
/// # Errors
/// When the engine refuses.
pub fn load_next_tag_prefix(tx: &Tx<'_>, city: &CityId) -> Result<u32> {
    let row = tx.query_one(&DEVICE_NEXT_PREFIX, &[city.as_str().into()])?;
    Ok(row.map(|r| r.int(0)).transpose()?.and_then(|n| u32::try_from(n).ok()).unwrap_or(1))
}

/// Adds an enrolment code by its hash.
///
/// # Errors
/// When the engine refuses.
pub fn save_code(
    tx: &Tx<'_>,
    city: &CityId,
    code_hash: [u8; 32],
    person: PersonId,
    now_ms: i64,
    expires_ms: i64,
) -> Result<()> {
    let params = [city.as_str().into(), code_hash.into(), person.into(), now_ms.into(), expires_ms.into()];
    tx.exec(&CODE_SAVE, &params).map(drop)
}

/// Uses up a code that is neither used nor expired; gives its person. Twice gives nothing.
///
/// # Errors
/// When the engine refuses.
pub fn use_code(tx: &Tx<'_>, city: &CityId, code_hash: [u8; 32], now_ms: i64) -> Result<Option<PersonId>> {
    if tx.exec(&CODE_USE, &[city.as_str().into(), code_hash.into(), now_ms.into()])? == 0 {
        return Ok(None);
    }
    load_code(tx, city, code_hash)
}

/// The person of a code, used or not: for a sandbox, whose codes last.
///
/// # Errors
/// When the engine refuses.
pub fn load_code(tx: &Tx<'_>, city: &CityId, code_hash: [u8; 32]) -> Result<Option<PersonId>> {
    let row = tx.query_one(&CODE_LOAD, &[city.as_str().into(), code_hash.into()])?;
    row.map(|r| r.id(0).map(PersonId::from_bytes)).transpose()
}

/// Whether there is such a code, used or not.
///
/// # Errors
/// When the engine refuses.
pub fn has_code(tx: &Tx<'_>, city: &CityId, code_hash: [u8; 32]) -> Result<bool> {
    Ok(tx.query_one(&CODE_LOAD, &[city.as_str().into(), code_hash.into()])?.is_some())
}

/// Removes codes that expired before a time.
///
/// # Errors
/// When the engine refuses.
pub fn sweep_codes(tx: &Tx<'_>, city: &CityId, before_ms: i64) -> Result<usize> {
    tx.exec(&CODE_SWEEP, &[city.as_str().into(), before_ms.into()])
}

/// What a phone last said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceReport {
    /// When it was last heard of, milliseconds since 1970.
    pub seen_ms: i64,
    /// App and version.
    pub app: Option<String>,
    /// Ops on it that the server does not have.
    pub unsent_ops: Option<i64>,
    /// Photos on it that the server does not have.
    pub unsent_photos: Option<i64>,
    /// When the oldest of them was made, server time.
    pub unsent_since_ms: Option<i64>,
}

/// Writes when a device was heard of and what it said of itself; `said` is false when it said nothing, and then
/// what it said before stays.
///
/// # Errors
/// When the engine refuses.
pub fn save_report(
    tx: &Tx<'_>,
    city: &CityId,
    device: DeviceId,
    report: &DeviceReport,
    said: bool,
) -> Result<()> {
    if !said {
        let params = [city.as_str().into(), device.into(), report.seen_ms.into()];
        return tx.exec(&REPORT_SEEN, &params).map(drop);
    }
    let params = [
        city.as_str().into(),
        device.into(),
        report.seen_ms.into(),
        report.app.clone().into(),
        report.unsent_ops.into(),
        report.unsent_photos.into(),
        report.unsent_since_ms.into(),
    ];
    tx.exec(&REPORT_SAVE, &params).map(drop)
}

/// What all phones last said of themselves.
///
/// # Errors
/// When the engine refuses.
pub fn load_reports(
    tx: &Tx<'_>,
    city: &CityId,
) -> Result<std::collections::BTreeMap<DeviceId, DeviceReport>> {
    let rows = tx.query(&REPORTS_ALL, &[city.as_str().into()])?;
    rows.iter()
        .map(|r| {
            let report = DeviceReport {
                seen_ms: r.int(1)?,
                app: r.opt_text(2)?.map(str::to_owned),
                unsent_ops: r.opt_int(3)?,
                unsent_photos: r.opt_int(4)?,
                unsent_since_ms: r.opt_int(5)?,
            };
            Ok((DeviceId::from_bytes(r.id(0)?), report))
        })
        .collect()
}
