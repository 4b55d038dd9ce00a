//! Looks 看过: one record a look; the freshness rows of cells are written with the other rows.

use crate::{Result, Stmt, Tx};
use blindspot_core::division::GridId;
use blindspot_core::id::CityId;
use blindspot_core::world::LookFact;
use blindspot_core::{OpId, PersonId};

const SQL: &str = include_str!("../sql/looks.sql");
static NEAR: Stmt = Stmt::new(SQL, "look_near");
static APPEND: Stmt = Stmt::new(SQL, "append_look");

/// The capture time of a look that counted within `within_ms` before or after a time.
///
/// # Errors
/// The engine's.
pub fn load_look_near(
    tx: &Tx<'_>,
    city: &CityId,
    person: PersonId,
    grid: &GridId,
    at_ms: i64,
    within_ms: i64,
) -> Result<Option<i64>> {
    let (from, to) = (at_ms.saturating_sub(within_ms), at_ms.saturating_add(within_ms));
    let row =
        tx.query_one(&NEAR, &[city.into(), person.into(), grid.as_str().into(), from.into(), to.into()])?;
    row.map(|row| row.int(0)).transpose()
}

/// Keeps a look.
///
/// # Errors
/// The engine's.
pub fn append_look(tx: &Tx<'_>, city: &CityId, op: OpId, look: &LookFact) -> Result<()> {
    tx.exec(
        &APPEND,
        &[
            city.into(),
            op.into(),
            look.person.into(),
            look.grid.as_ref().map(|g| g.as_str()).into(),
            look.cell.as_ref().map(|c| c.as_str()).into(),
            look.town.as_ref().map(|t| t.as_str()).into(),
            look.at_ms.into(),
            look.counted.into(),
        ],
    )?;
    Ok(())
}
