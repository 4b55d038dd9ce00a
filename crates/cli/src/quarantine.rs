//! `blindspot quarantine`: ops that wait for a person, on the data folder, alone or beside a running server.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::table;
use blindspot_core::OpId;
use blindspot_core::id::Sha256;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_server::service::people::Actor;
use blindspot_server::service::{House, quarantine_desk as desk, replays};
use clap::Subcommand;
use std::time::{Duration, Instant};

/// Entries read at once.
const PAGE: i64 = 1_000;
/// How long a running server is given to do a replay.
const WAIT: Duration = Duration::from_secs(15);

/// 待人工处理 · what waits for a person
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 列出 · list, oldest first
    List {
        /// 只看一种原因 · of one cause: no_rights, author_mismatch ...
        #[arg(long)]
        cause: Option<String>,
    },
    /// 看全文 · show one whole
    Show {
        /// 操作编号 · op id, see `list`
        op_id: OpId,
        /// 内容校验值 · hash of the bytes, when several stand under one id
        #[arg(long)]
        hash: Option<String>,
    },
    /// 照原样重新处理 · have it decided again as it is
    Replay {
        /// 操作编号 · op id, see `list`
        op_id: OpId,
        /// 内容校验值 · hash of the bytes, when several stand under one id
        #[arg(long)]
        hash: Option<String>,
    },
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    let folder = Folder::existing(&args.on.data)?;
    act(&folder, &args)?;
    folder.close()
}

fn act(folder: &Folder, args: &Args) -> Done {
    match &args.what {
        What::List { cause } => {
            let cause = cause.as_deref().map(Cause::from_word);
            let all = list(folder, cause.as_ref())?;
            answer(args.on.json, &all, || listing(&all))
        }
        What::Show { op_id, hash } => {
            let entry = find(folder, *op_id, hash.as_deref())?;
            let whole = desk::show(folder, entry).tried("读不到", "cannot show")?;
            answer(args.on.json, &whole, || {
                format!(
                    "{}\n{}\n{}",
                    listing(std::slice::from_ref(&whole.entry)),
                    whole.entry.detail,
                    whole.body
                )
            })
        }
        What::Replay { op_id, hash } => {
            let entry = find(folder, *op_id, hash.as_deref())?;
            desk::ask_replay(folder, Actor::Cli, entry, wall_ms()).tried("没有重新处理", "not replayed")?;
            let verdict = done(folder, entry)?;
            answer(args.on.json, &verdict, || format!("现在 now: {}", verdict.word()))
        }
    }
}

/// Does the replay, or waits until the server beside has done it.
fn done(folder: &Folder, entry: (OpId, Sha256)) -> Done<Verdict> {
    let until = Instant::now() + WAIT;
    if folder.is_alone() {
        replays::run_due(folder, "cli", wall_ms()).tried("没有重新处理", "not replayed")?;
    } else {
        while !replays::is_done(folder, entry).tried("读不到", "cannot look")? && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(desk::show(folder, entry).tried("读不到", "cannot show")?.verdict)
}

/// All that waits, oldest first.
fn list(house: &House, cause: Option<&Cause>) -> Done<Vec<desk::EntryView>> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let (page, last) = desk::list(house, cause, after, PAGE).tried("列不出", "cannot list")?;
        all.extend(page);
        match last {
            Some(place) => after = Some(place),
            None => return Ok(all),
        }
    }
}

/// The entry of an op that is named, or the only one that waits.
fn find(house: &House, op_id: OpId, hash: Option<&str>) -> Done<(OpId, Sha256)> {
    if let Some(hash) = hash {
        let hash = Sha256::from_hex(hash);
        let wrong = || Failure::new("校验值写成 64 位十六进制", "a hash is 64 hex digits");
        return Ok((op_id, hash.ok_or_else(wrong)?));
    }
    let all = list(house, None)?;
    let mut of_op = all.iter().filter(|e| e.op_id == op_id);
    match (of_op.next(), of_op.next()) {
        (Some(entry), None) => Ok((op_id, entry.hash)),
        _ => Err(Failure::new(
            "没有（或不止一条）待处理的这个编号；用 blindspot quarantine list 查看，必要时加 --hash",
            "none, or more than one, waits under this id; see `blindspot quarantine list`, and add --hash",
        )),
    }
}

fn listing(all: &[desk::EntryView]) -> String {
    let row = |e: &desk::EntryView| {
        vec![
            e.op_id.to_string(),
            e.kind.clone().unwrap_or_default(),
            format!("{} {}", e.cause, e.cause_zh),
            e.author.map_or_else(String::new, |a| a.to_string()),
            e.hash.to_hex()[..12].to_owned(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    table::text(&["操作 op", "类别 kind", "原因 cause", "作者 author", "校验 hash"], &rows)
}
