//! What the disk and the operating system give: space, rights, the key, the database, file handles, backups.

use super::{Finding, bad, good, note};
use crate::clock::wall_ms;
use blindspot_server::{ServeConfig, backup, telemetry};
use blindspot_store::{Store, StoreError, accounts, after_restore};
use std::path::{Path, PathBuf};

/// A daily backup that is older than this has failed twice.
const BACKUP_OLD_MS: i64 = 2 * 86_400_000;
/// File handles beside connections: database, photos, logs.
const HANDLES_BESIDE: u64 = 256;

/// All findings about files.
pub(super) fn all(config: &ServeConfig) -> Vec<Finding> {
    let data = config.data.as_path();
    let mut found = vec![space(data, config.space_warn_mb), sqlite(), rights(data), handles(config)];
    found.extend(key(data));
    found.push(backups(config));
    found.extend(misfits(config));
    found.extend(postgres(config));
    found
}

/// The nearest folder that exists: a data folder may not be made yet.
fn existing(data: &Path) -> PathBuf {
    let here = Path::new(".");
    data.ancestors().find(|p| p.is_dir()).filter(|p| !p.as_os_str().is_empty()).unwrap_or(here).to_owned()
}

fn space(data: &Path, warn_mb: u64) -> Finding {
    let Some(mb) = telemetry::free_bytes(&existing(data)).and_then(|b| u64::try_from(b / 1_000_000).ok())
    else {
        return note("space", "看不到剩余空间", "free space cannot be told");
    };
    if mb < warn_mb {
        bad(
            "space",
            format!("只剩 {mb} MB（低于 {warn_mb}）；照片每张约 1 MB，请腾出空间"),
            format!("only {mb} MB free, below {warn_mb}; a photo takes about 1 MB: make room"),
        )
    } else {
        good("space", format!("剩余 {mb} MB"), format!("{mb} MB free"))
    }
}

fn sqlite() -> Finding {
    let version = blindspot_store::sqlite_version();
    match Store::open_in_memory() {
        Ok(_) => good("sqlite", format!("内置 SQLite {version}"), format!("SQLite {version}, built in")),
        Err(e) => bad("sqlite", format!("SQLite 不能用：{e}"), format!("SQLite cannot be used: {e}")),
    }
}

fn rights(data: &Path) -> Finding {
    let folder = existing(data);
    let probe = folder.join(format!(".blindspot-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    let shown = folder.display();
    match written {
        Ok(()) => good("rights", format!("能写入 {shown}"), format!("{shown} can be written")),
        Err(e) => bad(
            "rights",
            format!("写不了 {shown}：{e}；请换文件夹或改权限"),
            format!("{shown} cannot be written: {e}; change its rights or name another folder"),
        ),
    }
}

#[cfg(unix)]
fn handles(config: &ServeConfig) -> Finding {
    let wanted = config.connections.most as u64 + HANDLES_BESIDE;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    if limit < wanted {
        note(
            "handles",
            format!(
                "最多能打开 {limit} 个文件，{} 个连接约要 {wanted} 个；请提高 LimitNOFILE",
                config.connections.most
            ),
            format!(
                "{limit} files may be open, {} connections need about {wanted}: raise LimitNOFILE",
                config.connections.most
            ),
        )
    } else {
        good("handles", "打开文件数够用", "enough files may be open")
    }
}

#[cfg(not(unix))]
fn handles(_config: &ServeConfig) -> Finding {
    good("handles", "打开文件数够用", "enough files may be open")
}

#[cfg(unix)]
fn key(data: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = std::fs::metadata(data.join("secret.key")).ok()?;
    let mode = meta.permissions().mode() & 0o777;
    Some(if mode & 0o077 == 0 {
        good("key", "密钥文件只有本用户可读", "the key file is its owner's alone")
    } else {
        bad(
            "key",
            format!("密钥文件 secret.key 的权限是 {mode:o}，别人也能读；请 chmod 600"),
            format!("secret.key has mode {mode:o}: others can read it; chmod 600"),
        )
    })
}

#[cfg(not(unix))]
fn key(_data: &Path) -> Option<Finding> {
    None
}

/// What a commit on the PostgreSQL server is worth, if the database is there.
#[cfg(feature = "postgres")]
fn postgres(config: &ServeConfig) -> Option<Finding> {
    use blindspot_server::database::Database;
    let Database::Postgres(options) = &config.database else { return None };
    let at = options.shown();
    let standing = blindspot_store::PgStanding::ask(options);
    Some(match standing {
        Err(e) => bad("database", format!("{at} 不能用：{e}"), format!("{at} cannot be used: {e}")),
        Ok(s) if !s.fsync => bad(
            "database",
            format!("{at}：fsync 关着，断电会丢已确认的数据"),
            format!("{at}: fsync is off, a power cut loses what was acknowledged"),
        ),
        Ok(s) if s.may_lose() => note(
            "database",
            format!(
                "{at}：从库不等确认，切换时可能丢最后几秒；请设 synchronous_standby_names = 'ANY 1 (..)'"
            ),
            format!(
                "{at}: followers are not waited for, a failover may lose the last seconds; set synchronous_standby_names = 'ANY 1 (..)'"
            ),
        ),
        Ok(s) if s.followers == 0 => note(
            "database",
            format!("{at}：PostgreSQL {}，没有从库", s.version),
            format!("{at}: PostgreSQL {}, without a follower", s.version),
        ),
        Ok(s) => good(
            "database",
            format!("{at}：PostgreSQL {}，{} 个从库，提交等待 {}", s.version, s.followers, s.waits_for),
            format!(
                "{at}: PostgreSQL {}, {} followers, a commit waits for {}",
                s.version, s.followers, s.waits_for
            ),
        ),
    })
}

#[cfg(not(feature = "postgres"))]
fn postgres(_config: &ServeConfig) -> Option<Finding> {
    None
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

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_its_parent() {
        assert_eq!(existing(Path::new("no/such/folder")), PathBuf::from("."));
        assert_eq!(space(Path::new("no/such/folder"), 0).weight, Weight::Good);
        assert_eq!(space(Path::new("no/such/folder"), u64::MAX).weight, Weight::Bad);
    }

    #[test]
    fn data_without_a_backup_is_noted() {
        let dir = std::env::temp_dir().join(format!("blindspot-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let config = ServeConfig::new(&dir);
        assert_eq!(backups(&config).weight, Weight::Good, "nothing to lose yet");
        drop(
            Store::open(&dir.join("blindspot.db"), blindspot_store::Options::default()).expect("a database"),
        );
        assert_eq!(backups(&config).weight, Weight::Note);
        std::fs::remove_dir_all(&dir).expect("the test's own folder");
    }
}
