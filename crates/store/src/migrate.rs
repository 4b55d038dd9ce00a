//! Migrations: numbered files, forward only, each in one transaction. Later work only adds files.

use crate::sqlite::from_rusqlite;
use crate::{Result, StoreError};
use rusqlite::Connection;

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/sqlite/0001.sql"),
    include_str!("../migrations/sqlite/0002.sql"),
    include_str!("../migrations/sqlite/0003.sql"),
    include_str!("../migrations/sqlite/0004.sql"),
    include_str!("../migrations/sqlite/0005.sql"),
    include_str!("../migrations/sqlite/0006.sql"),
];

/// Marks the file as ours, so that another program's database is not taken for one of ours.
const APPLICATION_ID: i64 = 0x424c_5351;

pub(crate) fn migrate(conn: &mut Connection) -> Result<()> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let version: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(from_rusqlite)?;
    let app: i64 = conn.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(from_rusqlite)?;
    if version > 0 && app != APPLICATION_ID {
        return Err(StoreError::Version(
            "this database belongs to another program, or to a build from before the first release: start with a new folder"
                .into(),
        ));
    }
    if version > known {
        return Err(StoreError::Version(format!(
            "this database has schema {version}, this program knows {known}: start the newer program again"
        )));
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
        let tx = conn.transaction().map_err(from_rusqlite)?;
        tx.execute_batch(sql).map_err(from_rusqlite)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(from_rusqlite)?;
        tx.pragma_update(None, "user_version", i64::try_from(i + 1).unwrap_or(i64::MAX))
            .map_err(from_rusqlite)?;
        tx.commit().map_err(from_rusqlite)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing_and_a_newer_schema_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        migrate(&mut conn).unwrap();
        conn.pragma_update(None, "user_version", 99).unwrap();
        let text = migrate(&mut conn).unwrap_err().to_string();
        assert!(text.contains("schema 99"), "{text}");
    }
}
