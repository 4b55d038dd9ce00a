//! Who said what: flags over environment over file over defaults, and all that is wrong with it at once.

use super::table::{Kind, Setting, TABLE};
use std::collections::BTreeMap;
use std::path::Path;

/// Where a value comes from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The table.
    Default,
    /// A systemd credential.
    Credential,
    /// The file.
    File,
    /// The environment.
    Env,
    /// The command line.
    Flag,
}

impl Source {
    /// As `config print` names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Credential => "credential",
            Self::File => "file",
            Self::Env => "env",
            Self::Flag => "flag",
        }
    }
}

/// Something wrong: Chinese, English.
pub(crate) type Fault = (String, String);

/// Values as text, by key.
pub(crate) type Words = BTreeMap<&'static str, String>;

/// What holds.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    values: BTreeMap<&'static str, (String, Source)>,
}

/// What the surroundings say.
pub(crate) struct Said<'a> {
    /// Flags.
    pub(crate) flags: &'a Words,
    /// The environment; only `BLINDSPOT_*` is read.
    pub(crate) env: &'a BTreeMap<String, String>,
    /// The file's text.
    pub(crate) file: Option<&'a str>,
    /// `$CREDENTIALS_DIRECTORY`.
    pub(crate) credentials: Option<&'a Path>,
}

impl Resolved {
    /// A value, if there is one.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|(value, _)| value.as_str())
    }

    /// A value that somebody gave; not the table's.
    pub(crate) fn given(&self, key: &str) -> Option<&str> {
        self.values.get(key).filter(|(_, source)| *source != Source::Default).map(|(value, _)| value.as_str())
    }

    /// A value that was checked to read as `T`.
    pub(crate) fn read<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// All rows of the table with what holds.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static Setting, Option<&(String, Source)>)> {
        TABLE.iter().map(|s| (s, self.values.get(s.key)))
    }
}

/// Puts it together; the faults are all there are, not the first.
pub(crate) fn resolve(said: &Said<'_>) -> (Resolved, Vec<Fault>) {
    let mut faults = Vec::new();
    let file = said.file.map(|text| read_file(text, &mut faults)).unwrap_or_default();
    let mut resolved = Resolved::default();
    for setting in TABLE {
        let env = said.env.get(&setting.env()).filter(|v| !v.is_empty());
        let credential = || {
            let path = said.credentials?.join(setting.credential?);
            path.is_file().then(|| path.display().to_string())
        };
        let found = (said.flags.get(setting.key).map(|v| (v.clone(), Source::Flag)))
            .or_else(|| env.map(|v| (v.clone(), Source::Env)))
            .or_else(|| file.get(setting.key).map(|v| (v.clone(), Source::File)))
            .or_else(|| credential().map(|v| (v, Source::Credential)))
            .or_else(|| setting.default.map(|v| (v.to_owned(), Source::Default)));
        let Some((value, source)) = found else { continue };
        if setting.kind == Kind::Database && source == Source::Flag && without_password(&value) != value {
            faults.push((
                "数据库口令不能写在命令行里：别人能看到；请用 database_password_file 或 PGPASSWORD".into(),
                "a password on the command line is seen by others: use database_password_file or PGPASSWORD"
                    .into(),
            ));
        }
        if let Some((zh, en)) = setting.fault(&value) {
            // Somebody may have put keys into it: they are not repeated.
            let shown =
                if setting.kind == Kind::Photos { "...".to_owned() } else { without_password(&value) };
            let at = format!("{} = {shown:?} ({})", setting.key, source.as_str());
            faults.push((format!("{at}：{zh}"), format!("{at}: {en}")));
        }
        resolved.values.insert(setting.key, (value, source));
    }
    (resolved, faults)
}

/// An address without what stands between the user and the host.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}@{host}{tail}"),
            None => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

/// Keys of the file with their values as text.
fn read_file(text: &str, faults: &mut Vec<Fault>) -> Words {
    let mut words = Words::new();
    match text.parse::<toml::Table>() {
        Ok(table) => flatten("", &table, &mut words, faults),
        Err(error) => {
            let said = error.to_string();
            faults.push((
                format!("配置文件不是有效的 TOML：{said}"),
                format!("the file is not valid TOML: {said}"),
            ));
        }
    }
    words
}

fn flatten(prefix: &str, table: &toml::Table, words: &mut Words, faults: &mut Vec<Fault>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let section = TABLE.iter().any(|s| s.key.starts_with(&format!("{key}.")));
        match (value, TABLE.iter().find(|s| s.key == key)) {
            (toml::Value::Table(inner), _) if section => flatten(&key, inner, words, faults),
            (value, Some(setting)) => match as_text(value, setting.kind) {
                Some(text) => drop(words.insert(setting.key, text)),
                None => faults.push((format!("{key}：类型不对"), format!("{key}: the wrong type of value"))),
            },
            (_, None) => faults.push(unknown(&key)),
        }
    }
}

fn unknown(key: &str) -> Fault {
    let near = TABLE
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a.key, key).total_cmp(&strsim::jaro_winkler(b.key, key)));
    let near = near.map_or("", |s| s.key);
    (
        format!("{key}：没有这个设置；最接近的是 {near}"),
        format!("{key}: there is no such setting; the nearest is {near}"),
    )
}

fn as_text(value: &toml::Value, kind: Kind) -> Option<String> {
    match (value, kind) {
        (toml::Value::Integer(n), Kind::Count(..)) => Some(n.to_string()),
        (toml::Value::Boolean(b), Kind::Flag) => Some(b.to_string()),
        (toml::Value::Array(list), Kind::Networks) => {
            let words: Option<Vec<&str>> = list.iter().map(toml::Value::as_str).collect();
            words.map(|w| w.join(","))
        }
        (toml::Value::String(text), kind) if !matches!(kind, Kind::Count(..) | Kind::Flag) => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// `BLINDSPOT_*` variables that no setting reads: a typing mistake would go unseen.
pub(crate) fn strange_env(env: &BTreeMap<String, String>) -> Vec<Fault> {
    let known = |name: &str| name == "BLINDSPOT_CONFIG" || TABLE.iter().any(|s| s.env() == name);
    let strange = env.keys().filter(|n| n.starts_with("BLINDSPOT_") && !known(n));
    strange
        .map(|n| (format!("环境变量 {n} 没有用处"), format!("the variable {n} means nothing here")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(flags: &[(&'static str, &str)], env: &[(&str, &str)], file: &str) -> (Resolved, Vec<Fault>) {
        let flags = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        resolve(&Said { flags: &flags, env: &env, file: Some(file), credentials: None })
    }

    #[test]
    fn the_nearer_voice_wins() {
        let file = "listen = \"10.0.0.1:1\"\ncity = \"a\"\n[log]\nformat = \"json\"\nkeep_days = 200\n";
        let (found, faults) = said(
            &[("listen", "10.0.0.3:3")],
            &[("BLINDSPOT_LISTEN", "10.0.0.2:2"), ("BLINDSPOT_CITY", "b")],
            file,
        );
        assert_eq!(faults, []);
        let of = |key: &str| found.values.get(key).map(|(v, s)| (v.as_str(), *s));
        assert_eq!(of("listen"), Some(("10.0.0.3:3", Source::Flag)));
        assert_eq!(of("city"), Some(("b", Source::Env)));
        assert_eq!(of("log.format"), Some(("json", Source::File)));
        assert_eq!(of("data"), Some(("blindspot-data", Source::Default)));
        assert_eq!(of("tls.cert"), None);
        assert_eq!(found.read::<u64>("log.keep_days"), Some(200));
    }

    #[test]
    fn all_faults_are_said_at_once_and_unknown_keys_name_the_nearest() {
        let file = "lisen = \"x\"\ncity = 3\n[tls]\ntrail = true\n[backup]\nkeep = 0\nat = \"25:00\"\n";
        let (_, faults) = said(&[], &[], file);
        let all: Vec<&str> = faults.iter().map(|(_, en)| en.as_str()).collect();
        assert_eq!(all.len(), 5, "{all:?}");
        assert!(all.iter().any(|f| f.starts_with("lisen:") && f.ends_with("is listen")), "{all:?}");
        assert!(all.iter().any(|f| f.starts_with("tls.trail:") && f.ends_with("is tls.trial")), "{all:?}");
        assert!(!said(&[], &[], "= 1").1.is_empty());
    }

    #[test]
    fn a_credential_stands_in_for_what_nobody_says() {
        let dir = std::env::temp_dir().join(format!("blindspot-credentials-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join("metrics-token"), "x").expect("write");
        let (flags, env) = (Words::new(), BTreeMap::new());
        let (found, _) = resolve(&Said { flags: &flags, env: &env, file: None, credentials: Some(&dir) });
        assert_eq!(found.values["metrics.token_file"].1, Source::Credential);
        std::fs::remove_dir_all(&dir).expect("the test's own folder");
    }

    #[test]
    fn a_password_is_neither_taken_from_a_flag_nor_shown() {
        assert_eq!(without_password("postgres://u:p@h:1,i:2/d?x=y"), "postgres://u@h:1,i:2/d?x=y");
        for kept in ["postgres://u@h/d", "postgres://h/d", "x"] {
            assert_eq!(without_password(kept), kept);
        }
        let (_, faults) = said(&[("database", "postgres://u:topsecret@h/d")], &[], "");
        assert!(faults.len() == 1 && !faults[0].1.contains("topsecret"), "{faults:?}");
        let (_, faults) = said(&[], &[("BLINDSPOT_DATABASE", "mysql://u:topsecret@h/d")], "");
        assert!(faults.len() == 1 && !faults[0].1.contains("topsecret"), "{faults:?}");
    }

    #[test]
    fn a_variable_with_a_typing_mistake_is_noticed() {
        let env = [("BLINDSPOT_LISTN", ""), ("BLINDSPOT_LISTEN", ""), ("HOME", "")];
        let env = env.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(strange_env(&env).len(), 1);
    }
}
