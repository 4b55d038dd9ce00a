//! What the disk and the operating system give: space, rights, the key, file handles.

use super::{Finding, bad, good, note};
use blindspot_server::{ServeConfig, telemetry};
use std::path::{Path, PathBuf};

/// File handles beside connections: database, photos, logs.
const HANDLES_BESIDE: u64 = 256;

/// All findings about files.
pub(super) fn all(config: &ServeConfig) -> Vec<Finding> {
    let data = config.data.as_path();
    let mut found = vec![space(data, config.space_warn_mb), rights(data), handles(config)];
    found.extend(key(data));
    found
}

/// The nearest folder that exists: a data folder may not be made yet.
fn existing(data: &Path) -> PathBuf {
    let here = Path::new(".");
    data.ancestors().find(|p| p.is_dir()).filter(|p| !p.as_os_str().is_empty()).unwrap_or(here).to_owned()
}

fn space(data: &Path, warn_mb: u64) -> Finding {
    let Some(mb) = telemetry::free_bytes(&existing(data)).and_then(|b| u64::try_from(b / 1_000_000).ok())
    else {
        return note("space", "看不到剩余空间", "free space cannot be told");
    };
    if mb < warn_mb {
        bad(
            "space",
            format!("只剩 {mb} MB（低于 {warn_mb}）；照片每张约 1 MB，请腾出空间"),
            format!("only {mb} MB free, below {warn_mb}; a photo takes about 1 MB: make room"),
        )
    } else {
        good("space", format!("剩余 {mb} MB"), format!("{mb} MB free"))
    }
}

fn rights(data: &Path) -> Finding {
    let folder = existing(data);
    let probe = folder.join(format!(".blindspot-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    let shown = folder.display();
    match written {
        Ok(()) => good("rights", format!("能写入 {shown}"), format!("{shown} can be written")),
        Err(e) => bad(
            "rights",
            format!("写不了 {shown}：{e}；请换文件夹或改权限"),
            format!("{shown} cannot be written: {e}; change its rights or name another folder"),
        ),
    }
}

#[cfg(unix)]
fn handles(config: &ServeConfig) -> Finding {
    let wanted = config.connections.most as u64 + HANDLES_BESIDE;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    if limit < wanted {
        note(
            "handles",
            format!(
                "最多能打开 {limit} 个文件，{} 个连接约要 {wanted} 个；请提高 LimitNOFILE",
                config.connections.most
            ),
            format!(
                "{limit} files may be open, {} connections need about {wanted}: raise LimitNOFILE",
                config.connections.most
            ),
        )
    } else {
        good("handles", "打开文件数够用", "enough files may be open")
    }
}

#[cfg(not(unix))]
fn handles(_config: &ServeConfig) -> Finding {
    good("handles", "打开文件数够用", "enough files may be open")
}

#[cfg(unix)]
fn key(data: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = std::fs::metadata(data.join("secret.key")).ok()?;
    let mode = meta.permissions().mode() & 0o777;
    Some(if mode & 0o077 == 0 {
        good("key", "密钥文件只有本用户可读", "the key file is its owner's alone")
    } else {
        bad(
            "key",
            format!("密钥文件 secret.key 的权限是 {mode:o}，别人也能读；请 chmod 600"),
            format!("secret.key has mode {mode:o}: others can read it; chmod 600"),
        )
    })
}

#[cfg(not(unix))]
fn key(_data: &Path) -> Option<Finding> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_its_parent() {
        assert_eq!(existing(Path::new("no/such/folder")), PathBuf::from("."));
        assert_eq!(space(Path::new("no/such/folder"), 0).weight, Weight::Good);
        assert_eq!(space(Path::new("no/such/folder"), u64::MAX).weight, Weight::Bad);
    }
}
