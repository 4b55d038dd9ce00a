//! `blindspot doctor`: what will not work here and why, in plain words. Changes nothing.

use crate::clock::{boot_id, boot_ms, wall_ms};
use crate::out::{Done, Failure, answer};
use blindspot_store::Store;
use serde::Serialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// 检查环境 · check the surroundings
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 数据文件夹 · data folder
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 打算监听的地址 · the address the server is to listen on
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,
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

/// Runs the command; fails when something will not work.
pub(crate) fn run(args: &Args) -> Done {
    let mut all = vec![space(&args.data), sqlite(), rights(&args.data), clock(), boot(), lan(args.listen)];
    all.extend(key(&args.data));
    all.push(finding("outbound", Weight::Good, "不连接任何外部主机", "outbound hosts: none"));
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

/// The nearest folder that exists: a data folder may not be made yet.
fn existing(data: &Path) -> PathBuf {
    let here = Path::new(".");
    data.ancestors().find(|p| p.is_dir()).filter(|p| !p.as_os_str().is_empty()).unwrap_or(here).to_owned()
}

fn space(data: &Path) -> Finding {
    let output = Command::new("df").arg("-Pk").arg(existing(data)).env("LC_ALL", "C").output();
    let free_mb = output.ok().and_then(|o| free_mb(&String::from_utf8_lossy(&o.stdout)));
    match free_mb {
        None => finding("space", Weight::Note, "看不到剩余空间", "free space cannot be told"),
        Some(mb) if mb < 1_024 => finding(
            "space",
            Weight::Bad,
            format!("只剩 {mb} MB；照片每张约 1 MB，请腾出空间"),
            format!("only {mb} MB free; a photo takes about 1 MB: make room"),
        ),
        Some(mb) => finding("space", Weight::Good, format!("剩余 {mb} MB"), format!("{mb} MB free")),
    }
}

fn free_mb(df: &str) -> Option<u64> {
    df.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kb| kb / 1_024)
}

fn sqlite() -> Finding {
    let min = blindspot_store::MIN_SQLITE;
    let least = format!("{}.{}.{}", min / 1_000_000, min / 1_000 % 1_000, min % 1_000);
    match Store::open_in_memory() {
        Ok(_) => finding(
            "sqlite",
            Weight::Good,
            format!("内置 SQLite 不低于 {least}"),
            format!("the built-in SQLite is {least} or newer"),
        ),
        Err(e) => finding(
            "sqlite",
            Weight::Bad,
            format!("SQLite 不能用：{e}"),
            format!("SQLite cannot be used: {e}"),
        ),
    }
}

fn rights(data: &Path) -> Finding {
    let folder = existing(data);
    let probe = folder.join(format!(".blindspot-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    let shown = folder.display();
    match written {
        Ok(()) => {
            finding("rights", Weight::Good, format!("能写入 {shown}"), format!("{shown} can be written"))
        }
        Err(e) => finding(
            "rights",
            Weight::Bad,
            format!("写不了 {shown}：{e}；请换文件夹或改权限"),
            format!("{shown} cannot be written: {e}; change its rights or name another folder"),
        ),
    }
}

#[cfg(unix)]
fn key(data: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = std::fs::metadata(data.join("secret.key")).ok()?;
    let mode = meta.permissions().mode() & 0o777;
    Some(if mode & 0o077 == 0 {
        finding("key", Weight::Good, "密钥文件只有本用户可读", "the key file is its owner's alone")
    } else {
        finding(
            "key",
            Weight::Bad,
            format!("密钥文件 secret.key 的权限是 {mode:o}，别人也能读；请 chmod 600"),
            format!("secret.key has mode {mode:o}: others can read it; chmod 600"),
        )
    })
}

#[cfg(not(unix))]
fn key(_data: &Path) -> Option<Finding> {
    None
}

fn clock() -> Finding {
    /// 2025-01-01 and 2100-01-01: outside, a clock was never set.
    const SANE: std::ops::Range<i64> = 1_735_689_600_000..4_102_444_800_000;
    if SANE.contains(&wall_ms()) {
        finding("clock", Weight::Good, "系统时间合理", "the clock looks sane")
    } else {
        finding(
            "clock",
            Weight::Bad,
            "系统时间明显不对；期限按服务器时间计算，请先对时",
            "the clock is far off; deadlines run on it: set it first",
        )
    }
}

fn boot() -> Finding {
    if boot_id().is_some() && boot_ms().is_some() {
        finding(
            "boot",
            Weight::Good,
            "能读开机编号和含休眠的时钟",
            "boot id and a clock that counts sleep are there",
        )
    } else {
        finding(
            "boot",
            Weight::Note,
            "没有开机编号：本机当手机用时，拍摄时间只能按系统时间估计",
            "no boot id: used as a phone, capture times here are estimated from the wall clock",
        )
    }
}

fn lan(listen: IpAddr) -> Finding {
    if listen.is_loopback() {
        finding("http", Weight::Good, "只在本机监听", "listening on this machine only")
    } else {
        finding(
            "http",
            Weight::Note,
            "局域网上用 http：手机浏览器不给摄像头、定位和离线；请在前面放一个 HTTPS 代理",
            "plain http on a LAN: phones' browsers give no camera, no position, no offline work; put an HTTPS proxy in front",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_df() {
        let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100 50 2048000 50% /\n";
        assert_eq!(free_mb(df), Some(2_000));
        assert_eq!(free_mb(""), None);
    }

    #[test]
    fn http_on_a_lan_is_noted_and_loopback_is_good() {
        assert_eq!(lan(IpAddr::from([192, 168, 1, 9])).weight, Weight::Note);
        assert_eq!(lan(IpAddr::from([127, 0, 0, 1])).weight, Weight::Good);
    }

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_its_parent() {
        assert_eq!(existing(Path::new("no/such/folder")), PathBuf::from("."));
    }
}
