//! `blindspot migrate`: moves the database of a data folder to a PostgreSQL server while phones go on.
//!
//! Copies while the server runs, then waits until it is stopped, brings over what came since, compares both, and marks
//! the folder. Run again after it was cut off, it goes on.

use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use blindspot_core::id::CityId;
use blindspot_server::database::{Database, ELSEWHERE, FILE, MOVED, note_city};
use blindspot_store::move_house::{Compared, Move, Round};
use blindspot_store::{Options, Store, StoreError, accounts};
use serde_json::json;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rounds beside a running server: each has less to do than the one before.
const ROUNDS: u32 = 5;
/// So few rows are brought over in a moment: then the server may stop.
const FEW: u64 = 2_000;

/// 把内置数据库搬到 PostgreSQL，服务器只停一小会儿 · move the database to PostgreSQL; the server stops for a moment only
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 数据文件夹 · data folder
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 目标 postgres:// 地址，不含口令 · where to: postgres://, without a password
    #[arg(long)]
    to: String,
    /// 口令文件；也可用环境变量 PGPASSWORD · file with the password; PGPASSWORD does it, too
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// 最多等几秒让服务器停下 · seconds to wait for the server to be stopped
    #[arg(long, default_value_t = 600)]
    wait_s: u64,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    if crate::config::has_password(&args.to) {
        return Err(Failure::new(
            "口令不能写在命令行里；请用 --password-file 或 PGPASSWORD",
            "a password on the command line is seen by others: use --password-file or PGPASSWORD",
        ));
    }
    let file = args.data.join(FILE);
    if !file.is_file() {
        return Err(Failure::new(
            "这个文件夹里没有内置数据库（可能已经搬走）",
            "this folder has no database of its own; it may have been moved already",
        ));
    }
    let Database::Postgres(to) = crate::config::database(&args.to, args.password_file.as_deref())
        .map_err(|(zh, en)| Failure::new(zh, en))?
    else {
        return Err(Failure::new("目标不是 PostgreSQL", "the target is no PostgreSQL"));
    };
    let shown = to.shown();
    let moving = Move::open(&file, *to).tried("打不开两边的数据库", "cannot open both databases")?;
    if !moving.is_ours().tried("看不了目标", "cannot look at the target")? {
        return Err(Failure::new(
            "目标数据库里已有一个同编号的别的城市；请换一个数据库",
            "the target holds another city of this id: name another database",
        ));
    }
    let bars = Bars::new(args.json);
    let said = |words: &str| bars.line(words);
    let (mut copied, mut rounds) = (0, 0);
    loop {
        let round =
            bring(&moving, &bars).tried("复制中断，可再次运行继续", "the copy broke off; run it again")?;
        copied += round.rows_copied;
        rounds += 1;
        said(&format!("第 {rounds} 轮 round: {} / {}", round.rows_copied, round.rows_read));
        if round.rows_copied + round.rows_removed < FEW || rounds == ROUNDS {
            break;
        }
    }
    let lock = wait_for_stop(&args.data, Duration::from_secs(args.wait_s), &said)?;
    let began = Instant::now();
    let emptied = Store::open(&file, Options::default()).and_then(|store| {
        store.empty_wal()?;
        store.read(accounts::load_only_city)
    });
    let city = emptied.tried("关不好旧数据库", "the old database cannot be closed")?;
    let last = bring(&moving, &bars).tried("最后一轮中断", "the last round broke off; run it again")?;
    copied += last.rows_copied;
    let tables = moving.compare().tried("核对中断", "comparing broke off; run it again")?;
    let equal = tables.iter().all(|t| t.equal);
    drop(moving);
    if equal {
        settle(&args.data, &shown, city.map(|c| c.city))
            .tried("标记没写好", "the folder could not be marked")?;
    }
    let cutover_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    drop(lock);
    tell(args.json, copied, &tables, cutover_ms, &shown)
}

/// One round, with a bar of its tables.
fn bring(moving: &Move, bars: &Bars) -> Result<Round, StoreError> {
    let bar = bars.bar("表 tables", moving.tables() as u64);
    let round = moving.round(&mut |table, rows| {
        bar.inc(1);
        bar.set_message(format!("{table} {rows}"));
    });
    bar.finish_and_clear();
    round
}

fn tell(as_json: bool, copied: u64, tables: &[Compared], cutover_ms: u64, shown: &str) -> Done {
    let equal = tables.iter().all(|t| t.equal);
    let rows: u64 = tables.iter().map(|t| t.rows[0]).sum();
    let value = json!({
        "rows_copied": copied, "rows": rows, "digests_equal": equal, "cutover_ms": cutover_ms, "to": shown,
        "tables": tables,
    });
    answer(as_json, &value, || {
        format!(
            "搬好了 moved: {rows} 行 rows, 停机 stopped for {cutover_ms} ms\n\
             启动 start: blindspot serve --database {shown}\n旧库留作 the old one is kept as {MOVED}\n"
        )
    })?;
    if equal {
        return Ok(());
    }
    let odd: Vec<&str> = tables.iter().filter(|t| !t.equal).map(|t| t.table.as_str()).collect();
    Err(Failure::new(
        format!("两边不一致：{}；旧库没有动，请再次运行", odd.join(" ")),
        format!("they differ in {}; the old one is untouched, run it again", odd.join(" ")),
    ))
}

/// The folder's lock, once its server has let go of it.
fn wait_for_stop(data: &Path, most: Duration, said: &dyn Fn(&str)) -> Done<File> {
    let open = || File::options().create(true).truncate(false).write(true).open(data.join("lock"));
    let lock = open().tried("打不开锁", "cannot open the lock")?;
    let began = Instant::now();
    let mut asked = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(e)) => return Err(Failure::new("锁不了", e.to_string())),
            Err(TryLockError::WouldBlock) if began.elapsed() > most => {
                return Err(Failure::new(
                    "服务器一直没停；停下后再次运行即可继续",
                    "the server was not stopped in time; run it again, it goes on",
                ));
            }
            Err(TryLockError::WouldBlock) => {
                if !asked {
                    said("已复制完，请现在停下服务器 copied: stop the server now");
                    asked = true;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// From now on the folder's database is elsewhere. The mark comes first: whoever starts between both is told to look there.
fn settle(data: &Path, shown: &str, city: Option<CityId>) -> std::io::Result<()> {
    if let Some(city) = city {
        note_city(data, &city)?;
    }
    let mark = data.join(ELSEWHERE);
    fs::write(&mark, format!("{shown}\n"))?;
    File::open(&mark)?.sync_all()?;
    fs::rename(data.join(FILE), data.join(MOVED))?;
    for rest in ["blindspot.db-wal", "blindspot.db-shm"] {
        match fs::remove_file(data.join(rest)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    File::open(data)?.sync_all()
}
