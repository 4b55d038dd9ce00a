//! Configuration: flags over environment over file over defaults; `config check` and `config print`. The table of
//! settings is in `table`, who wins in `resolve`, what it means for a server in `build`.

mod build;
mod example;
mod flags;
mod resolve;
mod table;

pub(crate) use build::{Logs, database};
pub(crate) use example::example;

use crate::out::{Done, Failure, answer};
use blindspot_server::ServeConfig;
use flags::Flags;
use resolve::{Fault, Resolved, Said};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use table::Kind;

/// Whether an address holds a password.
#[cfg(feature = "postgres")]
pub(crate) fn has_password(url: &str) -> bool {
    resolve::without_password(url) != url
}

/// Where settings come from, and the settings themselves as flags.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// 配置文件，默认是数据文件夹里的 blindspot.toml · file of settings; blindspot.toml in the data folder when left out
    #[arg(long, env = "BLINDSPOT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// 检查和显示配置 · check and show the settings
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// 列出配置里的全部错误 · say all that is wrong with the settings
    Check(Asked),
    /// 显示生效的值和来源，不显示密钥 · show what holds and who said it; secrets stay hidden
    Print(Asked),
}

#[derive(Debug, clap::Args)]
struct Asked {
    #[command(flatten)]
    settings: Settings,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

/// What all voices together say.
pub(crate) struct Found {
    resolved: Resolved,
    faults: Vec<Fault>,
    notes: Vec<Fault>,
    file: Option<PathBuf>,
}

impl Settings {
    /// Reads all that is said; nothing is judged yet.
    pub(crate) fn find(&self) -> Found {
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let credentials = env.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let mut found = Found {
            resolved: Resolved::default(),
            faults: Vec::new(),
            notes: resolve::strange_env(&env),
            file: self.file(&env),
        };
        let text = found.file.as_ref().and_then(|path| match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(e) => {
                let shown = path.display();
                found.faults.push((
                    format!("读不了配置文件 {shown}：{e}"),
                    format!("cannot read the file {shown}: {e}"),
                ));
                None
            }
        });
        let said = Said {
            flags: &self.flags.0,
            env: &env,
            file: text.as_deref(),
            credentials: credentials.as_deref(),
        };
        let (resolved, faults) = resolve::resolve(&said);
        found.resolved = resolved;
        found.faults.extend(faults);
        found
    }

    /// The file named, else the one in the data folder when there is one.
    fn file(&self, env: &BTreeMap<String, String>) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            let data = self.flags.0.get("data").or_else(|| env.get("BLINDSPOT_DATA"));
            let path = PathBuf::from(data.map_or("blindspot-data", String::as_str)).join("blindspot.toml");
            path.is_file().then_some(path)
        })
    }
}

impl Found {
    /// What a server is started with; all faults at once when there are any.
    pub(crate) fn serve(self) -> Done<(ServeConfig, Logs)> {
        let mut faults = self.faults;
        let built = build::build(&self.resolved, &mut faults);
        if faults.is_empty() {
            return Ok(built);
        }
        let list = |pick: fn(&Fault) -> &str| faults.iter().map(pick).collect::<Vec<_>>().join("\n  ");
        Err(Failure::new(
            format!("配置有错：\n  {}", list(|f| &f.0)),
            format!("the settings are wrong:\n  {}", list(|f| &f.1)),
        ))
    }
}

impl Found {
    /// What a server would be started with, whatever is wrong with it, and all that is.
    pub(crate) fn judged(self) -> (ServeConfig, Logs, Vec<Fault>) {
        let mut faults = self.faults;
        let (config, logs) = build::build(&self.resolved, &mut faults);
        (config, logs, faults)
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    match &args.what {
        What::Check(asked) => check(asked),
        What::Print(asked) => print(asked),
    }
}

fn check(asked: &Asked) -> Done {
    let mut found = asked.settings.find();
    let (config, logs) = build::build(&found.resolved, &mut found.faults);
    found.notes.extend(build::notes(&config, &logs));
    let pairs = |list: &[Fault]| list.iter().map(|(zh, en)| json!({"zh": zh, "en": en})).collect::<Vec<_>>();
    let value = json!({
        "ok": found.faults.is_empty(), "file": found.file, "faults": pairs(&found.faults), "notes": pairs(&found.notes),
    });
    answer(asked.json, &value, || {
        let line = |sign: &str, (zh, en): &Fault| format!("{sign}  {zh}\n           {en}\n");
        let mut out: String = found.faults.iter().map(|f| line("不行 BAD ", f)).collect();
        out.extend(found.notes.iter().map(|f| line("注意 note", f)));
        if found.faults.is_empty() {
            out.push_str("好  ok     配置可用 the settings can be used\n");
        }
        out
    })?;
    if found.faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::new("配置有错，见上", "the settings are wrong; see above"))
    }
}

fn print(asked: &Asked) -> Done {
    let found = asked.settings.find();
    let shown = |kind: Kind, value: &str| match kind {
        Kind::Secret => json!(format!("file {value}, content hidden")),
        Kind::Database => json!(resolve::without_password(value)),
        _ => json!(value),
    };
    let rows: Vec<_> = found
        .resolved
        .rows()
        .map(|(setting, held)| {
            let (value, source) = match held {
                Some((value, source)) => (shown(setting.kind, value), source.as_str()),
                None => (serde_json::Value::Null, "unset"),
            };
            (setting.key, value, source)
        })
        .collect();
    let value: serde_json::Map<_, _> = rows
        .iter()
        .map(|(key, value, source)| ((*key).to_owned(), json!({"value": value, "source": source})))
        .collect();
    answer(asked.json, &value, || {
        let file = found.file.as_ref().map_or("没有 none".to_owned(), |f| f.display().to_string());
        let mut out = format!("# 配置文件 file: {file}\n");
        for (key, value, source) in rows {
            out += &match value {
                serde_json::Value::Null => format!("# {key} =\n"),
                value => format!("{:<50} # {source}\n", format!("{key} = {value}")),
            };
        }
        out
    })?;
    found.faults.is_empty().then_some(()).ok_or_else(|| {
        Failure::new(
            "配置有错，用 config check 看全部",
            "the settings are wrong; `config check` lists all of it",
        )
    })
}
