//! Opening and migrating the database. A newer one is refused, never guessed at.

use crate::error::ClientError;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::time::Duration;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
];

/// More statements than this crate has: each is compiled once for as long as the app runs.
const STATEMENTS: usize = 256;

/// Sets durability and brings the schema up to date.
pub(crate) fn prepare(db: &Connection) -> Result<(), ClientError> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not look at the values bound: otherwise every new value compiles its statement anew.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // FULL: saved means saved, also when the battery falls out (protocol 11).
    // What is deleted is overwritten: what was erased for everybody must not stay in the free space of a page.
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;")?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if found == known {
        // Nothing is written: a phone whose storage is full still opens.
        return Ok(());
    }
    let tx = super::write(db)?;
    let found: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if found > known {
        return Err(ClientError::DatabaseNewer { found, known });
    }
    for sql in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(sql)?;
    }
    tx.execute_batch(&format!("PRAGMA user_version = {known}"))?;
    tx.commit()?;
    Ok(())
}

/// Whether tables and columns are those of the version that the file says it has. One of a version that is not
/// known here is somebody else's to judge, unless its tables are ours.
pub(crate) fn is_sound(db: &Connection) -> Result<bool, ClientError> {
    let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    let known = usize::try_from(found).unwrap_or(usize::MAX).min(MIGRATIONS.len());
    let fresh = Connection::open_in_memory()?;
    for sql in &MIGRATIONS[..known] {
        fresh.execute_batch(sql)?;
    }
    let same = shape(db)? == shape(&fresh)?;
    let is_newer = usize::try_from(found).is_ok_and(|n| n > MIGRATIONS.len());
    Ok(same != is_newer)
}

fn shape(db: &Connection) -> Result<Vec<String>, ClientError> {
    let mut query = db.prepare(
        "SELECT m.type || ' ' || m.name || ' ' || m.tbl_name || coalesce(' ' || p.name || ' ' || p.type || ' ' ||
           p.\"notnull\" || ' ' || p.pk || ' ' || coalesce(p.dflt_value, ''), '')
         FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) p WHERE m.name NOT LIKE 'sqlite_stat%' ORDER BY 1",
    )?;
    let rows = query.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of migrations that databases out there have run. A released one is appended, never changed.
    const FROZEN: &[&str] = &[
        "f77beb74b6f3dda50767e4db83fdd2d19cf4dffbd2c6572d4b07d7cf32da54bf",
        "6d1528f2afe4dff08f8eaebb95177605a6c959daf8c257d4b6818fe435fb8d2e",
        "db5d78ffcc8a5e866712ed3a51a2c4db8b75d0455943b922f9b31e98e78ad249",
        "e51093cbb7175746331b0163dc20379ca11165f5cc9dfe490a2ed68e8ceba972",
        "337f89791fbbf217793e5b5f147cb69fef8b84f7af64510e8a378213557897d5",
    ];

    #[test]
    fn migrations_that_were_released_stay_as_they_are() {
        assert!(MIGRATIONS.len() >= FROZEN.len(), "a released migration is gone");
        for (n, (sql, frozen)) in MIGRATIONS.iter().zip(FROZEN).enumerate() {
            let found = blindspot_core::id::Sha256::of(sql.as_bytes()).to_hex();
            assert_eq!(
                &found,
                frozen,
                "migration {:04} is frozen: add a new one instead of changing it",
                n + 1
            );
        }
    }
}
