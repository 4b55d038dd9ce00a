//! `blindspot export`: lists of cases as files, on the data folder, alone or beside a running server. Somebody's: what that
//! person may not see does not stand in them.

use crate::args::OnFolder;
use crate::case_args::CaseArgs;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use blindspot_core::CaseId;
use blindspot_server::auth::sessions;
use blindspot_server::blob::Depot;
use blindspot_server::service::sheets::cases_out::{self, Format};
use blindspot_server::service::sheets::month_out::month_file;
use blindspot_server::service::sheets::rectification_out::{self, Asked};
use blindspot_server::service::sheets::{Made, dossier};
use blindspot_server::service::{Credential, House, people};
use clap::Subcommand;
use serde_json::json;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// 导出 · export
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 整改清单 XLSX，可填好再导入 · a 整改清单, to be filled in and brought back
    Rectification {
        #[command(flatten)]
        to: To,
        #[command(flatten)]
        filter: CaseArgs,
        /// 带照片，最多 2000 件 · with photos, at most 2,000 cases
        #[arg(long)]
        photos: bool,
    },
    /// 案件列表 XLSX、CSV、GeoJSON · the list of cases
    Cases {
        #[command(flatten)]
        to: To,
        #[command(flatten)]
        filter: CaseArgs,
        /// 格式，不写就看文件名 · xlsx, csv, geojson; by the file's name when left out
        #[arg(long)]
        format: Option<String>,
    },
    /// 本人的月报 XLSX、CSV · one's own month
    Month {
        #[command(flatten)]
        to: To,
        /// 月份，如 2026-11 · month; this one when left out
        #[arg(long)]
        month: Option<String>,
    },
    /// 一件案件的案卷 XLSX · the dossier of one case
    Dossier {
        #[command(flatten)]
        to: To,
        /// 案件编号 · the case's id
        #[arg(long)]
        case: CaseId,
    },
}

/// Where it goes, and whose view it is.
#[derive(Debug, clap::Args)]
struct To {
    /// 写到哪个文件 · file to write
    #[arg(long)]
    out: PathBuf,
    /// 以谁的身份（登录名）· whose view: a login
    #[arg(long = "as", value_name = "NAME")]
    name: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    Folder::working(&args.on.data, |house| act(house, args))
}

fn act(house: &House, args: &Args) -> Done {
    let bars = Bars::new(args.on.json);
    let bar = bars.bar("行 lines", 0);
    let progress = |n: usize| bar.set_position(n as u64);
    let scratch = args.on.data.as_path();
    let depot = Depot::open(scratch).tried("照片库打不开", "the photos cannot be opened")?;
    let (to, made) = match &args.what {
        What::Rectification { to, filter, photos } => {
            let query = filter.query();
            let asked =
                Asked { query: &query, photos: *photos, scratch, progress: &progress, now_ms: wall_ms() };
            (
                to,
                whose(house, &to.name, |who| {
                    rectification_out::rectification(house, &depot, who, asked)
                        .tried("没有导出", "not exported")
                }),
            )
        }
        What::Cases { to, filter, format } => {
            let (query, format) = (filter.query(), format_of(format.as_deref(), &to.out)?);
            let asked =
                cases_out::Asked { query: &query, format, scratch, progress: &progress, now_ms: wall_ms() };
            (
                to,
                whose(house, &to.name, |who| {
                    cases_out::cases(house, who, asked).tried("没有导出", "not exported")
                }),
            )
        }
        What::Month { to, month } => {
            let format = format_of(None, &to.out)?;
            let make = |who| {
                month_file(house, who, month.as_deref(), format, scratch, wall_ms())
                    .tried("没有导出", "not exported")
            };
            (to, whose(house, &to.name, make))
        }
        What::Dossier { to, case } => (
            to,
            whose(house, &to.name, |who| {
                dossier::dossier(house, &depot, who, *case, scratch, wall_ms())
                    .tried("没有导出", "not exported")
            }),
        ),
    };
    bars.clear();
    let made = made?;
    let (rows, bytes) = (made.rows, made.length);
    keep(made, &to.out)?;
    let shown = to.out.display().to_string();
    answer(args.on.json, &json!({"out": shown, "rows": rows, "bytes": bytes}), || {
        format!("{shown}：{rows} 行 lines，{bytes} 字节 bytes")
    })
}

/// The format that is named, or that the file's name says.
fn format_of(named: Option<&str>, out: &Path) -> Done<Format> {
    let word = named.or_else(|| out.extension().and_then(|e| e.to_str()));
    let wrong = || Failure::new("格式是 xlsx、csv 或 geojson", "a format is xlsx, csv or geojson");
    word.map_or(Some(Format::Xlsx), Format::parse).ok_or_else(wrong)
}

/// Acts as somebody, at a desk that is closed again.
pub(crate) fn whose<T>(house: &House, login: &str, work: impl FnOnce(Credential) -> Done<T>) -> Done<T> {
    let person = people::find_person(house, login)
        .map_err(|_| Failure::new(format!("没有登录名 {login}"), format!("nobody has the login {login}")))?;
    let desk = sessions::seat(house, person, wall_ms()).tried("没有办成", "not done")?;
    let done = work(desk);
    sessions::end_desk(house, desk, wall_ms()).tried("没有收尾", "not ended in order")?;
    done
}

/// Puts a file in its place, whole or not at all.
fn keep(mut made: Made, out: &Path) -> Done {
    let unfinished = out.with_extension("unfinished");
    let mut write = || -> io::Result<()> {
        let mut file = File::create(&unfinished)?;
        io::copy(&mut made.file, &mut file)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, out)
    };
    write().tried("文件写不了", "the file cannot be written")
}
