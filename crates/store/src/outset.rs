//! What is known of a city when a group of writes begins, in one look.

use crate::{Result, Stmt, Tx, meta};
use blindspot_core::id::CityId;

static OUTSET: Stmt = Stmt::new(include_str!("../sql/ops.sql"), "outset");

/// See the module text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outset {
    /// The epoch in force.
    pub epoch: i64,
    /// `meta::SAFE_THROUGH`.
    pub safe_through: Option<i64>,
    /// `meta::TRYING_LEFT`.
    pub trying_left: i64,
    /// The number of the newest op; 0 when there is none.
    pub last_n: i64,
    /// Whether any op waits.
    pub any_waiting: bool,
    /// Whether anything is in quarantine.
    pub any_quarantined: bool,
    /// Whether anything was ever erased.
    pub any_erased: bool,
}

/// Reads it.
///
/// # Errors
/// When the engine refuses.
pub fn load(tx: &Tx<'_>, city: &CityId) -> Result<Outset> {
    let keys = [meta::EPOCH, meta::SAFE_THROUGH, meta::TRYING_LEFT];
    let row = tx.query_one(&OUTSET, &[city.into(), keys[0].into(), keys[1].into(), keys[2].into()])?;
    let fact = |at: usize| -> Result<Option<i64>> {
        let text = row.as_ref().map(|r| r.opt_text(at)).transpose()?.flatten();
        Ok(text.and_then(|v| v.parse().ok()))
    };
    let number = |at: usize| row.as_ref().map_or(Ok(0), |r| r.int(at));
    Ok(Outset {
        epoch: fact(0)?.unwrap_or(0),
        safe_through: fact(1)?,
        trying_left: fact(2)?.unwrap_or(0),
        last_n: number(3)?,
        any_waiting: number(4)? > 0,
        any_quarantined: number(5)? > 0,
        any_erased: number(6)? > 0,
    })
}
