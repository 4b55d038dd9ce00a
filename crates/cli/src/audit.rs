//! `blindspot audit export`: the audit log row by row, with the hashes that chain it, for whoever keeps it elsewhere.

use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _};
use blindspot_store::StoreError;
use blindspot_store::audit::{self, AuditRow, ChainedRow};
use clap::ValueEnum;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use time::OffsetDateTime;

/// 审计日志 · the audit log
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// 导出，带哈希链 · write it out with its hashes
    Export(Export),
}

#[derive(Debug, clap::Args)]
struct Export {
    /// 数据文件夹 · data folder
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 格式 · format
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// 从哪天起，2026-11-24（北京时间） · from which day on, Beijing time
    #[arg(long)]
    from: Option<String>,
    /// 到哪天为止，含当天 · to which day, that day included
    #[arg(long)]
    to: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// 一行一个 JSON · a JSON object a line
    Ndjson,
    /// 表格，Excel 能开 · a table that Excel opens
    Csv,
}

/// Beijing is eight hours before UTC all year.
const CIVIL_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    let What::Export(export) = &args.what;
    let from = export.from.as_deref().map(day).transpose()?.unwrap_or(i64::MIN);
    let to = export.to.as_deref().map(day).transpose()?.map_or(i64::MAX, |ms| ms + DAY_MS);
    let folder = Folder::existing(&export.data)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = write(&folder, export.format, from..to, &mut out);
    let written = written.and_then(|()| out.flush().map_err(|e| StoreError::Sql(e.to_string())));
    folder.close()?;
    written.tried("没有导出完", "not all of it was written")
}

fn write(
    folder: &Folder,
    format: Format,
    span: std::ops::Range<i64>,
    out: &mut impl Write,
) -> Result<(), StoreError> {
    if matches!(format, Format::Csv) {
        // The mark by which Excel knows UTF-8.
        put(out, "\u{feff}n,at_ms,actor,action,object,result,detail,prev,hash\n")?;
    }
    folder.store.read(|tx| {
        audit::each(tx, &folder.city, |chained| {
            if !span.contains(&chained.row.act.at_ms) {
                return Ok(());
            }
            let line = match format {
                Format::Ndjson => ndjson(&chained)?,
                Format::Csv => csv_line(&chained)?,
            };
            put(out, &line)
        })
    })
}

fn put(out: &mut impl Write, text: &str) -> Result<(), StoreError> {
    out.write_all(text.as_bytes()).map_err(|e| StoreError::Sql(e.to_string()))
}

fn ndjson(chained: &ChainedRow) -> Result<String, StoreError> {
    let AuditRow { n, act: r } = &chained.row;
    let value = serde_json::json!({
        "n": n, "at_ms": r.at_ms, "actor": r.actor, "action": r.action, "object": r.object, "result": r.result,
        "detail": r.detail, "prev": chained.prev.to_hex(), "hash": chained.hash.to_hex(),
    });
    Ok(serde_json::to_string(&value)? + "\n")
}

fn csv_line(chained: &ChainedRow) -> Result<String, StoreError> {
    let AuditRow { n, act: r } = &chained.row;
    let numbers = [n.to_string(), r.at_ms.to_string()];
    let texts = [&r.actor, &r.action, &r.object, &r.result, &r.detail].map(|text| plain(text));
    let hashes = [chained.prev.to_hex(), chained.hash.to_hex()];
    let mut writer = csv::Writer::from_writer(Vec::new());
    let wrote = writer.write_record(numbers.iter().chain(&texts).chain(&hashes));
    let bytes = wrote
        .map_err(|e| StoreError::Sql(e.to_string()))
        .and_then(|()| writer.into_inner().map_err(|e| StoreError::Sql(e.to_string())))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that Excel would run as a formula is made plain.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}

/// Midnight in Beijing of a day written 2026-11-24, milliseconds since 1970.
fn day(text: &str) -> Done<i64> {
    let parse = || {
        let mut parts = text.splitn(3, '-');
        let year = parts.next()?.parse().ok()?;
        let month = time::Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
        let date = time::Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()?;
        Some(OffsetDateTime::new_utc(date, time::Time::MIDNIGHT).unix_timestamp() * 1_000 - CIVIL_OFFSET_MS)
    };
    parse().ok_or_else(|| {
        Failure::new(
            format!("{text} 不是日期，要写成 2026-11-24"),
            format!("{text} is no date; write it as 2026-11-24"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::wall_ms;
    use crate::folder::City;

    #[test]
    fn days_begin_at_midnight_in_beijing() {
        assert_eq!(day("1970-01-02").expect("a day"), 16 * 3_600_000);
        for bad in ["2026-13-01", "2026-02-30", "yesterday", ""] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_export_chains_and_is_no_formula() {
        let data = std::env::temp_dir().join(format!("blindspot-audit-{}", std::process::id()));
        let folder = Folder::open(&data, Some(City { id: "yiwu", name: "义乌" })).expect("a folder");
        folder
            .store
            .write(|tx| {
                audit::append(tx, &folder.city, wall_ms(), "cli", "tried", "=1+1", "ok", "{}")?;
                audit::append(tx, &folder.city, wall_ms(), "cli", "tried", "b", "ok", "{}")
            })
            .expect("appended");
        let mut lines = Vec::new();
        write(&folder, Format::Ndjson, i64::MIN..i64::MAX, &mut lines).expect("written");
        let rows: Vec<serde_json::Value> = String::from_utf8(lines)
            .expect("text")
            .lines()
            .map(|l| serde_json::from_str(l).expect("JSON"))
            .collect();
        assert!(rows.len() >= 2 && rows.windows(2).all(|w| w[1]["prev"] == w[0]["hash"]));
        let mut table = Vec::new();
        write(&folder, Format::Csv, i64::MIN..i64::MAX, &mut table).expect("written");
        let table = String::from_utf8(table).expect("text");
        assert!(table.contains(",'=1+1,") && table.lines().count() == rows.len() + 1, "{table}");
        let mut none = Vec::new();
        write(&folder, Format::Ndjson, 0..1, &mut none).expect("written");
        assert!(none.is_empty());
        folder.close().expect("closed");
        std::fs::remove_dir_all(&data).expect("the test's own folder");
    }
}
