//! The database: SQLite or PostgreSQL, its schema, its backups.

use super::{Finding, bad, good, note};
use crate::clock::wall_ms;
use blindspot_server::{ServeConfig, backup};
use blindspot_store::{Schema, Store, StoreError, accounts, after_restore};
use std::path::Path;

/// A daily backup that is older than this has failed twice.
const BACKUP_OLD_MS: i64 = 2 * 86_400_000;

/// All findings about the database.
pub(super) fn all(config: &ServeConfig) -> Vec<Finding> {
    let mut found = vec![sqlite()];
    found.extend(file(config));
    found.push(backups(config));
    found.extend(misfits(config));
    found.extend(postgres(config));
    found
}

fn sqlite() -> Finding {
    let version = blindspot_store::sqlite_version();
    match Store::open_in_memory() {
        Ok(_) => good("sqlite", format!("内置 SQLite {version}"), format!("SQLite {version}, built in")),
        Err(e) => bad("sqlite", format!("SQLite 不能用：{e}"), format!("SQLite cannot be used: {e}")),
    }
}

/// The schema of the data folder's database, if there is one and it is in use.
fn file(config: &ServeConfig) -> Option<Finding> {
    let database = config.data.join("blindspot.db");
    let asked = (!config.database.is_shared() && database.is_file()).then(|| Schema::of_file(&database))?;
    Some(match asked {
        Ok(schema) => judged(schema),
        Err(e) => bad("schema", format!("数据库打不开：{e}"), format!("the database cannot be read: {e}")),
    })
}

fn judged(schema: Schema) -> Finding {
    let Schema { held, known } = schema;
    if schema.is_newer() {
        bad(
            "schema",
            format!("数据由更新的程序写入（结构 {held}，本程序只认到 {known}）；请用更新的程序"),
            format!(
                "a newer program wrote the data (schema {held}, this one knows {known}): use the newer one"
            ),
        )
    } else if schema.is_earlier() {
        note(
            "schema",
            format!(
                "数据由较早的程序写入（结构 {held}，本程序 {known}）：下次启动时自动升级，不能退回；请先备份"
            ),
            format!(
                "an earlier program wrote the data (schema {held}, this one has {known}): the next start takes it \
                 along for good; make a backup first"
            ),
        )
    } else {
        good("schema", format!("数据结构 {known}"), format!("schema {known}"))
    }
}

/// What a commit on the PostgreSQL server is worth, and its schema, if the database is there.
#[cfg(feature = "postgres")]
fn postgres(config: &ServeConfig) -> Vec<Finding> {
    use blindspot_server::database::Database;
    let Database::Postgres(options) = &config.database else { return vec![] };
    let at = options.shown();
    match blindspot_store::PgStanding::ask(options) {
        Err(e) => vec![bad("database", format!("{at} 不能用：{e}"), format!("{at} cannot be used: {e}"))],
        Ok(s) => vec![commits(&at, &s), judged(s.schema)],
    }
}

#[cfg(feature = "postgres")]
fn commits(at: &str, s: &blindspot_store::PgStanding) -> Finding {
    match s {
        s if !s.fsync => bad(
            "database",
            format!("{at}：fsync 关着，断电会丢已确认的数据"),
            format!("{at}: fsync is off, a power cut loses what was acknowledged"),
        ),
        s if s.may_lose() => note(
            "database",
            format!(
                "{at}：从库不等确认，切换时可能丢最后几秒；请设 synchronous_standby_names = 'ANY 1 (..)'"
            ),
            format!(
                "{at}: followers are not waited for, a failover may lose the last seconds; set synchronous_standby_names = 'ANY 1 (..)'"
            ),
        ),
        s if s.followers == 0 => note(
            "database",
            format!("{at}：PostgreSQL {}，没有从库", s.version),
            format!("{at}: PostgreSQL {}, without a follower", s.version),
        ),
        s => good(
            "database",
            format!("{at}：PostgreSQL {}，{} 个从库，提交等待 {}", s.version, s.followers, s.waits_for),
            format!(
                "{at}: PostgreSQL {}, {} followers, a commit waits for {}",
                s.version, s.followers, s.waits_for
            ),
        ),
    }
}

#[cfg(not(feature = "postgres"))]
fn postgres(_config: &ServeConfig) -> Vec<Finding> {
    vec![]
}

fn backups(config: &ServeConfig) -> Finding {
    if config.database.is_shared() {
        return note(
            "backup",
            "数据库在 PostgreSQL 上：请用 pg_basebackup 备份，本程序看不到",
            "the database is on PostgreSQL: back it up with pg_basebackup; this program does not see it",
        );
    }
    let database = config.data.join("blindspot.db");
    if !database.is_file() {
        return good("backup", "还没有数据，不用备份", "there is no data yet to back up");
    }
    if Schema::of_file(&database).is_ok_and(|s| s.is_earlier()) {
        return note(
            "backup",
            "备份记录要等新版本启动一次后才看得到",
            "backups can be told once this version was started on the data",
        );
    }
    let newest = Store::open_copy(&database).and_then(|store| {
        let city = store.read(accounts::load_only_city)?;
        city.map_or(Ok(None), |city| backup::newest(&store, &city.city))
    });
    let planned = if config.backup.is_some() {
        ("", "")
    } else {
        ("；没有定时备份（backup.to）", "; none is scheduled (backup.to)")
    };
    match newest {
        Err(e) => note("backup", format!("看不到备份记录：{e}"), format!("backups cannot be told: {e}")),
        Ok(None) => note(
            "backup",
            format!("从没有备份过：硬盘坏了数据就没了{}", planned.0),
            format!("never backed up: a broken disk loses everything{}", planned.1),
        ),
        Ok(Some(noted)) => {
            let age = (wall_ms() - noted.snapshot_ms).max(0);
            let hours = age / 3_600_000;
            let there = Path::new(&noted.folder).is_dir();
            let zh = format!(
                "最近一次备份在 {hours} 小时前：{}{}",
                noted.folder,
                if there { "" } else { "（现在看不到）" }
            );
            let en = format!(
                "the newest backup is {hours} h old: {}{}{}",
                noted.folder,
                if there { "" } else { " (not seen now)" },
                planned.1
            );
            let zh = zh + planned.0;
            if age > BACKUP_OLD_MS || !there { note("backup", zh, en) } else { good("backup", zh, en) }
        }
    }
}

/// What phones offered again after a restore and did not end as it had.
fn misfits(config: &ServeConfig) -> Option<Finding> {
    let database = config.data.join("blindspot.db");
    let store = database.is_file().then(|| Store::open_copy(&database).ok()).flatten()?;
    let count = store.read(|tx| match accounts::load_only_city(tx)? {
        Some(record) => after_restore::count(tx, &record.city),
        None => Ok::<_, StoreError>(0),
    });
    // A database of an earlier version has no such list yet.
    let n = count.ok().filter(|n| *n > 0)?;
    Some(note(
        "after_restore",
        format!("恢复后有 {n} 条操作结果与以前不同，请值班主管看 GET /v1/after-restore"),
        format!("{n} ops ended otherwise after a restore than before: see GET /v1/after-restore"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;
    use blindspot_store::Options;

    fn folder(name: &str) -> ServeConfig {
        let dir = std::env::temp_dir().join(format!("blindspot-doctor-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        ServeConfig::new(&dir)
    }

    #[test]
    fn data_without_a_backup_is_noted() {
        let config = folder("backup");
        assert_eq!(backups(&config).weight, Weight::Good, "nothing to lose yet");
        drop(Store::open(&config.data.join("blindspot.db"), Options::default()).expect("a database"));
        assert_eq!(backups(&config).weight, Weight::Note);
        std::fs::remove_dir_all(&config.data).expect("the test's own folder");
    }

    #[test]
    fn data_of_another_version_is_named_and_an_earlier_one_is_not_said_to_lack_backups() {
        let config = folder("schema");
        assert!(file(&config).is_none(), "no data, no schema");
        let path = config.data.join("blindspot.db");
        drop(Store::open(&path, Options::default()).expect("a database"));
        let known = Schema::of_file(&path).expect("asked").known;
        for (held, weight) in [(known - 1, Weight::Note), (known, Weight::Good), (known + 1, Weight::Bad)] {
            let conn = rusqlite::Connection::open(&path).expect("a database");
            conn.pragma_update(None, "user_version", held).expect("set");
            drop(conn);
            assert_eq!(file(&config).map(|f| f.weight), Some(weight), "schema {held}");
            assert_eq!(backups(&config).en.contains("never backed up"), held >= known, "schema {held}");
        }
        std::fs::remove_dir_all(&config.data).expect("the test's own folder");
    }
}
