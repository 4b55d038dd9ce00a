//! The demo: a made-up city, a server, five phones as processes, a bad network, an office, and a last block that
//! says whether anything was lost. Every step is the real program; nothing here is acted.

mod child;
mod desk;
mod engines;
mod field;
mod home;
pub(crate) mod month;
mod office;
mod plan;
mod report;
mod setting;
mod verdict;
pub(crate) mod wire;

use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use field::Field;
use setting::Setting;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use verdict::Block;

/// 演示 · the demo
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 数据文件夹 · data folder; a former demo's is replaced, any other is left alone
    #[arg(long, default_value = "demo-data")]
    pub(crate) data: PathBuf,
    /// 打印结果后退出 · end after the last block; 0 only when nothing was lost, doubled or different
    #[arg(long)]
    pub(crate) exit: bool,
    /// 结果以一行 JSON 输出 · one last object instead of words
    #[arg(long)]
    pub(crate) json: bool,
    /// 用文件夹里的真实 JPEG · copies of the JPEG files there instead of drawn photos
    #[arg(long)]
    pub(crate) photos: Option<PathBuf>,
    /// 服务器端口 · port of the server; a free one when not given
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// 不演上个月，只演今天 · without the month before, whose planted truths `verify demo` checks
    #[arg(long)]
    pub(crate) no_month: bool,
    /// 随机种子 · seed of city, photos, plan and network
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// 数据库：file 在文件夹里，temp-pg 自己起一个 PostgreSQL · `file` in the folder, or `temp-pg`, a PostgreSQL server of its own
    #[arg(long, value_parser = ["file", "temp-pg"], default_value = "file")]
    pub(crate) database: String,
    /// 照片：disk 在文件夹里，temp-s3 自己起一个对象存储；两者都用时起两台服务器 · `disk`, or `temp-s3`, an object store of its own; with both
    /// there are two servers
    #[arg(long, value_parser = ["disk", "temp-s3"], default_value = "disk")]
    pub(crate) blobs: String,
    /// 只画样片 · only draw a contact sheet of the photos into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(crate) sheet: Option<PathBuf>,
}

/// Runs the demo.
pub(crate) fn run(args: &Args) -> Done {
    if let Some(file) = &args.sheet {
        let sheet = blindspot_sample::scene::contact_sheet(30);
        return std::fs::write(file, sheet).tried("样片写不出", "cannot write the contact sheet");
    }
    crate::me::become_thrifty();
    let started = Instant::now();
    let bars = Bars::new(args.json);
    bars.line(&format!("净格演示 Blindspot demo · 种子 seed {}", args.seed));
    let setting = Setting::prepare(args, &bars)?;
    let mut field = Field::send_out(&setting, &bars)?;
    field.capture_offline(&setting, &bars)?;
    field.come_back(&setting, &bars)?;
    let desk = desk::Desk::sign_in(&setting.base, &setting.supervisor.login, &setting.supervisor.password)?;
    let bar = bars.bar("主管 supervisor", plan::REPORTS.into());
    let morning = office::work(&desk, &mut |what| {
        bar.inc(1);
        bar.set_message(what.to_owned());
    })?;
    bar.finish_with_message(format!(
        "立案 filed {} · 并案 merged {} · 派遣 dispatched {}",
        morning.filed,
        morning.merged,
        morning.dispatched.len()
    ));
    field.feed_back(&setting, &morning.dispatched, &bars)?;
    field.check(&setting, &desk, &bars)?;
    let block = conclude(&setting, field, &desk, started)?;
    bars.clear();
    let words = block.words();
    std::fs::write(setting.data.join("report.html"), picture(&setting, &desk, &words)?)
        .tried("报告写不出", "cannot write the report")?;
    setting.write_demo_json()?;
    answer(args.json, &block, || words)?;
    if args.exit {
        setting.stop()?;
        return judge(&block);
    }
    stay(setting, args.json)
}

/// Ends the phones and counts.
fn conclude(setting: &Setting, mut field: Field, desk: &desk::Desk, started: Instant) -> Done<Block> {
    field.settle(setting)?;
    let digests = field.digests(setting)?;
    let lost_in_kill = usize::try_from(field.lost_in_kill).unwrap_or(usize::MAX);
    let lasts = field.quit()?;
    let cases = desk.cases()?;
    let ids: Vec<_> = cases.iter().map(|c| c.case_id).filter(|id| !setting.is_of_month(*id)).collect();
    let count = verdict::count(setting.store(), &setting.city_id, &lasts, &ids)?;
    let photos = verdict::photos(desk, &lasts, &ids)?;
    let own_kb = crate::me::peak_kb("self").unwrap_or(0);
    let peaks_kb: Vec<u64> = std::iter::once(own_kb).chain(lasts.iter().map(|l| l.peak_kb)).collect();
    let mb = |kb: u64| (kb as f64 / 1024.0).round();
    Ok(Block {
        acknowledged: count.acknowledged,
        lost: count.lost + lost_in_kill,
        duplicates: count.duplicates + photos.doubled,
        photos_verified: photos.verified,
        photos_total: photos.taken,
        digests_equal: digests.equal,
        seconds: (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        peak_rss_mb: mb(peaks_kb.iter().sum()),
        peak_rss_each_mb: peaks_kb.into_iter().map(mb).collect(),
        seed: setting.seed,
        reports: count.reports,
        feeds_compared: digests.feeds,
        digests: digests.each,
    })
}

fn picture(setting: &Setting, desk: &desk::Desk, words: &str) -> Done<String> {
    let cases = desk.cases()?;
    let mut pairs = Vec::new();
    for case in cases.iter().filter(|c| c.feed_back.is_some()) {
        let detail = verdict::PhotosOf::read(&desk.case(case.case_id)?);
        let (Some(before), Some(after)) = (detail.first("before"), detail.first("after")) else { continue };
        pairs.push(report::Pair {
            title: case.short_no.as_ref().map_or_else(|| case.case_id.to_string(), |n| n.text()),
            state: case.state.zh().to_owned(),
            before: desk.thumbnail(before)?,
            after: desk.thumbnail(after)?,
        });
    }
    Ok(report::page(&setting.city, &cases, &pairs, words))
}

fn judge(block: &Block) -> Done {
    if block.is_sound() {
        return Ok(());
    }
    Err(Failure::new(
        "演示发现丢失、重复或不一致",
        "something was lost, doubled or left different; see the last block",
    ))
}

/// Stays up until Ctrl-C.
fn stay(setting: Setting, quiet: bool) -> Done {
    if !quiet {
        println!("{}", setting.where_to_look());
    }
    let stop = crate::serve::wait_for_signal();
    while !stop.load(std::sync::atomic::Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(100));
    }
    setting.stop()
}
