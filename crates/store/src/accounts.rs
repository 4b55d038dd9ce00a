//! The city, its people and their grants, and failed logins. Knows no passwords, only their hashes.

pub use crate::devices::{
    DeviceRecord, load_device, load_devices, load_devices_of, mark_cloned, save_device, save_received_through,
};

use crate::{Result, Row, Stmt, StoreError, Tx};
use blindspot_core::PersonId;
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::division::Span;
use blindspot_core::id::CityId;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/accounts.sql"), $key);)+
    };
}
statements! {
    CITY_LOAD = "city_load";
    CITY_ONLY = "city_only";
    CITY_SAVE = "city_save";
    PERSON_LOAD = "person_load";
    PERSON_BY_LOGIN = "person_by_login";
    PERSONS_ALL = "persons_all";
    PERSON_PASSWORD = "person_password";
    PERSON_SAVE = "person_save";
    PERSON_SAVE_PASSWORD = "person_save_password";
    GRANTS_OF = "grants_of";
    GRANT_LOAD = "grant_load";
    GRANT_SAVE = "grant_save";
    GRANT_END = "grant_end";
    FAILURES_LOAD = "failures_load";
    FAILURES_SAVE = "failures_save";
    FAILURES_CLEAR = "failures_clear";
    FAILURES_SWEEP = "failures_sweep";
}

/// A city as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CityRecord {
    /// Its id.
    pub city: CityId,
    /// Its Chinese name.
    pub name: String,
    /// Its English name.
    pub name_en: String,
}

/// A person as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRecord {
    /// The id.
    pub person_id: PersonId,
    /// What the person types to sign in; unique in the city.
    pub login: String,
    /// The name as shown.
    pub name: String,
    /// Whether the person may act at all.
    pub active: bool,
    /// When the record was made, milliseconds since 1970.
    pub created_ms: i64,
}

/// A grant with its id.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantRecord {
    /// The id, sixteen bytes.
    pub grant_id: [u8; 16],
    /// The grant.
    pub grant: Grant,
    /// Who gave it; nothing for the set-up.
    pub granted_by: Option<PersonId>,
}

/// The city of this id.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn load_city(tx: &Tx<'_>, city: &CityId) -> Result<Option<CityRecord>> {
    tx.query_one(&CITY_LOAD, &[city.as_str().into()])?.map(|r| city_of(&r)).transpose()
}

/// The city of a data folder that holds exactly one.
///
/// # Errors
/// When the engine refuses.
pub fn load_only_city(tx: &Tx<'_>) -> Result<Option<CityRecord>> {
    match tx.query(&CITY_ONLY, &[])?.as_slice() {
        [one] => city_of(one).map(Some),
        _ => Ok(None),
    }
}

/// Whether the database holds more than one city.
///
/// # Errors
/// When the engine refuses.
pub fn has_several_cities(tx: &Tx<'_>) -> Result<bool> {
    tx.query(&CITY_ONLY, &[]).map(|rows| rows.len() > 1)
}

fn city_of(row: &Row) -> Result<CityRecord> {
    Ok(CityRecord {
        city: CityId::from(row.text(0)?),
        name: row.text(1)?.to_owned(),
        name_en: row.text(2)?.to_owned(),
    })
}

/// Writes a city, new or again.
///
/// # Errors
/// When the engine refuses.
pub fn save_city(tx: &Tx<'_>, city: &CityRecord, now_ms: i64) -> Result<()> {
    let params = [city.city.as_str().into(), (&city.name).into(), (&city.name_en).into(), now_ms.into()];
    tx.exec(&CITY_SAVE, &params).map(drop)
}

fn person_of(row: &Row) -> Result<PersonRecord> {
    Ok(PersonRecord {
        person_id: PersonId::from_bytes(row.id(0)?),
        login: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        active: row.bool(3)?,
        created_ms: row.int(4)?,
    })
}

/// A person by id.
///
/// # Errors
/// When the engine refuses.
pub fn load_person(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<Option<PersonRecord>> {
    tx.query_one(&PERSON_LOAD, &[city.as_str().into(), person.into()])?.map(|r| person_of(&r)).transpose()
}

/// A person by login.
///
/// # Errors
/// When the engine refuses.
pub fn load_person_by_login(tx: &Tx<'_>, city: &CityId, login: &str) -> Result<Option<PersonRecord>> {
    tx.query_one(&PERSON_BY_LOGIN, &[city.as_str().into(), login.into()])?.map(|r| person_of(&r)).transpose()
}

/// Everybody, by login.
///
/// # Errors
/// When the engine refuses.
pub fn load_persons(tx: &Tx<'_>, city: &CityId) -> Result<Vec<PersonRecord>> {
    tx.query(&PERSONS_ALL, &[city.as_str().into()])?.iter().map(person_of).collect()
}

/// Writes a person, new or again.
///
/// # Errors
/// `Duplicate` for a login that another person has.
pub fn save_person(tx: &Tx<'_>, city: &CityId, person: &PersonRecord) -> Result<()> {
    let params = [
        city.as_str().into(),
        person.person_id.into(),
        (&person.login).into(),
        (&person.name).into(),
        person.active.into(),
        person.created_ms.into(),
    ];
    tx.exec(&PERSON_SAVE, &params).map(drop)
}

/// The password hash of a person who may sign in at a desk, and whether it must be changed before anything else.
///
/// # Errors
/// When the engine refuses.
pub fn load_password(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<Option<(String, bool)>> {
    let Some(row) = tx.query_one(&PERSON_PASSWORD, &[city.as_str().into(), person.into()])? else {
        return Ok(None);
    };
    let must_change = row.bool(1)?;
    Ok(row.opt_text(0)?.map(|hash| (hash.to_owned(), must_change)))
}

/// Writes a password hash, and whether it must be changed before anything else.
///
/// # Errors
/// When the engine refuses.
pub fn save_password(
    tx: &Tx<'_>,
    city: &CityId,
    person: PersonId,
    hash: &str,
    must_change: bool,
) -> Result<()> {
    tx.exec(&PERSON_SAVE_PASSWORD, &[city.as_str().into(), person.into(), hash.into(), must_change.into()])
        .map(drop)
}

/// All grants a person ever had, with their ids.
///
/// # Errors
/// When the engine refuses.
pub fn load_grant_records(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<Vec<GrantRecord>> {
    let rows = tx.query(&GRANTS_OF, &[city.as_str().into(), person.into()])?;
    rows.iter()
        .map(|r| {
            Ok(GrantRecord {
                grant_id: r.id(0)?,
                grant: grant_of(r, 1)?,
                granted_by: r.opt_id(5)?.map(PersonId::from_bytes),
            })
        })
        .collect()
}

/// All grants a person ever had.
///
/// # Errors
/// When the engine refuses.
pub fn load_grants(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<Vec<Grant>> {
    Ok(load_grant_records(tx, city, person)?.into_iter().map(|g| g.grant).collect())
}

/// All grants that several people ever had; somebody without any is absent.
///
/// # Errors
/// When the engine refuses.
pub fn load_grants_of_each(
    tx: &Tx<'_>,
    city: &CityId,
    people: &BTreeSet<PersonId>,
) -> Result<BTreeMap<PersonId, Vec<Grant>>> {
    let mut out: BTreeMap<PersonId, Vec<Grant>> = BTreeMap::new();
    for row in tx.query_many(&GRANTS_OF, people.iter().map(|p| [city.into(), (*p).into()]))? {
        out.entry(PersonId::from_bytes(row.id(6)?)).or_default().push(grant_of(&row, 1)?);
    }
    Ok(out)
}

/// A grant by id, with its person.
///
/// # Errors
/// When the engine refuses.
pub fn load_grant(tx: &Tx<'_>, city: &CityId, grant_id: [u8; 16]) -> Result<Option<(PersonId, Grant)>> {
    let row = tx.query_one(&GRANT_LOAD, &[city.as_str().into(), grant_id.into()])?;
    row.map(|r| Ok::<_, StoreError>((PersonId::from_bytes(r.id(0)?), grant_of(&r, 1)?))).transpose()
}

fn grant_of(row: &Row, at: usize) -> Result<Grant> {
    Ok(Grant {
        role: Role::from_word(row.text(at)?),
        area: Area::from_text(row.text(at + 1)?),
        span: Span { from_ms: row.int(at + 2)?, to_ms: row.opt_int(at + 3)? },
    })
}

/// Adds a grant; grants are never overwritten.
///
/// # Errors
/// When the engine refuses.
pub fn save_grant(
    tx: &Tx<'_>,
    city: &CityId,
    grant_id: [u8; 16],
    person: PersonId,
    grant: &Grant,
    granted_by: Option<PersonId>,
) -> Result<()> {
    let params = [
        city.as_str().into(),
        grant_id.into(),
        person.into(),
        grant.role.as_str().into(),
        grant.area.to_string().into(),
        grant.span.from_ms.into(),
        grant.span.to_ms.into(),
        granted_by.into(),
    ];
    tx.exec(&GRANT_SAVE, &params).map(drop)
}

/// Ends a grant at a time; says whether that changed it. An end already set is never moved later.
///
/// # Errors
/// When the engine refuses.
pub fn end_grant(tx: &Tx<'_>, city: &CityId, grant_id: [u8; 16], at_ms: i64) -> Result<bool> {
    Ok(tx.exec(&GRANT_END, &[city.as_str().into(), grant_id.into(), at_ms.into()])? > 0)
}

/// Failed logins of a subject and until when it is locked, milliseconds since 1970.
///
/// # Errors
/// When the engine refuses.
pub fn load_failures(tx: &Tx<'_>, city: &CityId, subject: &str) -> Result<(i64, i64)> {
    match tx.query_one(&FAILURES_LOAD, &[city.as_str().into(), subject.into()])? {
        Some(row) => Ok((row.int(0)?, row.int(1)?)),
        None => Ok((0, 0)),
    }
}

/// Writes failed logins of a subject.
///
/// # Errors
/// When the engine refuses.
pub fn save_failures(
    tx: &Tx<'_>,
    city: &CityId,
    subject: &str,
    (fails, locked_until): (i64, i64),
    now_ms: i64,
) -> Result<()> {
    let params = [city.as_str().into(), subject.into(), fails.into(), locked_until.into(), now_ms.into()];
    tx.exec(&FAILURES_SAVE, &params).map(drop)
}

/// Forgets failed logins of a subject.
///
/// # Errors
/// When the engine refuses.
pub fn clear_failures(tx: &Tx<'_>, city: &CityId, subject: &str) -> Result<()> {
    tx.exec(&FAILURES_CLEAR, &[city.as_str().into(), subject.into()]).map(drop)
}

/// Forgets counters that neither lock nor were fed since a time.
///
/// # Errors
/// When the engine refuses.
pub fn sweep_failures(tx: &Tx<'_>, city: &CityId, before_ms: i64) -> Result<usize> {
    tx.exec(&FAILURES_SWEEP, &[city.as_str().into(), before_ms.into()])
}
