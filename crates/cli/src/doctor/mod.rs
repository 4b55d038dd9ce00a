//! `blindspot doctor`: what will not work here and why, in plain words. Changes nothing.

mod database;
mod files;
mod network;
mod photos;

use crate::clock::{boot_id, boot_ms, wall_ms};
use crate::config::Settings;
use crate::out::{Done, Failure, answer};
use serde::Serialize;

/// 检查环境 · check the surroundings
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// 一行 JSON · one line of JSON
    #[arg(long)]
    json: bool,
}

/// How a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Weight {
    Good,
    Note,
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    weight: Weight,
    zh: String,
    en: String,
}

fn finding(what: &'static str, weight: Weight, zh: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding { what, weight, zh: zh.into(), en: en.into() }
}

fn good(what: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Finding {
    finding(what, Weight::Good, zh, en)
}

fn note(what: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Finding {
    finding(what, Weight::Note, zh, en)
}

fn bad(what: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Finding {
    finding(what, Weight::Bad, zh, en)
}

/// Runs the command; fails when something will not work.
pub(crate) fn run(args: &Args) -> Done {
    let (config, logs, faults) = args.settings.find().judged();
    let mut all: Vec<Finding> = faults.into_iter().map(|(zh, en)| bad("settings", zh, en)).collect();
    all.extend(files::all(&config));
    all.extend(database::all(&config));
    all.extend(photos::all(&config));
    all.extend([clock(), boot()]);
    all.extend(network::all(&config));
    if logs.keep_days < 180 {
        all.push(note("logs", "日志保留不到 180 天", "logs are kept for less than 180 days"));
    }
    all.push(photos::outbound(&config));
    answer(args.json, &all, || {
        let sign = |w| match w {
            Weight::Good => "好  ok  ",
            Weight::Note => "注意 note",
            Weight::Bad => "不行 BAD ",
        };
        all.iter().map(|f| format!("{}  {}\n           {}\n", sign(f.weight), f.zh, f.en)).collect()
    })?;
    if all.iter().any(|f| f.weight == Weight::Bad) {
        return Err(Failure::new("有不行的地方，见上", "something will not work; see above"));
    }
    Ok(())
}

fn clock() -> Finding {
    /// 2025-01-01 and 2100-01-01: outside, a clock was never set.
    const SANE: std::ops::Range<i64> = 1_735_689_600_000..4_102_444_800_000;
    if SANE.contains(&wall_ms()) {
        good("clock", "系统时间合理", "the clock looks sane")
    } else {
        bad(
            "clock",
            "系统时间明显不对；期限按服务器时间计算，请先对时",
            "the clock is far off; deadlines run on it: set it first",
        )
    }
}

fn boot() -> Finding {
    if boot_id().is_some() && boot_ms().is_some() {
        good("boot", "能读开机编号和含休眠的时钟", "boot id and a clock that counts sleep are there")
    } else {
        note(
            "boot",
            "没有开机编号：本机当手机用时，拍摄时间只能按系统时间估计",
            "no boot id: used as a phone, capture times here are estimated from the wall clock",
        )
    }
}
