//! `blindspot epoch`: which one is in force, and a new one by hand. What an epoch is stands in the server's `service/epoch.rs`.

use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use blindspot_server::service::epoch;
use serde_json::json;
use std::path::PathBuf;

/// 纪元：恢复过旧数据库之后开新的一期 · the epoch: a new one after an older database was brought back
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// 现在是哪一期 · which one is in force
    Show(Show),
    /// 开新的一期：手机把旧库里没有的重新送来，案号往前跳 · open a new one: phones offer again what the older database lacks, case numbers move on
    Open(Open),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// 数据文件夹 · data folder
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Open {
    #[command(flatten)]
    of: Show,
    /// 原因，记入审计日志 · why, kept in the audit log
    #[arg(long)]
    why: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    match &args.what {
        What::Show(show) => Folder::working(&show.data, |house| {
            let now = epoch::current(house).tried("读不出纪元", "the epoch cannot be read")?;
            answer(show.json, &json!({"epoch": now}), || format!("第 {now} 期 epoch {now}\n"))
        }),
        What::Open(Open { of, why }) => {
            if why.trim().is_empty() {
                return Err(Failure::new("请用 --why 写明原因", "say why with --why"));
            }
            Folder::working(&of.data, |house| {
                let opened = epoch::open_by_hand(house, why.trim(), wall_ms());
                let (before, now) = opened.tried("没有开新的一期", "no epoch was opened")?;
                answer(of.json, &json!({"epoch_before": before, "epoch": now}), || {
                    format!(
                        "已开第 {now} 期（原第 {before} 期）；手机下次同步会重新读取，并送来这里没有的内容\n\
                         epoch {now} is open (before: {before}); phones read again at their next sync and offer what is \
                         lacking here\n"
                    )
                })
            })
        }
    }
}
