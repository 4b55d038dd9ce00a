//! `blindspot notices`: where notices go, and what was sent to whom, by the server's own use-cases on the data folder.
//! Addresses and secrets come from a file or from stdin: arguments can be read by every user of this machine.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::table;
use blindspot_core::projection::notices::{NoticeKind, Quiet};
use blindspot_server::http::outside::Outside;
use blindspot_server::service::House;
use blindspot_server::service::notices::channels::{self, ChannelChange, ChannelView, NewChannel};
use blindspot_server::service::notices::message::Shape;
use blindspot_server::service::notices::{NoticeSettings, log};
use blindspot_server::service::page::PageQuery;
use blindspot_server::service::people::Actor;
use clap::Subcommand;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// 通知 · notices
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 通知渠道 · channels: where notices go
    Channel {
        #[command(subcommand)]
        what: ChannelWhat,
    },
    /// 发送记录 · what was sent to whom, and what failed
    Log {
        /// waiting、sent、failed、dropped
        #[arg(long)]
        state: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ChannelWhat {
    /// 新增渠道（默认不启用） · add a channel, off unless --enable
    Add(Box<AddArgs>),
    /// 列出渠道，不显示地址和密钥 · list channels; addresses and secrets are not shown
    List,
    /// 启用 · turn on
    Enable {
        /// 渠道编号，见 list · its id, see `list`
        channel: Uuid,
    },
    /// 停用 · turn off
    Disable {
        /// 渠道编号 · its id
        channel: Uuid,
    },
    /// 删除渠道，记录保留 · take a channel away; the log stays
    Remove {
        /// 渠道编号 · its id
        channel: Uuid,
    },
    /// 试发一条 · send a trial message now
    Test {
        /// 渠道编号 · its id
        channel: Uuid,
        /// 允许本机明文 http，只供试用 · allow plain http on this machine, for trials
        #[arg(long)]
        loopback_http: bool,
    },
}

/// 地址和密钥写在文件里或从 stdin 读：第一行地址，第二行密钥（可无）；短信用 JSON：url, secret, method, headers, body, accept.
/// Address and secret stand in a file or come by stdin: first line the address, second the secret, if any; for SMS a JSON
/// object: url, secret, method, headers, body, accept.
#[derive(Debug, clap::Args)]
struct AddArgs {
    /// 渠道名称 · its name as shown
    #[arg(long)]
    name: String,
    /// `wecom_markdown`、`wecom_text`、`dingtalk_markdown`、`dingtalk_text`、`sms`
    #[arg(long, value_parser = shape)]
    shape: Shape,
    /// 发给谁，可重复 · whom it is for, again for more: unit:KEY, team:KEY/NAME, grid:ID, leaders
    #[arg(long = "to", value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// 只发这些，可重复；不写就全发 · these kinds alone, again for more
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// 免打扰时段 · quiet hours: 21:30-07:00
    #[arg(long, value_parser = quiet)]
    quiet: Option<Quiet>,
    /// 写有地址和密钥的文件；不写就读 stdin · a file with address and secret; stdin when left out
    #[arg(long)]
    file: Option<PathBuf>,
    /// 立即启用 · on from now
    #[arg(long)]
    enable: bool,
    /// 允许本机明文 http，只供试用 · allow plain http on this machine, for trials
    #[arg(long)]
    loopback_http: bool,
}

fn shape(word: &str) -> Result<Shape, String> {
    let known: Vec<&str> = Shape::ALL.iter().map(|s| s.as_str()).collect();
    Shape::parse(word).ok_or_else(|| known.join(" "))
}

fn quiet(text: &str) -> Result<Quiet, String> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let read = text
        .split_once('-')
        .and_then(|(from, to)| Some(Quiet { from_min: minute(from)?, to_min: minute(to)? }));
    read.ok_or_else(|| "写成 21:30-07:00 · write 21:30-07:00".to_owned())
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    let folder = Folder::existing(&args.on.data)?;
    act(&folder, args)?;
    folder.close()
}

fn act(house: &House, args: Args) -> Done {
    let as_json = args.on.json;
    match args.what {
        What::Log { state } => shown_log(house, as_json, state.as_deref()),
        What::Channel { what } => match what {
            ChannelWhat::Add(new) => add(house, as_json, *new),
            ChannelWhat::List => {
                let all = channels::list(house).tried("列不出渠道", "cannot list channels")?;
                answer(as_json, &all, || listing(&all))
            }
            ChannelWhat::Enable { channel } => turn(house, as_json, channel, true),
            ChannelWhat::Disable { channel } => turn(house, as_json, channel, false),
            ChannelWhat::Remove { channel } => {
                channels::remove(house, Actor::Cli, channel, wall_ms()).tried("没有删掉", "not removed")?;
                answer(as_json, &json!({"removed": channel}), || format!("已删除 removed: {channel}"))
            }
            ChannelWhat::Test { channel, loopback_http } => test(house, as_json, channel, loopback_http),
        },
    }
}

/// What the file or stdin says.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Address {
    url: String,
    secret: Option<String>,
    method: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    accept: Option<String>,
}

fn address(file: Option<&Path>) -> Done<Address> {
    let mut text = String::new();
    match file {
        Some(path) => {
            text = std::fs::read_to_string(path)
                .tried("读不到地址文件", "cannot read the file with the address")?;
        }
        None => {
            let read = std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text);
            read.tried("读不到地址", "cannot read the address")?;
        }
    }
    if text.trim_start().starts_with('{') {
        // What serde says names places in the text, not the text.
        return serde_json::from_str(&text).map_err(|e| {
            let at = format!("line {} column {}", e.line(), e.column());
            Failure::new(
                format!("地址文件不是有效的 JSON：{at}"),
                format!("the address is no valid JSON: {at}"),
            )
        });
    }
    let mut lines = text.lines().map(str::trim);
    let url = lines.next().unwrap_or_default().to_owned();
    let secret = lines.next().filter(|s| !s.is_empty()).map(str::to_owned);
    Ok(Address { url, secret, ..Address::default() })
}

fn near(house: &House, loopback_http: bool) {
    house.set_notice_settings(NoticeSettings { loopback_http, ..NoticeSettings::default() });
}

fn add(house: &House, as_json: bool, new: AddArgs) -> Done {
    near(house, new.loopback_http);
    let Address { url, secret, method, headers, body, accept } = address(new.file.as_deref())?;
    let new = NewChannel {
        name: new.name,
        shape: new.shape,
        targets: new.targets,
        kinds: new.kinds.iter().map(|k| NoticeKind::from_word(k)).collect(),
        url,
        secret,
        method,
        headers,
        body,
        accept,
        quiet: new.quiet,
        enabled: new.enable,
    };
    let made = channels::add(house, Actor::Cli, &new, wall_ms()).tried("没有加上", "not added")?;
    answer(as_json, &made, || {
        let on =
            if made.enabled { "已启用 on" } else { "未启用，用 enable 启用 · off: see `enable`" };
        format!("已添加 added: {} {} {on}", made.channel_id, made.name)
    })
}

fn turn(house: &House, as_json: bool, channel: Uuid, enabled: bool) -> Done {
    let change = ChannelChange { enabled: Some(enabled), ..ChannelChange::default() };
    let made =
        channels::change(house, Actor::Cli, channel, &change, wall_ms()).tried("没有改成", "not changed")?;
    answer(as_json, &made, || format!("{}: {}", if enabled { "已启用 on" } else { "已停用 off" }, made.name))
}

fn test(house: &House, as_json: bool, channel: Uuid, loopback_http: bool) -> Done {
    near(house, loopback_http);
    let outside = Outside::default();
    let told =
        channels::test(house, Actor::Cli, channel, &outside, wall_ms()).tried("没有发出", "not sent")?;
    if let Some(problem) = told.problem.as_ref().filter(|_| !told.taken) {
        return Err(Failure::new(format!("对方没有收下：{problem}"), format!("it was not taken: {problem}")));
    }
    answer(as_json, &told, || "已发出，请到群里看 · sent: look into the group".to_owned())
}

fn listing(all: &[ChannelView]) -> String {
    let row = |c: &ChannelView| {
        vec![
            c.channel_id.to_string(),
            c.name.clone(),
            c.shape.clone(),
            c.targets.join(" "),
            c.host.clone(),
            if c.enabled { "启用 on".to_owned() } else { "停用 off".to_owned() },
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    table::text(&["编号 id", "名称 name", "形式 shape", "发给 to", "主机 host", ""], &rows)
}

fn shown_log(house: &House, as_json: bool, state: Option<&str>) -> Done {
    let page =
        log::page(house, state, None, &PageQuery::default()).tried("读不到记录", "cannot read the log")?;
    answer(as_json, &page, || {
        let row = |n: &log::NoticeView| {
            vec![
                blindspot_core::local::shown(n.created_ms),
                n.channel.clone().unwrap_or_default(),
                n.line.clone(),
                n.state.clone(),
                n.problem.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
        table::text(&["时间 at", "渠道 channel", "内容 line", "状态 state", "问题 problem"], &rows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_read_and_wrong_ones_explained() {
        assert_eq!(quiet("21:30-07:00"), Ok(Quiet { from_min: 1_290, to_min: 420 }));
        for wrong in ["21:30", "24:00-07:00", "a-b", "21-7"] {
            assert!(quiet(wrong).is_err_and(|e| e.contains("21:30-07:00")), "{wrong}");
        }
        assert!(shape("telegram").is_err_and(|e| e.contains("dingtalk_text")));
    }

    #[test]
    fn an_address_is_two_lines_or_an_object() {
        let dir = std::env::temp_dir().join(format!("blindspot-notices-{}", std::process::id()));
        std::fs::write(&dir, "https://robot.example/?key=1\nSEC\n").expect("written");
        let two = address(Some(&dir)).expect("read");
        assert_eq!((two.url.as_str(), two.secret.as_deref()), ("https://robot.example/?key=1", Some("SEC")));
        std::fs::write(&dir, r#"{"url": "https://sms.example/", "body": "{text}"}"#).expect("written");
        assert_eq!(address(Some(&dir)).expect("read").body.as_deref(), Some("{text}"));
        std::fs::write(&dir, "{\"url\": \"https://key-of-robot\"").expect("written");
        assert!(!address(Some(&dir)).err().expect("broken").english().contains("key-of-robot"));
        std::fs::remove_file(&dir).expect("the test's own file");
    }
}
