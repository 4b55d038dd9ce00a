//! `blindspot-bench`: what a server carries on this machine, each work beside a limit of the machine itself that
//! was measured in the same run on the same disk. The server is a process of its own; the generator shares its cores.
//!
//! Measures and says; judges nothing, and no test depends on its figures.

mod child;
mod ground;
mod growth;
mod limits;
mod load;
mod phone;
mod push;
mod report;
mod sync;
mod uploads;
mod wire;

use clap::{Parser, Subcommand};
use report::{Line, Report};
use std::path::PathBuf;
use std::process::ExitCode;

/// Errors end a measurement: there is nobody to recover for.
pub(crate) type Failed = Box<dyn std::error::Error>;

/// 压测：推送、拉取、照片、重复推送、数据增长 · what a server carries on this machine
#[derive(Debug, Parser)]
#[command(name = "blindspot-bench", version)]
struct Args {
    #[command(subcommand)]
    work: Work,
    /// 每项一行 JSON · a JSON line a work
    #[arg(long, global = true)]
    json: bool,
    /// 数据放在这个文件夹（要测的磁盘）· where data goes: the disk to be measured; a temporary folder by default
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
    /// 随机种子 · seed of all made data
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// 重复次数，报最小、中位、最大 · runs of W1; minimum, median and maximum are told
    #[arg(long, global = true, default_value_t = 3)]
    runs: usize,
    /// 「growth」的大城案件数 · cases of the large city in `growth`
    #[arg(long, global = true, default_value_t = 1_000_000)]
    cases: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Work {
    /// 除 growth 外全部 · all but growth
    All,
    /// 50 部手机推送 · 50 phones push: 200 a push, 20 a push, one by one; then W4
    W1,
    /// 首次同步与增量 · first sync of 10,000 case rows, and deltas of 20
    W2,
    /// 上传照片 · 200 uploads of 2 MB by 8 phones
    W3,
    /// W1 的推送再来一遍 · W1's pushes again
    W4,
    /// 一万件与一百万件案件时的开销 · cost at 10,000 and at 1,000,000 cases
    Growth,
    /// The server under measurement; started by the others.
    #[command(hide = true)]
    Server {
        /// Its folder is `--dir`; stops when its input ends.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("压测中断 the measurement broke off: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Failed> {
    if let Work::Server { port } = args.work {
        let dir = args.dir.as_deref().ok_or("--dir is needed")?;
        return child::serve(dir, port);
    }
    let root = match &args.dir {
        Some(dir) => tempfile::Builder::new().prefix("bench").tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let mut report = Report::new(args.json);
    let wants = |work: Work| args.work == work || (args.work == Work::All && work != Work::Growth);
    if wants(Work::W1) || wants(Work::W4) {
        push::run(root.path(), args.seed, args.runs, args.work, &mut report)?;
    }
    if wants(Work::W2) {
        sync::run(root.path(), args.seed, &mut report)?;
    }
    if wants(Work::W3) {
        uploads::run(root.path(), args.seed, &mut report)?;
    }
    if wants(Work::Growth) {
        growth::run(root.path(), args.seed, args.cases, &mut report)?;
    }
    report.end();
    Ok(())
}

impl Work {
    fn wants(self, other: Work) -> bool {
        self == other || self == Work::All
    }
}

/// A line with the figures that every work has.
fn line(work: &'static str) -> Line {
    Line { work, ..Line::default() }
}
