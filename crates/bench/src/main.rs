//! `blindspot-bench`: what a server carries on this machine, each work beside a limit of the machine itself that
//! was measured in the same run on the same disk. The server is a process of its own; the generator shares its cores.
//!
//! Measures and says; judges nothing, and no test depends on its figures.

mod bucket;
mod child;
mod cities;
mod copies;
mod deltas;
mod engine;
mod ground;
mod grown;
mod growth;
mod limits;
mod limits_pg;
mod load;
mod mirror;
mod phone;
mod push;
mod queries;
mod report;
mod site;
mod statements;
mod sync;
mod uploads;
mod wire;

use clap::{Parser, Subcommand};
use engine::Engine;
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
    /// 重复次数，报最小、中位、最大 · runs of W1, of the deltas and of growth on PostgreSQL; minimum, median and maximum are told
    #[arg(long, global = true, default_value_t = 3)]
    runs: usize,
    /// 照片放哪里：temp-s3 自己起一个对象存储（只影响 w3）· where photos go: temp-s3 starts an object store of its own; counts for w3
    #[arg(long, global = true, value_parser = ["disk", "temp-s3"], default_value = "disk")]
    blobs: String,
    /// 数据库：file、temp-pg（自己起一个 PostgreSQL）或 both（两种轮流测）· the database: `file`, `temp-pg` (starts a PostgreSQL server of its own), or `both` in turns; file when nothing is said, both for queries
    #[arg(long, global = true, value_parser = ["file", "temp-pg", "both"])]
    database: Option<String>,
    /// w1 在 PostgreSQL 上用几台服务器；可写几个数，轮流测 · servers on one PostgreSQL in w1; several numbers take turns, as `1,2`
    #[arg(long, global = true, value_delimiter = ',', default_value = "1")]
    servers: Vec<usize>,
    /// PostgreSQL 的设置，可写多次 · a line for PostgreSQL's settings, as `shared_buffers=1GB`; may be given again
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = setting)]
    pg_setting: Vec<(String, String)>,
    /// 另外报出 PostgreSQL 最费时的语句 · also tells the statements that PostgreSQL spent most time on; costs a little
    #[arg(long, global = true)]
    statements: bool,
    /// 案件数。growth（一百万）：SQLite 上一座大城，PostgreSQL 上二十城合计；queries（二十四万）：一座城 · cases: in `growth` (1,000,000) of one large city on SQLite, of 20 cities together on PostgreSQL; in `queries` (240,000) of one city
    #[arg(long, global = true)]
    cases: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Work {
    /// 除 growth 与 queries 外全部 · all but growth and queries
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
    /// 二十四万件案件时列表、搜索、计数、详情的快慢 · lists, search, counters and one case at 240,000 cases
    Queries,
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
    let usual = if args.work == Work::Queries { "both" } else { "file" };
    let database = args.database.as_deref().unwrap_or(usual);
    let engines = Engine::named(database, &args.pg_setting, args.statements)?;
    let apart = |work: Work| matches!(work, Work::Growth | Work::Queries);
    let wants = |work: Work| args.work == work || (args.work == Work::All && !apart(work));
    if wants(Work::W1) || wants(Work::W4) {
        let plan = push::Plan { engines: &engines, servers: &args.servers, runs: args.runs, work: args.work };
        push::run(root.path(), args.seed, &plan, &mut report)?;
    }
    if wants(Work::W2) {
        sync::run(root.path(), args.seed, &engines, &mut report)?;
        deltas::run(root.path(), args.seed, &engines, args.runs, &mut report)?;
    }
    if wants(Work::W3) {
        let s3 = (args.blobs == "temp-s3").then(bucket::Bucket::start).transpose()?;
        for engine in &engines {
            uploads::run(root.path(), args.seed, engine, s3.as_ref(), &mut report)?;
        }
    }
    if wants(Work::Growth) {
        for engine in &engines {
            let how = (args.cases.unwrap_or(1_000_000), args.runs);
            match engine {
                Engine::File => growth::run(root.path(), args.seed, how.0, &mut report)?,
                Engine::Postgres(_) => cities::run(root.path(), args.seed, engine, how, &mut report)?,
            }
        }
    }
    if wants(Work::Queries) {
        queries::run(root.path(), args.seed, &engines, args.cases.unwrap_or(240_000), &mut report)?;
    }
    report.end();
    Ok(())
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("want NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl Work {
    fn wants(self, other: Work) -> bool {
        self == other || self == Work::All
    }
}

/// A line of a work on an engine.
fn line(work: &'static str, engine: &Engine) -> Line {
    Line { work, engine: engine.name(), ..Line::default() }
}
