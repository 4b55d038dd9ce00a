//! Every setting of the server, once: flags, environment, file, the example and `config print` are made from it.

use ipnet::IpNet;
use std::net::SocketAddr;

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path.
    Path,
    /// A path to a file whose content is never shown.
    Secret,
    /// Where the database is; its password is never shown.
    Database,
    /// `address:port`.
    Address,
    /// `http://` or `https://`.
    Url,
    /// A place of photos.
    Photos,
    /// A whole number within bounds.
    Count(u64, u64),
    /// `true` or `false`.
    Flag,
    /// Networks, separated by commas.
    Networks,
    /// `HH:MM`.
    Clock,
    /// One of some words.
    Choice(&'static [&'static str]),
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// `section.name`, or `name` alone: as the file writes it.
    pub(crate) key: &'static str,
    /// What it must look like.
    pub(crate) kind: Kind,
    /// What holds when nobody says anything.
    pub(crate) default: Option<&'static str>,
    /// The name of the systemd credential that stands in when nobody says anything.
    pub(crate) credential: Option<&'static str>,
    /// What it is, Chinese.
    pub(crate) zh: &'static str,
    /// What it is, English.
    pub(crate) en: &'static str,
}

const fn row(
    key: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    zh: &'static str,
    en: &'static str,
) -> Setting {
    Setting { key, kind, default, credential: None, zh, en }
}

const fn from_credential(setting: Setting, name: &'static str) -> Setting {
    Setting { credential: Some(name), ..setting }
}

/// The settings, in the order in which they are shown.
pub(crate) const TABLE: &[Setting] = &[
    row(
        "data",
        Kind::Path,
        Some("blindspot-data"),
        "数据文件夹，没有就新建",
        "data folder, made when there is none",
    ),
    row(
        "database",
        Kind::Database,
        None,
        "数据库：不写就在数据文件夹里；或 postgres:// 地址，口令另给",
        "where the database is: in the data folder when left out, or postgres://; its password comes from elsewhere",
    ),
    from_credential(
        row(
            "database_password_file",
            Kind::Secret,
            None,
            "数据库口令文件；也可用环境变量 PGPASSWORD",
            "file with the database's password; PGPASSWORD in the environment does it, too",
        ),
        "database-password",
    ),
    row(
        "listen",
        Kind::Address,
        Some("127.0.0.1:8080"),
        "监听地址；不是本机地址时要有证书或可信代理",
        "address to listen on; other than this machine's own needs TLS or a trusted proxy",
    ),
    row(
        "blobs",
        Kind::Photos,
        None,
        "照片放哪里：disk，或 s3://桶/前缀?endpoint=https://...；密钥不写在这里",
        "where photos lie: disk, or s3://bucket/prefix?endpoint=https://...; its keys do not stand here",
    ),
    row("city", Kind::Text, Some("city"), "城市编号，只在新建时用", "id of the city, for a new folder"),
    row("city_name", Kind::Text, Some("本市"), "城市名称，只在新建时用", "its name, for a new folder"),
    row(
        "base_url",
        Kind::Url,
        None,
        "手机访问的地址，写进绑定码",
        "where phones find this server, for enrolment codes; the listening address when left out",
    ),
    row(
        "trusted_proxy",
        Kind::Networks,
        None,
        "前置代理的网段，只有它们的 X-Forwarded-* 才可信",
        "networks of proxies in front, e.g. 10.0.0.2/32; only their X-Forwarded-* is believed",
    ),
    from_credential(
        row(
            "tls.cert",
            Kind::Path,
            None,
            "证书链 PEM，SIGHUP 时重读",
            "certificate chain, PEM; read again on SIGHUP",
        ),
        "tls-cert",
    ),
    from_credential(row("tls.key", Kind::Secret, None, "私钥 PEM", "its key, PEM"), "tls-key"),
    row(
        "tls.trial",
        Kind::Flag,
        Some("false"),
        "试用：自建证书和安装页",
        "for a first try: a private CA, with a page that installs it",
    ),
    row(
        "tls.trial_page",
        Kind::Address,
        None,
        "安装页的地址，默认是监听端口加一",
        "where that page listens; the port after the other one when left out",
    ),
    row(
        "connections.max",
        Kind::Count(1, 1_000_000),
        Some("4096"),
        "同时最多多少连接，多的排队",
        "most connections at once; more wait",
    ),
    row(
        "connections.header_s",
        Kind::Count(1, 600),
        Some("10"),
        "请求头最多等几秒",
        "seconds for the head of a request",
    ),
    row(
        "connections.idle_s",
        Kind::Count(1, 3_600),
        Some("75"),
        "空闲连接几秒后关闭",
        "seconds until an idle connection is closed",
    ),
    row(
        "connections.stall_s",
        Kind::Count(5, 3_600),
        Some("60"),
        "收发停住几秒后关闭",
        "seconds until a body that stopped, or an answer that is not taken, ends the connection",
    ),
    row(
        "connections.header_kb",
        Kind::Count(8, 1_024),
        Some("32"),
        "请求头最多多少 KiB",
        "most KiB of a request's head",
    ),
    row("log.format", Kind::Choice(&["text", "json"]), Some("text"), "日志格式", "how log lines are written"),
    row(
        "log.level",
        Kind::Text,
        Some("info"),
        "日志级别（RUST_LOG 的写法）",
        "how much is logged (as RUST_LOG writes it)",
    ),
    row(
        "log.dir",
        Kind::Path,
        None,
        "日志文件夹，一天一个文件；不写就到屏幕",
        "folder of daily log files; the error stream when left out",
    ),
    row(
        "log.keep_days",
        Kind::Count(1, 3_650),
        Some("365"),
        "日志保留天数，法律要求至少 180 天",
        "days that log files are kept; the law asks for 180",
    ),
    from_credential(
        row(
            "metrics.token_file",
            Kind::Secret,
            None,
            "读 /metrics 要的口令文件；没有就只许本机读",
            "file with the bearer token for /metrics; without one it is for this machine alone",
        ),
        "metrics-token",
    ),
    row(
        "space.warn_mb",
        Kind::Count(1, 100_000_000),
        Some("2048"),
        "剩余空间低于多少 MB 报警",
        "MB of free space below which the server warns",
    ),
    row(
        "space.reserve_mb",
        Kind::Count(0, 100_000_000),
        Some("0"),
        "剩余空间低于多少 MB 不再收照片，留给其他内容；0 表示 1 GB 或磁盘的 2 %",
        "MB of free space below which photos are refused, kept for other work; 0: 1 GB or 2 % of the disk",
    ),
    row(
        "upload.quota_mb",
        Kind::Count(1, 100_000_000),
        Some("4096"),
        "每台手机每天最多上传多少 MB 照片",
        "MB of photos that one phone may begin to upload in a day",
    ),
    row(
        "notices.link",
        Kind::Url,
        None,
        "通知里案件的网址，{case} 代表编号；不写就不带链接",
        "address of a case in notices, {case} is its id; without it they carry no link",
    ),
    row(
        "notices.batch_s",
        Kind::Count(0, 120),
        Some("120"),
        "通知最多等几秒，同一渠道合成一条",
        "seconds that a notice waits for others of its channel, to be one message",
    ),
    row(
        "notices.loopback_http",
        Kind::Flag,
        Some("false"),
        "通知渠道可用本机明文 http，只供试用",
        "channels may lead to plain http on this machine, for trials",
    ),
    row(
        "backup.to",
        Kind::Path,
        None,
        "定时备份放到哪个文件夹；不写就不备份",
        "folder for scheduled backups; none are made when left out",
    ),
    row(
        "backup.at",
        Kind::Clock,
        Some("02:30"),
        "每天几点备份（北京时间）",
        "when, each day, in Beijing time (UTC+8)",
    ),
    row(
        "backup.every_hours",
        Kind::Count(0, 168),
        Some("0"),
        "改为每隔几小时备份；0 表示按钟点",
        "instead every so many hours; 0: by the clock",
    ),
    row("backup.keep", Kind::Count(1, 10_000), Some("14"), "保留最近几份", "how many backups are kept"),
];

impl Setting {
    /// As a flag, without the dashes.
    pub(crate) fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// As an environment variable.
    pub(crate) fn env(&self) -> String {
        format!("BLINDSPOT_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }

    /// What is wrong with a value, if anything: Chinese, English.
    pub(crate) fn fault(&self, value: &str) -> Option<(String, String)> {
        let bad = |zh: &str, en: &str| Some((zh.to_owned(), en.to_owned()));
        match self.kind {
            Kind::Text | Kind::Path | Kind::Secret if value.is_empty() => {
                bad("不能为空", "must not be empty")
            }
            Kind::Text | Kind::Path | Kind::Secret => None,
            Kind::Database if !value.starts_with("postgres://") && !value.starts_with("postgresql://") => {
                bad("要以 postgres:// 开头", "must begin with postgres://")
            }
            Kind::Address if value.parse::<SocketAddr>().is_err() => {
                bad("要写成 地址:端口，如 0.0.0.0:8443", "must be address:port, as in 0.0.0.0:8443")
            }
            Kind::Url if !value.starts_with("http://") && !value.starts_with("https://") => {
                bad("要以 https:// 开头", "must begin with https://")
            }
            Kind::Photos => blindspot_server::blob::Place::parse(value).err().map(|e| {
                let said = e.to_string();
                let (zh, en) = crate::out::halves(&said);
                (zh.to_owned(), en.to_owned())
            }),
            Kind::Count(least, most) if !value.parse::<u64>().is_ok_and(|n| (least..=most).contains(&n)) => {
                Some((
                    format!("要是 {least} 到 {most} 的整数"),
                    format!("must be a whole number from {least} to {most}"),
                ))
            }
            Kind::Flag if value.parse::<bool>().is_err() => {
                bad("要是 true 或 false", "must be true or false")
            }
            Kind::Networks if networks(value).is_none() => {
                bad("要写成网段，如 10.0.0.0/8", "must be networks, as in 10.0.0.0/8")
            }
            Kind::Clock if clock(value).is_none() => {
                bad("要写成 时:分，如 02:30", "must be HH:MM, as in 02:30")
            }
            Kind::Choice(words) if !words.contains(&value) => {
                let words = words.join(" | ");
                Some((format!("要是 {words} 之一"), format!("must be one of {words}")))
            }
            _ => None,
        }
    }
}

/// Networks, separated by commas; a single address is a network of one.
pub(crate) fn networks(value: &str) -> Option<Vec<IpNet>> {
    let one = |word: &str| {
        let word = word.trim();
        word.parse().ok().or_else(|| word.parse().ok().map(|ip: std::net::IpAddr| IpNet::from(ip)))
    };
    value.split(',').filter(|w| !w.trim().is_empty()).map(one).collect()
}

/// Hour and minute.
pub(crate) fn clock(value: &str) -> Option<(u8, u8)> {
    let (hour, minute) = value.split_once(':')?;
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_their_own_checks_and_names_differ() {
        let mut flags: Vec<String> = TABLE.iter().map(Setting::flag).collect();
        for setting in TABLE {
            assert_eq!(setting.default.and_then(|d| setting.fault(d)), None, "{}", setting.key);
            assert!(
                setting.zh.chars().any(|c| c as u32 > 0x2e80) && setting.en.is_ascii(),
                "{}",
                setting.key
            );
        }
        flags.sort();
        flags.dedup();
        assert_eq!(flags.len(), TABLE.len());
    }

    #[test]
    fn each_kind_refuses_what_it_is_not() {
        let bad = [
            ("data", ""),
            ("listen", "8080"),
            ("base_url", "city.example"),
            ("connections.max", "0"),
            ("connections.max", "-1"),
            ("tls.trial", "yes"),
            ("trusted_proxy", "10.0.0.0/33"),
            ("backup.at", "24:00"),
            ("log.format", "xml"),
            ("database", "mysql://h/d"),
        ];
        for (key, value) in bad {
            let setting = TABLE.iter().find(|s| s.key == key).expect("a key");
            let (zh, en) = setting.fault(value).unwrap_or_else(|| panic!("{key}={value} passes"));
            assert!(!zh.is_ascii() && en.is_ascii());
        }
        assert_eq!(networks("10.0.0.1, fd00::/8").map(|n| n.len()), Some(2));
    }
}
