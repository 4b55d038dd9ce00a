//! Who is at work on a case at a desk 正在处理: one holder a case, also across servers, for a while. A courtesy among clerks:
//! no decision asks for it. Knows no clock and no desk.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::id::CityId;
use blindspot_core::{CaseId, PersonId};

const SQL: &str = include_str!("../sql/leases.sql");
static TAKE: Stmt = Stmt::new(SQL, "lease_take");
static KEEP: Stmt = Stmt::new(SQL, "lease_keep");
static END: Stmt = Stmt::new(SQL, "lease_end");
static LOAD: Stmt = Stmt::new(SQL, "lease_load");
static OVER: Stmt = Stmt::new(SQL, "leases_over");
static NEXT: Stmt = Stmt::new(SQL, "next_at_desk");

/// Somebody at work on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The case.
    pub case_id: CaseId,
    /// At which desk.
    pub desk: String,
    /// Who.
    pub person: PersonId,
    /// Until when, milliseconds.
    pub until_ms: i64,
}

/// Which cases of a desk are somebody's to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Of one town.
    pub town: Option<String>,
    /// Of one duty grid.
    pub grid: Option<String>,
    /// Of one lead unit.
    pub lead: Option<String>,
}

/// The oldest case in a state that nobody holds, and when it was received.
///
/// # Errors
/// The engine's.
pub fn load_next(
    tx: &Tx<'_>,
    city: &CityId,
    (state, urgent): (&str, bool),
    reach: &Reach,
    now_ms: i64,
) -> Result<Option<(i64, CaseId)>> {
    let set = [
        city.into(),
        state.into(),
        urgent.into(),
        reach.town.as_deref().into(),
        reach.grid.as_deref().into(),
        reach.lead.as_deref().into(),
        now_ms.into(),
    ];
    let row = tx.query_one(&NEXT, &set)?;
    row.map(|row| Ok((row.int(1)?, CaseId::from_bytes(row.id(0)?)))).transpose()
}

/// Takes a case that nobody holds; says whether it was free.
///
/// # Errors
/// The engine's.
pub fn take(tx: &Tx<'_>, city: &CityId, lease: &Lease, now_ms: i64) -> Result<bool> {
    let Lease { case_id, desk, person, until_ms } = lease;
    let set =
        [city.into(), (*case_id).into(), desk.into(), (*person).into(), (*until_ms).into(), now_ms.into()];
    Ok(tx.exec(&TAKE, &set)? == 1)
}

/// Goes on with a case that somebody holds; says whether it is still his.
///
/// # Errors
/// The engine's.
pub fn keep(
    tx: &Tx<'_>,
    city: &CityId,
    case: CaseId,
    who: PersonId,
    (until_ms, now_ms): (i64, i64),
) -> Result<bool> {
    Ok(tx.exec(&KEEP, &[city.into(), case.into(), who.into(), until_ms.into(), now_ms.into()])? == 1)
}

/// Gives a case back; says whether it was his.
///
/// # Errors
/// The engine's.
pub fn end(tx: &Tx<'_>, city: &CityId, case: CaseId, who: PersonId) -> Result<bool> {
    Ok(tx.exec(&END, &[city.into(), case.into(), who.into()])? == 1)
}

/// Who holds some cases now.
///
/// # Errors
/// The engine's.
pub fn load(
    tx: &Tx<'_>,
    city: &CityId,
    cases: impl IntoIterator<Item = CaseId>,
    now_ms: i64,
) -> Result<Vec<Lease>> {
    let sets = cases.into_iter().map(|case| [city.into(), case.into(), now_ms.into()]);
    tx.query_many(&LOAD, sets)?.iter().map(lease).collect()
}

fn lease(row: &Row) -> Result<Lease> {
    Ok(Lease {
        case_id: CaseId::from_bytes(row.id(0)?),
        desk: row.text(1)?.to_owned(),
        person: PersonId::from_bytes(row.id(2)?),
        until_ms: row.int(3)?,
    })
}

/// Forgets those whose time is over.
///
/// # Errors
/// The engine's.
pub fn sweep(tx: &Tx<'_>, city: &CityId, now_ms: i64) -> Result<usize> {
    tx.exec(&OVER, &[city.into(), now_ms.into()])
}
