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
    include_str!("../migrations/sqlite/0007.sql"),
    include_str!("../migrations/sqlite/0008.sql"),
    include_str!("../migrations/sqlite/0009.sql"),
    include_str!("../migrations/sqlite/0010.sql"),
    include_str!("../migrations/sqlite/0011.sql"),
    include_str!("../migrations/sqlite/0012.sql"),
    include_str!("../migrations/sqlite/0013.sql"),
    include_str!("../migrations/sqlite/0014.sql"),
    include_str!("../migrations/sqlite/0015.sql"),
];

/// Marks the file as ours, so that another program's database is not taken for one of ours.
const APPLICATION_ID: i64 = 0x424c_5351;

pub(crate) fn migrate(conn: &mut Connection) -> Result<()> {
    let known = newest();
    let version: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(from_rusqlite)?;
    let app: i64 = conn.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(from_rusqlite)?;
    if version > 0 && app != APPLICATION_ID {
        return Err(foreign());
    }
    if version > known {
        return Err(newer(version, known));
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

/// The number of the newest migration.
pub(crate) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// A database that is not ours.
pub(crate) fn foreign() -> StoreError {
    StoreError::Version(
        "这个数据库属于别的程序，或由首个版本之前的程序写入；请换一个新文件夹 / this database belongs to another program, or to a \
         build from before the first release: start with a new folder"
            .into(),
    )
}

/// A database that a newer program has written.
pub(crate) fn newer(version: i64, known: i64) -> StoreError {
    StoreError::Version(format!(
        "数据由更新的程序写入（结构 {version}，本程序只认到 {known}），没有改动；请启动更新的程序，或恢复升级前的备份 / this \
         database has schema {version}, this program knows {known}; nothing was changed: start the newer program \
         again, or restore the backup from before the upgrade"
    ))
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
    /// SHA-256 of migrations that databases out there have run. A released one is appended, never changed.
    const FROZEN: &[&str] = &[
        "12849a5b2d11e2ee5b4edfe00d52e6d821d0592544b543db2f430db064d654a2",
        "16bc54cbfb6c4d3f1dda48ad2fc2eecace2ed72c5275b597c1d0de2d2d3cefbd",
        "19f91dbe9887848edf524759968ab5b8f687f8ef7c3525213fda03a26dc63551",
        "29a24f7f9db16ec9f4db87c3837ea0ab28dba4b10dc3033c8e6837daa011d655",
        "0aadf8b1a657355c03a686dcf166c8548801702df491ab27c5eb1a87fdc1606b",
        "7669073e89cbcfa161582b8ea9a9974efee8eb191b5586bb5a3539bf82416bbe",
        "efa4692aaa6aaea3e5296da84c4cc0cf8bd6156d2c5a76ec8abb7c63d4775a9c",
        "65633a34884baec5aa7f854e8a1d044755d9341e8bc765f5a362e0c225b1efd7",
        "d289d488b52216905fbee370db1c53ca5725957ea7df6d6012887042b4229713",
        "27b4407ef9fa2d107e23a697cd8c2cd70322b3093270912b0d34cf9a84040c34",
        "f080fffbdb2f2e64dd90b5c4c18eeb5b7e3a7007251789197bbb7b4e6f37b883",
        "8bf90942de8de16347dba3efb24ccb9dd28e49b9152f4195cbe25615c687fd4d",
        "722b01a6e53413b795c5fdd6884123272af3940a00a69668eebbc1e8bd5b3c45",
        "eabe511f0dcaa41ffbb2421c9edb6c8c24563e4259cb2821c15ccf933887f671",
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
