//! The schema on PostgreSQL: numbered files as on SQLite, forward only, all in one transaction.

use super::PgOptions;
use super::error::{from_connecting, from_postgres};
use crate::migrate::{foreign, newer};
use crate::{Result, dialect};

/// (number, text): numbers mean the same on both engines. The first is what SQLite's first seven come to.
pub(crate) const MIGRATIONS: &[(i64, &str)] = &[
    (7, include_str!("../../migrations/postgres/0007.sql")),
    (8, include_str!("../../migrations/postgres/0008.sql")),
    (9, include_str!("../../migrations/postgres/0009.sql")),
    (10, include_str!("../../migrations/postgres/0010.sql")),
    (11, include_str!("../../migrations/postgres/0011.sql")),
    (12, include_str!("../../migrations/postgres/0012.sql")),
    (13, include_str!("../../migrations/postgres/0013.sql")),
    (14, include_str!("../../migrations/postgres/0014.sql")),
    (15, include_str!("../../migrations/postgres/0015.sql")),
];

pub(super) fn migrate(options: &PgOptions) -> Result<()> {
    let mut client = options.connect().map_err(|e| from_connecting(&e))?;
    let mut run = || -> std::result::Result<Result<()>, postgres::Error> {
        client.batch_execute(&options.session())?;
        let mut tx = client.transaction()?;
        tx.batch_execute(dialect::SCHEMA_LOCK)?;
        let there = |tx: &mut postgres::Transaction<'_>, table: &str| {
            tx.query_one(dialect::TABLE_THERE, &[&table]).map(|row| row.get::<_, bool>(0))
        };
        if !there(&mut tx, "blindspot_schema")? {
            if there(&mut tx, "ops")? || there(&mut tx, "meta")? || there(&mut tx, "cities")? {
                return Ok(Err(foreign()));
            }
            tx.batch_execute(dialect::SCHEMA_TABLE)?;
        }
        let version: i64 = tx.query_one(dialect::SCHEMA_VERSION, &[])?.get(0);
        let known = MIGRATIONS.iter().map(|(n, _)| *n).max().unwrap_or(0);
        if version > known {
            return Ok(Err(newer(version, known)));
        }
        for (n, sql) in MIGRATIONS.iter().filter(|(n, _)| *n > version) {
            tx.batch_execute(sql)?;
            tx.execute(dialect::SCHEMA_RAN, &[n])?;
        }
        tx.commit()?;
        Ok(Ok(()))
    };
    run().map_err(|e| from_postgres(&e))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of migrations that databases out there have run. A released one is appended, never changed.
    const FROZEN: &[&str] = &[
        "b0e36c7a0361661b5324d7513279fa68e6e8b139bceacc7bb11766896c2b0ed8",
        "09741bea9bf9be923a8df7ca70b1aeabb51b0cb1da0854f23eec202bc8c280f3",
        "0df3b3aecce419e108717127abc480dfd9e9729d9276c7673a881050b94062c1",
        "b6ed74be0b21dfa1d9568edede5b24f87c85b23ea7767264101ac9b9e8ccb08d",
        "093531238243ef5578c8a18432f7b7a01c916539ed5f2e3d93e971e77a840134",
        "00f04b6b848d64cabf334bbb5068722bea814cf0b00058149c943d17f0fc1692",
        "a840494429608cf03a2458339f64d0ab3dd8fe133d67edf15c9b9580bcd37901",
        "1b27dd3efd2ad9f158dafeb77bef2d7d0e2801c88f1877f9d85bc53b955b474b",
    ];

    #[test]
    fn migrations_that_were_released_stay_as_they_are() {
        assert!(MIGRATIONS.len() >= FROZEN.len(), "a released migration is gone");
        for ((n, sql), frozen) in MIGRATIONS.iter().zip(FROZEN) {
            let found = blindspot_core::id::Sha256::of(sql.as_bytes()).to_hex();
            assert_eq!(&found, frozen, "migration {n:04} is frozen: add a new one instead of changing it");
        }
    }
}
