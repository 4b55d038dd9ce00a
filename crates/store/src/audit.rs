//! The audit log: append-only, each row hashed with the one before it, so that a change shows.
//! Knows no action's meaning.

use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::id::{CityId, Sha256};

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/audit.sql"), $key);)+
    };
}
statements! {
    AUDIT_LAST = "audit_last";
    AUDIT_APPEND = "audit_append";
    AUDIT_ALL = "audit_all";
    AUDIT_PAGE = "audit_page";
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, from 1 without gaps.
    pub n: i64,
    /// What it says.
    pub act: Act,
}

/// What was done, by whom, to what, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, server time, milliseconds since 1970.
    pub at_ms: i64,
    /// Who: a person's id, or `system`, or `cli`.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// `ok`, a verdict's word or a problem code.
    pub result: String,
    /// More, as JSON or the op that it was; no secrets, no names.
    pub detail: String,
}

impl Act {
    fn texts(&self) -> [&str; 5] {
        [&self.actor, &self.action, &self.object, &self.result, &self.detail].map(String::as_str)
    }
}

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheck {
    /// Rows read.
    pub rows: i64,
    /// Whether every row follows from the one before it.
    pub ok: bool,
    /// The first row that does not.
    pub first_bad: Option<i64>,
}

/// Appends rows in their order: the last of the log is read once for all.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn append_all(tx: &Tx<'_>, city: &CityId, acts: &[Act]) -> Result<()> {
    if acts.is_empty() {
        return Ok(());
    }
    let (mut n, mut prev) = last(tx, city)?;
    let linked = acts.iter().map(|act| {
        let before = prev;
        n += 1;
        prev = chain(&before, city, n, act);
        let [actor, action, object, result, detail] = act.texts().map(Value::from);
        let (number, at, link) = (n.into(), act.at_ms.into(), before.into());
        [city.into(), number, at, actor, action, object, result, detail, link, prev.into()]
    });
    tx.exec_many(&AUDIT_APPEND, linked).map(drop)
}

/// Number and hash of the last row; 0 of both for an empty log.
fn last(tx: &Tx<'_>, city: &CityId) -> Result<(i64, [u8; 32])> {
    let row = tx.query_one(&AUDIT_LAST, &[city.into()])?;
    row.map_or(Ok((0, [0; 32])), |row| Ok((row.int(0)?, row.hash(1)?)))
}

/// Appends a row.
///
/// # Errors
/// When the engine refuses.
#[expect(clippy::too_many_arguments, reason = "one for each column")]
pub fn append(
    tx: &Tx<'_>,
    city: &CityId,
    at_ms: i64,
    actor: &str,
    action: &str,
    object: &str,
    result: &str,
    detail: &str,
) -> Result<()> {
    let act = Act {
        at_ms,
        actor: actor.into(),
        action: action.into(),
        object: object.into(),
        result: result.into(),
        detail: detail.into(),
    };
    append_all(tx, city, &[act])
}

/// Each text with its length in front, so that no two rows read alike.
fn chain(prev: &[u8; 32], city: &CityId, n: i64, act: &Act) -> [u8; 32] {
    let mut all = prev.to_vec();
    all.extend_from_slice(&n.to_be_bytes());
    all.extend_from_slice(&act.at_ms.to_be_bytes());
    for text in std::iter::once(city.as_str()).chain(act.texts()) {
        all.extend_from_slice(&(text.len() as u64).to_be_bytes());
        all.extend_from_slice(text.as_bytes());
    }
    Sha256::of(&all).0
}

/// Reads the whole log and follows its hashes.
///
/// # Errors
/// When the engine refuses.
pub fn verify(tx: &Tx<'_>, city: &CityId) -> Result<AuditCheck> {
    let mut check = AuditCheck { rows: 0, ok: true, first_bad: None };
    let mut prev = [0; 32];
    tx.each(&AUDIT_ALL, &[city.as_str().into()], |row| {
        check.rows += 1;
        let a = audit_of(&row)?;
        let hash = chain(&prev, city, a.n, &a.act);
        let sound = a.n == check.rows && row.hash(7)? == prev && row.hash(8)? == hash;
        if !sound && check.ok {
            check.ok = false;
            check.first_bad = Some(a.n);
        }
        prev = row.hash(8)?;
        Ok(())
    })?;
    Ok(check)
}

/// A row with the hashes that chain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedRow {
    /// The row.
    pub row: AuditRow,
    /// Hash of the row before it.
    pub prev: Sha256,
    /// Its own.
    pub hash: Sha256,
}

/// Hands over the whole log in order, one row at a time.
///
/// # Errors
/// When the engine or the closure refuses.
pub fn each(tx: &Tx<'_>, city: &CityId, mut f: impl FnMut(ChainedRow) -> Result<()>) -> Result<()> {
    tx.each(&AUDIT_ALL, &[city.as_str().into()], |row| {
        f(ChainedRow { row: audit_of(&row)?, prev: Sha256(row.hash(7)?), hash: Sha256(row.hash(8)?) })
    })
}

/// The newest rows before a number, newest first.
///
/// # Errors
/// When the engine refuses.
pub fn load_page(tx: &Tx<'_>, city: &CityId, before: i64, limit: i64) -> Result<Vec<AuditRow>> {
    tx.query(&AUDIT_PAGE, &[city.as_str().into(), before.into(), limit.into()])?
        .iter()
        .map(audit_of)
        .collect()
}

fn audit_of(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        n: row.int(0)?,
        act: Act {
            at_ms: row.int(1)?,
            actor: row.text(2)?.to_owned(),
            action: row.text(3)?.to_owned(),
            object: row.text(4)?.to_owned(),
            result: row.text(5)?.to_owned(),
            detail: row.text(6)?.to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    fn three(store: &Store, city: &CityId) {
        for n in 0..3 {
            store
                .write(|tx| append(tx, city, n, "cli", "person_created", &n.to_string(), "ok", "{}"))
                .expect("append");
        }
    }

    #[test]
    fn a_changed_row_is_found_and_an_untouched_log_is_sound() {
        let store = Store::open_in_memory().expect("open");
        let city = CityId::from("yiwu");
        three(&store, &city);
        let check = store.read(|tx| verify(tx, &city)).expect("verify");
        assert_eq!(check, AuditCheck { rows: 3, ok: true, first_bad: None });
        store
            .write(|tx| {
                let run = |sql: &str| tx.sqlite().execute_batch(sql).map_err(crate::sqlite::from_rusqlite);
                run("DROP TRIGGER audit_no_update; UPDATE audit SET detail = '[]' WHERE n = 2")
            })
            .expect("tamper");
        let check = store.read(|tx| verify(tx, &city)).expect("verify");
        assert_eq!(check, AuditCheck { rows: 3, ok: false, first_bad: Some(2) });
    }

    #[test]
    fn a_row_cannot_be_changed_or_removed_by_a_statement() {
        let store = Store::open_in_memory().expect("open");
        three(&store, &CityId::from("yiwu"));
        for sql in ["UPDATE audit SET n = 9", "DELETE FROM audit"] {
            let done = store.write(|tx| tx.sqlite().execute_batch(sql).map_err(crate::sqlite::from_rusqlite));
            assert!(done.expect_err("refused").to_string().contains("append-only"));
        }
    }
}
