//! Ops that phones offered again after a new epoch and that did not end as they had before (protocol 10).
//!
//! Must not know why. What ends as before after all is left out when it is read.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::id::CityId;
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId};

const SQL: &str = include_str!("../sql/after_restore.sql");
static ADD: Stmt = Stmt::new(SQL, "after_restore_add");
static PAGE: Stmt = Stmt::new(SQL, "after_restore_page");
static COUNT: Stmt = Stmt::new(SQL, "after_restore_count");

/// An op that no longer fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    /// The op.
    pub op_id: OpId,
    /// When it came again, server time.
    pub at_ms: i64,
    /// What its phone says was decided before.
    pub former: Verdict,
    /// What stands now.
    pub verdict: Verdict,
    /// Its kind; nothing for bytes that stand under no op.
    pub kind: Option<String>,
    /// The case it names.
    pub case_id: Option<CaseId>,
    /// The enrolment that captured it.
    pub device_id: Option<DeviceId>,
    /// The person of that enrolment.
    pub author: Option<PersonId>,
}

fn misfit(row: &Row) -> Result<Misfit> {
    Ok(Misfit {
        op_id: OpId::from_bytes(row.id(0)?),
        at_ms: row.int(1)?,
        former: serde_json::from_str(row.text(2)?)?,
        verdict: serde_json::from_str(row.text(3)?)?,
        kind: row.opt_text(4)?.map(str::to_owned),
        case_id: row.opt_id(5)?.map(CaseId::from_bytes),
        device_id: row.opt_id(6)?.map(DeviceId::from_bytes),
        author: row.opt_id(7)?.map(PersonId::from_bytes),
    })
}

/// Notes an op that ended otherwise.
///
/// # Errors
/// The engine's.
pub fn append(
    tx: &Tx<'_>,
    city: &CityId,
    op: OpId,
    at_ms: i64,
    former: &Verdict,
    now: &Verdict,
) -> Result<()> {
    let (former, now) = (serde_json::to_string(former)?, serde_json::to_string(now)?);
    tx.exec(&ADD, &[city.into(), op.into(), at_ms.into(), former.into(), now.into()]).map(drop)
}

/// Those that still differ, oldest first, after a place.
///
/// # Errors
/// The engine's.
pub fn load_page(tx: &Tx<'_>, city: &CityId, after: Option<(i64, OpId)>, most: i64) -> Result<Vec<Misfit>> {
    let (at, op) = after.unwrap_or((i64::MIN, OpId::from_bytes([0; 16])));
    tx.query(&PAGE, &[city.into(), at.into(), op.into(), most.into()])?.iter().map(misfit).collect()
}

/// How many still differ.
///
/// # Errors
/// The engine's.
pub fn count(tx: &Tx<'_>, city: &CityId) -> Result<i64> {
    tx.query_one(&COUNT, &[city.into()])?.map_or(Ok(0), |row| row.int(0))
}
