//! What the settings mean for a server, and what is wrong with them together.

use super::resolve::{Fault, Resolved};
use super::table::{clock, networks};
use blindspot_server::ServeConfig;
use blindspot_server::blob::Place;
use blindspot_server::config::{BackupPlan, Connections, Every, Tls};
use blindspot_server::database::Database;
use blindspot_server::service::notices::NoticeSettings;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Days that the Cybersecurity Law wants logs kept.
const LOG_DAYS_BY_LAW: u64 = 180;

/// How the log is written.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    /// JSON lines instead of text.
    pub(crate) json: bool,
    /// As `RUST_LOG` writes it.
    pub(crate) level: String,
    /// Folder of daily files; the error stream when there is none.
    pub(crate) dir: Option<PathBuf>,
    /// How many daily files are kept.
    pub(crate) keep_days: usize,
}

/// Reads typed values; faults that only show together are added to `faults`.
pub(crate) fn build(resolved: &Resolved, faults: &mut Vec<Fault>) -> (ServeConfig, Logs) {
    let text = |key: &str| resolved.get(key).map(str::to_owned);
    let count = |key: &str| resolved.read::<u64>(key).unwrap_or(1);
    let seconds = |key: &str| Duration::from_secs(count(key));
    let mut config = ServeConfig::new(resolved.get("data").unwrap_or("blindspot-data"));
    if let Some(listen) = resolved.read("listen") {
        config.listen = listen;
    }
    config.blobs = resolved.get("blobs").and_then(|place| Place::parse(place).ok());
    if let Some(url) = resolved.get("database") {
        let file = resolved.get("database_password_file");
        match database(url, file.map(Path::new)) {
            Ok(database) => config.database = database,
            Err(fault) => faults.push(fault),
        }
    }
    // The table's own counts for a new folder alone, where nothing is told either.
    config.city = resolved.given("city").map(str::to_owned);
    config.city_name = text("city_name");
    config.base_url = text("base_url").map(|u| u.trim_end_matches('/').to_owned());
    config.trusted_proxies = resolved.get("trusted_proxy").and_then(networks).unwrap_or_default();
    config.connections = Connections {
        most: usize::try_from(count("connections.max")).unwrap_or(usize::MAX),
        header: seconds("connections.header_s"),
        idle: seconds("connections.idle_s"),
        stall: seconds("connections.stall_s"),
        header_bytes: usize::try_from(count("connections.header_kb") * 1_024).unwrap_or(usize::MAX),
    };
    config.tls = tls(resolved, config.listen, faults);
    config.metrics_token = resolved.get("metrics.token_file").and_then(|path| secret(path, faults));
    config.space_warn_mb = count("space.warn_mb");
    config.limits.reserve_bytes =
        resolved.read::<u64>("space.reserve_mb").map(|mb| mb.saturating_mul(1 << 20));
    config.limits.upload_quota_bytes = count("upload.quota_mb").saturating_mul(1 << 20);
    config.notices = NoticeSettings {
        batch_ms: i64::try_from(count("notices.batch_s")).unwrap_or(120) * 1_000,
        loopback_http: resolved.read("notices.loopback_http").unwrap_or(false),
        link: text("notices.link"),
    };
    if config.notices.link.as_ref().is_some_and(|link| !link.contains("{case}")) {
        faults.push((
            "notices.link 里要有 {case}，代表案件编号".into(),
            "notices.link must hold {case}, which stands for the id of the case".into(),
        ));
    }
    config.backup = backup(resolved, &config.data, faults);
    if config.is_exposed() {
        faults.push((
            format!("{} 上不能用明文 http：给 tls.cert 和 tls.key，或 tls.trial，或写明 trusted_proxy", config.listen),
            format!("plain http must not be served on {}: give tls.cert and tls.key, or tls.trial, or name a trusted_proxy", config.listen),
        ));
    }
    let logs = Logs {
        json: resolved.get("log.format") == Some("json"),
        level: text("log.level").unwrap_or_else(|| "info".to_owned()),
        dir: text("log.dir").map(PathBuf::from),
        keep_days: usize::try_from(count("log.keep_days")).unwrap_or(usize::MAX),
    };
    (config, logs)
}

/// The database at an address, with the password from a file or from `PGPASSWORD`.
pub(crate) fn database(url: &str, password_file: Option<&Path>) -> Result<Database, Fault> {
    #[cfg(feature = "postgres")]
    {
        let password = match password_file {
            Some(path) => {
                let shown = path.display();
                let text = std::fs::read_to_string(path).map_err(|e| {
                    (format!("{shown}：读不了：{e}"), format!("{shown}: cannot be read: {e}"))
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            None => std::env::var("PGPASSWORD").ok(),
        };
        blindspot_store::PgOptions::new(url, password.as_deref())
            .map(|o| Database::Postgres(Box::new(o)))
            .map_err(|e| {
                let said = e.to_string();
                let (zh, en) = crate::out::halves(&said);
                (zh.to_owned(), en.to_owned())
            })
    }
    #[cfg(not(feature = "postgres"))]
    {
        let _ = (url, password_file);
        Err((
            "这个程序没有编入 PostgreSQL".into(),
            "this program was built without PostgreSQL (feature `postgres`)".into(),
        ))
    }
}

fn tls(resolved: &Resolved, listen: SocketAddr, faults: &mut Vec<Fault>) -> Tls {
    let trial = resolved.read("tls.trial").unwrap_or(false);
    match (resolved.get("tls.cert"), resolved.get("tls.key")) {
        (Some(_), Some(_)) if trial => {
            faults.push((
                "tls.trial 和 tls.cert 只能用一个".into(),
                "tls.trial and tls.cert exclude each other".into(),
            ));
            Tls::Plain
        }
        (Some(cert), Some(key)) => Tls::Files { cert: cert.into(), key: key.into() },
        (Some(_), None) | (None, Some(_)) => {
            faults.push(("tls.cert 和 tls.key 要一起给".into(), "tls.cert and tls.key go together".into()));
            Tls::Plain
        }
        (None, None) if trial => {
            let port = if listen.port() == 0 { 0 } else { listen.port().wrapping_add(1) };
            Tls::Trial {
                page: resolved.read("tls.trial_page").unwrap_or_else(|| SocketAddr::new(listen.ip(), port)),
            }
        }
        (None, None) => Tls::Plain,
    }
}

fn backup(resolved: &Resolved, data: &Path, faults: &mut Vec<Fault>) -> Option<BackupPlan> {
    let to = PathBuf::from(resolved.get("backup.to")?);
    if to.starts_with(data) {
        faults.push((
            "backup.to 不能在数据文件夹里面：丢了文件夹就一起丢了".into(),
            "backup.to must not be inside the data folder: both would be lost together".into(),
        ));
    }
    let every = match resolved.read::<u32>("backup.every_hours").unwrap_or(0) {
        0 => clock(resolved.get("backup.at").unwrap_or_default())
            .map(|(hour, minute)| Every::DayAt { hour, minute })?,
        hours => Every::Hours(hours),
    };
    Some(BackupPlan { to, every, keep: resolved.read("backup.keep").unwrap_or(14) })
}

/// The one line of a secret's file.
fn secret(path: &str, faults: &mut Vec<Fault>) -> Option<String> {
    let mut bad = |zh: &str, en: &str| faults.push((format!("{path}：{zh}"), format!("{path}: {en}")));
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= 16 => Some(text.trim().to_owned()),
        Ok(_) => {
            bad("口令太短，至少 16 个字符", "the token is too short: at least 16 characters");
            None
        }
        Err(e) => {
            bad(&format!("读不了：{e}"), &format!("cannot be read: {e}"));
            None
        }
    }
}

/// What can be used and is still worth a word.
pub(crate) fn notes(config: &ServeConfig, logs: &Logs) -> Vec<Fault> {
    let mut notes = Vec::new();
    let mut note = |zh: &str, en: &str| notes.push((zh.to_owned(), en.to_owned()));
    if u64::try_from(logs.keep_days).is_ok_and(|d| d < LOG_DAYS_BY_LAW) {
        note(
            "日志保留少于 180 天，网络安全法要求至少六个月",
            "logs are kept for less than 180 days; the Cybersecurity Law asks for six months",
        );
    }
    if config.database.is_shared() {
        note(
            "数据库在 PostgreSQL 上：备份由数据库管理员负责（pg_basebackup）",
            "the database is on PostgreSQL: its backup is the operator's (pg_basebackup)",
        );
    } else if config.backup.is_none() {
        note("没有定时备份（backup.to）", "no scheduled backup (backup.to)");
    }
    if matches!(config.tls, Tls::Trial { .. }) {
        note(
            "试用证书只供试用：手机要逐台安装，正式使用请换城市自己的证书",
            "a trial certificate is for a first try: every phone installs it by hand; use the city's own for real work",
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::resolve::{Said, Words, resolve};
    use super::*;
    use std::collections::BTreeMap;

    fn built(file: &str) -> (ServeConfig, Logs, Vec<String>) {
        let (flags, env) = (Words::new(), BTreeMap::new());
        let (resolved, mut faults) =
            resolve(&Said { flags: &flags, env: &env, file: Some(file), credentials: None });
        let (config, logs) = build(&resolved, &mut faults);
        (config, logs, faults.into_iter().map(|(_, en)| en).collect())
    }

    #[test]
    fn an_empty_file_is_plain_http_on_loopback() {
        let (config, logs, faults) = built("");
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!((config.tls, config.listen.to_string().as_str()), (Tls::Plain, "127.0.0.1:8080"));
        assert_eq!(config.connections, Connections::default());
        assert!(config.backup.is_none() && !logs.json && logs.keep_days == 365);
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        for (file, words) in [
            ("[tls]\ncert = \"a\"", "go together"),
            ("[tls]\ncert = \"a\"\nkey = \"b\"\ntrial = true", "exclude each other"),
            ("listen = \"0.0.0.0:80\"", "plain http must not"),
            ("data = \"d\"\n[backup]\nto = \"d/backup\"", "inside the data folder"),
            ("[notices]\nlink = \"https://desk.example/cases\"", "must hold {case}"),
            ("[metrics]\ntoken_file = \"/no/such/file\"", "cannot be read"),
        ] {
            let (.., faults) = built(file);
            assert!(faults.len() == 1 && faults[0].contains(words), "{file}: {faults:?}");
        }
    }

    #[test]
    fn a_trial_page_takes_the_next_port_and_backups_their_clock() {
        let (config, ..) = built("listen = \"0.0.0.0:8443\"\n[tls]\ntrial = true\n[backup]\nto = \"/b\"\n");
        assert_eq!(config.tls, Tls::Trial { page: "0.0.0.0:8444".parse().expect("an address") });
        let plan = config.backup.expect("a plan");
        assert_eq!((plan.every, plan.keep), (Every::DayAt { hour: 2, minute: 30 }, 14));
        let (config, ..) = built("[backup]\nto = \"/b\"\nevery_hours = 6\n");
        assert_eq!(config.backup.expect("a plan").every, Every::Hours(6));
    }
}
