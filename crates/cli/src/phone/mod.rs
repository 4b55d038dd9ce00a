//! `blindspot phone`: a phone without a screen, on a folder. The replica does the work; this is its host.

mod abort;
mod acts;
mod attach;
mod drill;
mod host;
mod people;
mod unsent;

use crate::out::Done;
use clap::Subcommand;
use std::path::PathBuf;

/// 手机 · a phone
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 手机文件夹 · the phone's folder
    #[arg(long)]
    home: PathBuf,
    /// 几个人合用时：谁 · whose replica, when several people share the phone
    #[arg(long, global = true)]
    person: Option<String>,
    /// 一行 JSON · one line of JSON
    #[arg(long, global = true)]
    json: bool,
    /// 时钟偏差（毫秒），试验用 · how wrong the phone's clock is, for trials
    #[arg(long, global = true, default_value_t = 0, allow_hyphen_values = true)]
    clock_offset_ms: i64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 绑定 · enrol with a one-time code
    Enrol(acts::Enrol),
    /// 上报 · report a blind spot; works without signal
    Report(acts::Report),
    /// 给案件补照片、语音、文档 · add photos, voice notes or documents to a case
    Attach(attach::Attach),
    /// 巡查正常 · looked, and it was clean
    Look(acts::Look),
    /// 留言 · words on a case
    Comment(acts::Comment),
    /// 列出案件 · list cases as this phone sees them
    List,
    /// 同步 · sync
    Sync(acts::Sync),
    /// 合用这台手机的人 · who shares this phone
    People,
    /// 交接班：密码从标准输入读 · hand the phone over; the PIN comes by stdin
    Handover(people::Handover),
    /// 设置密码：从标准输入读 · set a PIN; it comes by stdin
    Pin(people::SetPin),
    /// 导出待上传内容成一个签名的文件 · export unsent work as one signed file
    Export(unsent::Export),
    /// 代别的手机交它导出的文件 · carry a file that another phone exported
    ImportUnsent(unsent::Import),
    /// 状态 · what is unsent, verified, and why
    Status,
    /// Orders on stdin, words on stdout: a phone of the demo.
    #[command(hide = true)]
    Drill,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    let Args { home, person, json, clock_offset_ms, what } = args;
    let at = host::At { home, person, clock_offset_ms };
    match what {
        What::Enrol(enrol) => acts::enrol(&at, &enrol, json),
        What::Report(report) => acts::report(&at, report, json),
        What::Attach(attach) => attach::attach(&at, &attach, json),
        What::Look(look) => acts::look(&at, look, json),
        What::Comment(comment) => acts::comment(&at, comment, json),
        What::List => acts::list(&at, json),
        What::Sync(sync) => acts::sync(&at, &sync, json),
        What::People => people::people(&at, json),
        What::Handover(handover) => people::handover(&at, &handover, json),
        What::Pin(pin) => people::pin(&at, &pin, json),
        What::Export(export) => unsent::export(&at, &export, json),
        What::ImportUnsent(import) => unsent::import(&at, &import, json),
        What::Status => acts::status(&at, json),
        What::Drill => drill::run(&at),
    }
}
