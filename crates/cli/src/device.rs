//! `blindspot device`: the phones that are enrolled, and ending one.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Tried as _, answer};
use crate::table;
use blindspot_core::DeviceId;
use blindspot_server::service::people::Actor;
use blindspot_server::service::{House, devices};
use clap::Subcommand;
use serde_json::json;

/// 手机 · phones
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 列出手机 · list phones
    List,
    /// 停用手机；手机里没交的内容不会丢 · end a phone; what it has not sent stays on it
    Revoke {
        /// 手机编号，见 list · its id, see `list`
        device: DeviceId,
    },
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    let folder = Folder::existing(&args.on.data)?;
    act(&folder, args)?;
    folder.close()
}

fn act(house: &House, args: Args) -> Done {
    match args.what {
        What::List => {
            let all = devices::list_devices(house, wall_ms()).tried("列不出手机", "cannot list phones")?;
            answer(args.on.json, &all, || {
                let row = |d: &devices::DeviceView| {
                    vec![
                        d.device_id.to_string(),
                        d.label.clone(),
                        d.state.to_owned(),
                        d.last_seen_ms.map_or_else(|| "-".to_owned(), |at| ago(wall_ms() - at)),
                        unsent(d),
                        d.received_through.to_string(),
                        d.app.clone(),
                    ]
                };
                let rows: Vec<_> = all.iter().map(row).collect();
                let head = [
                    "编号 id",
                    "名称 label",
                    "状态 state",
                    "最近 seen",
                    "未交 unsent",
                    "已收 received",
                    "应用 app",
                ];
                table::text(&head, &rows)
            })
        }
        What::Revoke { device } => {
            devices::revoke_device(house, Actor::Cli, device, wall_ms()).tried("停用失败", "not revoked")?;
            answer(args.on.json, &json!({"revoked": device}), || format!("已停用 revoked: {device}"))
        }
    }
}

/// What is still on the phone, as it last said; marked when it has been there for hours.
fn unsent(d: &devices::DeviceView) -> String {
    let (Some(ops), Some(photos)) = (d.unsent_ops, d.unsent_photos) else { return "?".to_owned() };
    let since = d.unsent_since_ms.map_or_else(String::new, |at| format!(" · {}", ago(wall_ms() - at)));
    let mark = if d.unsent_late { " !" } else { "" };
    format!("{ops} + {photos} 照片{since}{mark}")
}

fn ago(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    match minutes {
        0 => "刚才 now".to_owned(),
        1..120 => format!("{minutes} 分 min"),
        120..2_880 => format!("{} 小时 h", minutes / 60),
        _ => format!("{} 天 d", minutes / 1_440),
    }
}
