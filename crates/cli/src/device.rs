//! `blindspot device`: the phones that are enrolled, and ending one.

use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Tried as _, answer};
use crate::table;
use blindspot_core::DeviceId;
use blindspot_server::service::House;
use blindspot_server::service::people::{self, Actor};
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;

/// 手机 · phones
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 数据文件夹 · data folder
    #[arg(long, global = true, default_value = "blindspot-data")]
    data: PathBuf,
    /// 一行 JSON · one line of JSON
    #[arg(long, global = true)]
    json: bool,
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
    let folder = Folder::existing(&args.data)?;
    act(&folder, args)?;
    folder.close()
}

fn act(house: &House, args: Args) -> Done {
    match args.what {
        What::List => {
            let all = people::list_devices(house).tried("列不出手机", "cannot list phones")?;
            answer(args.json, &all, || {
                let row = |d: &people::DeviceView| {
                    vec![
                        d.device_id.to_string(),
                        d.label.clone(),
                        d.state.to_owned(),
                        d.received_through.to_string(),
                        d.app.clone(),
                    ]
                };
                let rows: Vec<_> = all.iter().map(row).collect();
                table::text(&["编号 id", "名称 label", "状态 state", "已收到 received", "应用 app"], &rows)
            })
        }
        What::Revoke { device } => {
            people::revoke_device(house, Actor::Cli, device, wall_ms()).tried("停用失败", "not revoked")?;
            answer(args.json, &json!({"revoked": device}), || format!("已停用 revoked: {device}"))
        }
    }
}
