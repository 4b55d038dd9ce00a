//! Work links 处置链接: which case and round, who issued it, until when. Keeps no trail of who opened one.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::id::{CityId, LinkId};
use blindspot_core::{CaseId, DeviceId, PersonId};

const SQL: &str = include_str!("../sql/work_links.sql");
static APPEND: Stmt = Stmt::new(SQL, "append_work_link");
static LOAD: Stmt = Stmt::new(SQL, "work_link");
static OF_CASE: Stmt = Stmt::new(SQL, "work_links_of_case");
static REVOKE: Stmt = Stmt::new(SQL, "revoke_work_link");
static COUNT: Stmt = Stmt::new(SQL, "count_work_link");

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkLink {
    /// Its id.
    pub link_id: LinkId,
    /// The case.
    pub case_id: CaseId,
    /// The round for which it is good.
    pub round: u32,
    /// Whose ops are made by it.
    pub issuer: PersonId,
    /// The device of those ops.
    pub device_id: DeviceId,
    /// Since when, milliseconds.
    pub created_ms: i64,
    /// Until when.
    pub expires_ms: i64,
    /// When somebody ended it.
    pub revoked_ms: Option<i64>,
    /// How often its page was opened.
    pub opened: i64,
}

/// Keeps a new one.
///
/// # Errors
/// The engine's.
pub fn append(tx: &Tx<'_>, city: &CityId, link: &WorkLink) -> Result<()> {
    let set = [
        city.into(),
        (*link.link_id.as_bytes()).into(),
        link.case_id.into(),
        link.round.into(),
        link.issuer.into(),
        link.device_id.into(),
        link.created_ms.into(),
        link.expires_ms.into(),
    ];
    tx.exec(&APPEND, &set).map(drop)
}

fn link(row: &Row) -> Result<WorkLink> {
    Ok(WorkLink {
        link_id: LinkId::from_bytes(row.id(0)?),
        case_id: CaseId::from_bytes(row.id(1)?),
        round: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
        issuer: PersonId::from_bytes(row.id(3)?),
        device_id: DeviceId::from_bytes(row.id(4)?),
        created_ms: row.int(5)?,
        expires_ms: row.int(6)?,
        revoked_ms: row.opt_int(7)?,
        opened: row.int(8)?,
    })
}

/// One by its id.
///
/// # Errors
/// The engine's.
pub fn load(tx: &Tx<'_>, city: &CityId, id: LinkId) -> Result<Option<WorkLink>> {
    tx.query_one(&LOAD, &[city.into(), (*id.as_bytes()).into()])?.as_ref().map(link).transpose()
}

/// All of a case, oldest first.
///
/// # Errors
/// The engine's.
pub fn load_of_case(tx: &Tx<'_>, city: &CityId, case: CaseId) -> Result<Vec<WorkLink>> {
    tx.query(&OF_CASE, &[city.into(), case.into()])?.iter().map(link).collect()
}

/// Ends one; false when there is none of the case, or it is ended already.
///
/// # Errors
/// The engine's.
pub fn revoke(tx: &Tx<'_>, city: &CityId, case: CaseId, id: LinkId, at_ms: i64) -> Result<bool> {
    Ok(tx.exec(&REVOKE, &[city.into(), case.into(), (*id.as_bytes()).into(), at_ms.into()])? == 1)
}

/// Counts that its page was opened.
///
/// # Errors
/// The engine's.
pub fn count(tx: &Tx<'_>, city: &CityId, id: LinkId) -> Result<()> {
    tx.exec(&COUNT, &[city.into(), (*id.as_bytes()).into()]).map(drop)
}
