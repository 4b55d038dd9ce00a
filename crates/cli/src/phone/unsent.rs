//! Unsent work as a file: written by one phone, carried by another.

use super::host::{At, Host};
use crate::out::{Done, Failure, Tried as _, answer};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;

/// 导出待上传内容 · export
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// 写到哪个文件（不能已存在） · the file to write, which must not be there yet
    file: PathBuf,
}

/// 代交别人导出的文件 · import
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// 别的手机导出的文件 · a file that another phone exported
    file: PathBuf,
}

/// Writes everything that the server does not have.
pub(super) fn export(at: &At, args: &Export, json: bool) -> Done {
    let mut host = Host::open(at)?;
    while host.seal()? {}
    // Complete before it has its name: half a file must not be taken for a whole one.
    let mut part = args.file.clone().into_os_string();
    part.push(".part");
    if args.file.exists() {
        return Err(Failure::new("文件已存在，换一个名字", "the file is there already: choose another name"));
    }
    let cannot = ("写不了文件", "cannot write the file");
    let out = File::create(&part).tried(cannot.0, cannot.1)?;
    let now = host.now();
    let exported = host.replica.export_unsent(BufWriter::new(&out), &now);
    if exported.is_err() {
        // Half a file is worth nothing and may be all that fills the disk.
        let _ = std::fs::remove_file(&part);
    }
    let exported = exported.tried("导出失败", "cannot export")?;
    out.sync_all().tried(cannot.0, cannot.1)?;
    std::fs::rename(&part, &args.file).tried(cannot.0, cannot.1)?;
    answer(json, &exported, || {
        format!(
            "已导出 exported: {} 条操作 ops, {} 个照片文件 photo files（{} 字节 bytes）；未入内 left out: {} 条未封存 captures, {} 张照片 photos",
            exported.ops,
            exported.photos,
            exported.bytes,
            exported.captures_left,
            exported.photos_left.len()
        )
    })
}

/// Takes on a file for another phone; the next sync hands it in.
pub(super) fn import(at: &At, args: &Import, json: bool) -> Done {
    let mut host = Host::open(at)?;
    let file = File::open(&args.file).tried("打不开文件", "cannot open the file")?;
    let now = host.now();
    let carried = host.replica.carry(BufReader::new(file), &now).tried("没有收下", "not taken on")?;
    answer(json, &carried, || {
        let state = if carried.delivered {
            "服务器已收 delivered"
        } else {
            "下次同步时代交 handed in at the next sync"
        };
        format!("已收下 taken on: {} 字节 bytes，{state}", carried.bytes)
    })
}
