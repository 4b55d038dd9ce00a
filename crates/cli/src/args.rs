//! The tree of commands. Words only: what they do stands in the module of each.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// 净格 Blindspot：卫生死角巡查的离线优先后端 · offline-first backend for field inspection
#[derive(Debug, Parser)]
#[command(name = "blindspot", version, max_term_width = 100)]
#[command(after_help = "先看一看 try it:   blindspot demo\n自己用   your own:  blindspot serve --data DIR")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes that works on a data folder beside or without a server.
#[derive(Debug, clap::Args)]
pub(crate) struct OnFolder {
    /// 数据文件夹 · data folder
    #[arg(long, global = true, default_value = "blindspot-data")]
    pub(crate) data: PathBuf,
    /// 一行 JSON · one line of JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 启动服务器 · start the server on a data folder
    Serve(crate::serve::Args),
    /// 演示：五部手机离线取证、回网合并 · five phones go offline, come back and merge
    Demo(crate::demo::Args),
    /// 人员与权限 · people and their rights
    User(crate::user::Args),
    /// 手机 · phones
    Device(crate::device::Args),
    /// 待人工处理的操作 · ops that wait for a person
    Quarantine(crate::quarantine::Args),
    /// 通知：机器人、短信，以及发送记录 · notices: robots, SMS, and what was sent
    Notices(crate::notices::Args),
    /// 导入区划、网格、点位、目录、清单 · load divisions, cells, grids, sites, catalogue, lists
    Import(crate::import::Args),
    /// 导出整改清单、案件列表、案卷 · lists of cases and dossiers as files
    Export(crate::export::Args),
    /// 文书：交办单、督办单、整改告知单 · letters to units, shops and persons
    Letters(crate::letters::Args),
    /// 一部没有屏幕的手机 · a headless phone
    Phone(crate::phone::Args),
    /// 检查和显示服务器配置 · check and show the server's settings
    Config(crate::config::Args),
    /// 备份，服务器可以不停 · back up, also while the server runs
    Backup(crate::backup::Args),
    /// 从备份恢复到新文件夹 · bring a backup back into a new folder
    Restore(crate::backup::RestoreArgs),
    /// 纪元：恢复过旧数据库之后开新的一期 · the epoch: a new one after an older database was brought back
    Epoch(crate::epoch::Args),
    /// 照片存放处：数据文件夹或对象存储 · where photos lie: the data folder or a bucket
    Blobs(crate::blobs::Args),
    /// 把内置数据库搬到 PostgreSQL · move the built-in database to a PostgreSQL server
    #[cfg(feature = "postgres")]
    Migrate(crate::migrate::Args),
    /// 审计日志导出 · export the audit log
    Audit(crate::audit::Args),
    /// 核对审计链、照片、摘要 · check audit chain, photo bytes, digests
    Verify(crate::verify::Args),
    /// 用大白话检查环境 · what will not work here, in plain words
    Doctor(crate::doctor::Args),
    /// 列出案件、数在办案件 · lists cases, counts what is open
    List(crate::list::Args),
    /// 时限怎么算 · how deadlines are counted
    Clock(crate::deadline::Args),
    /// 案件怎样流转：谁能做什么、到哪一步 · the life of a case: who may do what, and where it leads
    Workflow {
        /// JSON：全部状态和流转 · JSON: all states and moves
        #[arg(long)]
        json: bool,
    },
    /// 命令补全脚本 · shell completions
    Completions {
        /// bash, zsh, fish ...
        shell: clap_complete::Shell,
    },
    /// Golden vectors of the protocol.
    #[command(hide = true)]
    Vectors {
        /// Compare, write nothing.
        #[arg(long)]
        check: bool,
    },
    /// The description of the HTTP interface, api-spec/openapi.json.
    #[command(hide = true)]
    Openapi {
        /// Compare, write nothing.
        #[arg(long)]
        check: bool,
    },
    /// Every route: method, path, role.
    #[command(hide = true)]
    Routes {
        /// A JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Tables in docs/generated.
    #[command(hide = true)]
    Docs {
        /// Compare, write nothing.
        #[arg(long)]
        check: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_tree_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_shown_command_speaks_chinese_and_english() {
        fn walk(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
                let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
                assert!(about.chars().any(|c| c as u32 > 0x2e80), "{}: {about}", sub.get_name());
                assert!(about.chars().any(|c| c.is_ascii_alphabetic()), "{}: {about}", sub.get_name());
                walk(sub);
            }
        }
        walk(&Cli::command());
    }
}
