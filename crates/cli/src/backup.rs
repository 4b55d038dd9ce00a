//! `blindspot backup` and `blindspot restore`: words and bars; what is done stands in the server's `backup`.

use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use blindspot_server::backup::{self, Order, Stage, restore};
use blindspot_server::blob::Place;
use indicatif::ProgressBar;
use std::path::PathBuf;

/// 备份，服务器可以不停 · back up, also while the server runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 数据文件夹 · data folder
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 备份放到哪个文件夹 · folder of backups
    #[arg(long)]
    to: PathBuf,
    /// 保留最近几份 · how many are kept
    #[arg(long)]
    keep: Option<u32>,
    /// 保留几天 · days that they are kept; the newest always is
    #[arg(long)]
    keep_days: Option<u32>,
    /// 逐张核对照片内容 · read every photo back and compare it with its name
    #[arg(long)]
    verify_blobs: bool,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

/// 从备份恢复到新文件夹 · bring a backup back into a new folder
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// 哪一份备份（blindspot-时间 文件夹） · which backup, a folder named blindspot-TIME
    #[arg(long)]
    from: PathBuf,
    /// 新的数据文件夹，必须是空的 · the new data folder; must be empty
    #[arg(long)]
    data: PathBuf,
    /// 照片恢复到哪里：disk，或 s3://桶/前缀?endpoint=... · where photos go: disk, or s3://bucket/prefix?endpoint=...
    #[arg(long, default_value = "disk")]
    blobs: String,
    /// 不逐张核对照片内容 · do not read every photo first
    #[arg(long)]
    quick: bool,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup`.
pub(crate) fn run(args: &Args) -> Done {
    let folder = Folder::existing(&args.data)?;
    let order = Order {
        data: &args.data,
        to: &args.to,
        keep: args.keep,
        keep_days: args.keep_days,
        verify_blobs: args.verify_blobs,
    };
    let bars = Bars::new(args.json);
    let made = backup::make(&folder.store, &folder.city, &order, wall_ms(), &mut showing(&bars));
    bars.clear();
    folder.close()?;
    let made = made.tried("没有备份成", "no backup was made")?;
    let missing = made.manifest.missing.len();
    answer(args.json, &made, || {
        let m = &made.manifest;
        format!(
            "备份好并核对过了 backed up and verified: {}\n操作 ops {} · 案件 cases {} · 照片 photos {}（新 new {}） · 数据库 database {} MB\n\
             里面有服务器密钥 secret.key（0600），请像数据本身一样保管\nit holds the server's key (0600): guard it like the data itself",
            made.folder.display(),
            m.counts.ops,
            m.counts.cases,
            m.blobs,
            made.new_blobs,
            m.db_bytes / 1_000_000,
        )
    })?;
    if missing > 0 {
        return Err(Failure::new(
            format!("备份里缺 {missing} 张照片，数据文件夹里也没有；用 blindspot verify blobs 查看"),
            format!(
                "{missing} photos are missing in it, and in the data folder too; see `blindspot verify blobs`"
            ),
        ));
    }
    Ok(())
}

/// Runs `restore`.
pub(crate) fn run_restore(args: &RestoreArgs) -> Done {
    let photos = Place::parse(&args.blobs).tried("照片位置写错了", "the place of photos is not one")?;
    let bars = Bars::new(args.json);
    let done =
        restore::restore(&args.from, (&args.data, &photos), !args.quick, wall_ms(), &mut showing(&bars));
    bars.clear();
    let done = done.tried("没有恢复", "nothing was restored")?;
    answer(args.json, &done, || {
        let minutes = done.behind_ms / 60_000;
        let (hours, rest) = (minutes / 60, minutes % 60);
        format!(
            "恢复好了 restored into {}\n备份落后 {hours} 小时 {rest} 分钟；这段时间的内容等手机重新送来\n\
             the backup is {hours} h {rest} min behind; what came in since is offered again by phones\n\
             新纪元 new epoch {} · 短号已跳过 {} 个 every number people have seen jumps by {}\n\
             {}{}下一步 next: blindspot verify audit|blobs|digests --data ..., blindspot serve --data ...",
            args.data.display(),
            done.epoch,
            done.jump,
            done.jump,
            noted(done.noted),
            erased(done.erased),
        )
    })
}

/// That another restore from the same backups would give the same numbers.
fn noted(noted: bool) -> &'static str {
    if noted {
        return "";
    }
    "备份文件夹写不进去，这次恢复没有记下；再从这里恢复，短号会与这次之后发出的重复。请把备份放到能写的盘上再恢复\n\
     the backups' folder takes no note of this restore: another one from there would give the numbers again that are\n\
     given from now on; put the backups on a disk that can be written before you restore from them again\n"
}

/// What the backup was older than.
fn erased(lines: usize) -> String {
    if lines == 0 {
        return String::new();
    }
    format!(
        "备份早于 {lines} 条依法删除，已重新执行 erasures after the backup were carried out again, lines: {lines}\n"
    )
}

/// One bar, renamed at each stage.
fn showing(bars: &Bars) -> impl FnMut(Stage, u64, u64) + '_ {
    let mut shown: Option<(Stage, ProgressBar)> = None;
    move |stage, done, all| {
        if shown.as_ref().is_none_or(|(s, _)| *s != stage) {
            let name = match stage {
                Stage::Database => "数据库 database",
                Stage::Blobs => "照片 photos",
                Stage::Verify => "核对 verify",
            };
            shown = Some((stage, bars.bar(name, all)));
        }
        if let Some((_, bar)) = &shown {
            bar.set_length(all);
            bar.set_position(done);
        }
    }
}
