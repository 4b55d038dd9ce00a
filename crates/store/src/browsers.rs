//! Browsers that people have signed in with before, by the hash of their cookie. Knows no cookie's text.

use crate::{Result, Stmt, Tx};
use blindspot_core::PersonId;
use blindspot_core::id::CityId;

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/browsers.sql"), $key);)+
    };
}
statements! {
    KNOWN = "browser_known";
    SAVE = "browser_save";
    FORGET = "browsers_forget";
    SWEEP = "browsers_sweep";
}

/// Who has signed in with a browser before.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn load_people(tx: &Tx<'_>, city: &CityId, browser: [u8; 32]) -> Result<Vec<PersonId>> {
    let rows = tx.query(&KNOWN, &[city.as_str().into(), browser.into()])?;
    rows.iter().map(|r| r.id(0).map(PersonId::from_bytes)).collect()
}

/// Notes that a person signed in with a browser.
///
/// # Errors
/// When the engine refuses.
pub fn save(tx: &Tx<'_>, city: &CityId, browser: [u8; 32], person: PersonId, now_ms: i64) -> Result<()> {
    tx.exec(&SAVE, &[city.as_str().into(), browser.into(), person.into(), now_ms.into()]).map(drop)
}

/// Forgets all browsers of a person.
///
/// # Errors
/// When the engine refuses.
pub fn forget(tx: &Tx<'_>, city: &CityId, person: PersonId) -> Result<()> {
    tx.exec(&FORGET, &[city.as_str().into(), person.into()]).map(drop)
}

/// Forgets browsers not used since a time.
///
/// # Errors
/// When the engine refuses.
pub fn sweep(tx: &Tx<'_>, city: &CityId, before_ms: i64) -> Result<usize> {
    tx.exec(&SWEEP, &[city.as_str().into(), before_ms.into()])
}
