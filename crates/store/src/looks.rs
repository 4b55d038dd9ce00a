//! Looks 看过: one record a look; the freshness rows of cells are written with the other rows.

use crate::{Result, Row, Stmt, StoreError, Tx};
use blindspot_core::division::{CellCode, GridId};
use blindspot_core::id::CityId;
use blindspot_core::projection::freshness::LookSum;
use blindspot_core::world::LookFact;
use blindspot_core::{OpId, PersonId};
use std::collections::{BTreeMap, BTreeSet};

const SQL: &str = include_str!("../sql/looks.sql");
static BETWEEN: Stmt = Stmt::new(SQL, "looks_between");
static APPEND: Stmt = Stmt::new(SQL, "append_look");
static OF_GRID: Stmt = Stmt::new(SQL, "looks_of_grid");
static OF_SITE: Stmt = Stmt::new(SQL, "looks_of_site");
static LAST_IN: Stmt = Stmt::new(SQL, "last_look_in");
static LAST_AT: Stmt = Stmt::new(SQL, "last_look_at");
static FOUND_IN: Stmt = Stmt::new(SQL, "last_found_in");
static FOUND_AT: Stmt = Stmt::new(SQL, "last_found_at");

/// Stretches of time, without their ends, in which looks of a person in a grid are asked for; milliseconds since 1970.
pub type Stretches = BTreeMap<(PersonId, GridId), (i64, i64)>;

/// The capture times of looks that counted: of each person and grid those between two times. One without any is absent.
///
/// # Errors
/// The engine's.
pub fn load_counted(
    tx: &Tx<'_>,
    city: &CityId,
    asked: &Stretches,
) -> Result<BTreeMap<(PersonId, GridId), BTreeSet<i64>>> {
    let sets = asked.iter().map(|((person, grid), (from_ms, to_ms))| {
        [city.into(), (*person).into(), grid.as_str().into(), (*from_ms).into(), (*to_ms).into()]
    });
    let mut out: BTreeMap<(PersonId, GridId), BTreeSet<i64>> = BTreeMap::new();
    for row in tx.query_many(&BETWEEN, sets)? {
        let of = (PersonId::from_bytes(row.id(0)?), GridId(row.text(1)?.into()));
        out.entry(of).or_default().insert(row.int(2)?);
    }
    Ok(out)
}

/// Keeps looks, each with its op.
///
/// # Errors
/// The engine's.
pub fn append_looks(tx: &Tx<'_>, city: &CityId, looks: &[(OpId, LookFact)]) -> Result<()> {
    let sets = looks.iter().map(|(op, look)| {
        [
            city.into(),
            (*op).into(),
            look.person.into(),
            look.grid.as_ref().map(|g| g.as_str()).into(),
            look.cell.as_ref().map(|c| c.as_str()).into(),
            look.town.as_ref().map(|t| t.as_str()).into(),
            look.at_ms.into(),
            look.counted.into(),
            look.site_id.as_deref().into(),
        ]
    });
    tx.exec_many(&APPEND, sets)?;
    Ok(())
}

/// Places that looks are asked of.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    /// Duty grids, by id.
    Grids(&'a [String]),
    /// Sites of the register, by id.
    Sites(&'a [String]),
}

impl<'a> Of<'a> {
    fn ids(self) -> &'a [String] {
        match self {
            Of::Grids(ids) | Of::Sites(ids) => ids,
        }
    }
    fn pick(self, in_grid: &'static Stmt, at_site: &'static Stmt) -> &'static Stmt {
        match self {
            Of::Grids(_) => in_grid,
            Of::Sites(_) => at_site,
        }
    }
}

/// Looks that counted since a time, of each of some places; places without any are not there.
///
/// # Errors
/// The engine's.
pub fn load_looks(
    tx: &Tx<'_>,
    city: &CityId,
    of: Of<'_>,
    since_ms: i64,
) -> Result<BTreeMap<String, Vec<LookSum>>> {
    let mut found: BTreeMap<String, Vec<LookSum>> = BTreeMap::new();
    let sets = of.ids().iter().map(|id| [city.into(), id.into(), since_ms.into()]);
    for row in tx.query_many(of.pick(&OF_GRID, &OF_SITE), sets)? {
        found.entry(row.text(5)?.to_owned()).or_default().push(sum(&row)?);
    }
    Ok(found)
}

fn sum(row: &Row) -> Result<LookSum> {
    Ok(LookSum {
        cell: row.opt_text(0)?.map(|cell| CellCode(cell.to_owned())),
        day: row.int(1)?,
        person: PersonId::from_bytes(row.id(2)?),
        last_ms: row.int(3)?,
        looks: u32::try_from(row.int(4)?).map_err(|e| StoreError::Decode(e.to_string()))?,
    })
}

/// When somebody last was at a place: a look that counted, and something found on patrol.
pub type Last = (Option<i64>, Option<i64>);

/// When somebody last was at each of some places. Places that nobody was at are not there.
///
/// # Errors
/// The engine's.
pub fn load_last(tx: &Tx<'_>, city: &CityId, of: Of<'_>) -> Result<BTreeMap<String, Last>> {
    let mut last: BTreeMap<String, Last> = BTreeMap::new();
    let sets = || of.ids().iter().map(|id| [city.into(), id.into()]);
    for row in tx.query_many(of.pick(&LAST_IN, &LAST_AT), sets())? {
        last.entry(row.text(0)?.to_owned()).or_default().0 = Some(row.int(1)?);
    }
    for row in tx.query_many(of.pick(&FOUND_IN, &FOUND_AT), sets())? {
        last.entry(row.text(0)?.to_owned()).or_default().1 = Some(row.int(1)?);
    }
    Ok(last)
}
