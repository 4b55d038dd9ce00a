//! Pauses of the city's clocks 全市暂停. Knows no clock.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::division::TownCode;
use blindspot_core::id::{CityId, PauseId};
use blindspot_core::{DeviceId, PersonId};

const SQL: &str = include_str!("../sql/pauses.sql");
static SAVE: Stmt = Stmt::new(SQL, "pause_save");
static SINCE: Stmt = Stmt::new(SQL, "pauses_since");

/// A pause as ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseRecord {
    /// Which.
    pub pause_id: PauseId,
    /// One town; nothing for the whole city.
    pub town: Option<TownCode>,
    /// From when.
    pub from_ms: i64,
    /// Till when.
    pub to_ms: i64,
    /// Why.
    pub reason: String,
    /// Who ordered it, or its end.
    pub person: PersonId,
    /// From which desk.
    pub device: DeviceId,
    /// When, server time.
    pub at_ms: i64,
}

/// Keeps a pause; said again, its end and reason change.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn save(tx: &Tx<'_>, city: &CityId, pause: &PauseRecord) -> Result<()> {
    let set = [
        city.into(),
        (*pause.pause_id.as_bytes()).into(),
        pause.town.as_ref().map_or("", |t| t.as_str()).into(),
        pause.from_ms.into(),
        pause.to_ms.into(),
        pause.reason.as_str().into(),
        pause.person.into(),
        pause.device.into(),
        pause.at_ms.into(),
    ];
    tx.exec(&SAVE, &set).map(drop)
}

/// Pauses that ended at a time or later, or have not.
///
/// # Errors
/// The engine's.
pub fn load_since(tx: &Tx<'_>, city: &CityId, since_ms: i64) -> Result<Vec<PauseRecord>> {
    let pause = |row: &Row| {
        Ok(PauseRecord {
            pause_id: PauseId::from_bytes(row.id(0)?),
            town: Some(row.text(1)?).filter(|t| !t.is_empty()).map(|t| TownCode(t.to_owned())),
            from_ms: row.int(2)?,
            to_ms: row.int(3)?,
            reason: row.text(4)?.to_owned(),
            person: PersonId::from_bytes(row.id(5)?),
            device: DeviceId::from_bytes(row.id(6)?),
            at_ms: row.int(7)?,
        })
    };
    tx.query(&SINCE, &[city.into(), since_ms.into()])?.iter().map(pause).collect()
}
