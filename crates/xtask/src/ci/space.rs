//! Room on the disk: a build that stops half-way for want of space says nothing useful. Asks `df`; must not know what
//! fills the disk.

use crate::shell;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The build with its tests, the simulator and a demo's data.
const FREE_GB_MIN: u64 = 12;
const KB_PER_GB: u64 = 1024 * 1024;

/// Whether the build folder's disk has room; prints why when not.
pub(crate) fn enough(root: &Path) -> bool {
    let folder = build_folder(root);
    let free_kb = shell::capture(Command::new("df").arg("-Pk").arg(&folder)).and_then(|ran| {
        free_kb(&ran.stdout)
            .ok_or_else(|| format!("`df -Pk {}` answered: {}{}", folder.display(), ran.stdout, ran.stderr))
    });
    match free_kb {
        Ok(kb) if kb >= FREE_GB_MIN * KB_PER_GB => {
            println!("{} GB free", kb / KB_PER_GB);
            true
        }
        Ok(kb) => {
            println!(
                "only {:.1} GB free where the build goes ({}); the whole check needs {FREE_GB_MIN} GB. \
                 Free some (`cargo clean` empties the build folder) or set CARGO_TARGET_DIR to a larger disk.",
                kb as f64 / KB_PER_GB as f64,
                folder.display()
            );
            false
        }
        Err(error) => {
            println!("cannot tell the free space: {error}");
            false
        }
    }
}

/// The nearest existing folder of the build's output.
pub(crate) fn build_folder(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.ancestors().find(|p| p.exists()).map_or_else(|| root.to_path_buf(), Path::to_path_buf)
}

/// Fourth column of the last line of POSIX `df`; a mount point with spaces comes after it.
fn free_kb(df: &str) -> Option<u64> {
    df.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_column_is_read() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        assert_eq!(
            free_kb(&format!("{head}/dev/vda 263899640 12582912 83886080 13% /a b\n")),
            Some(83_886_080)
        );
        assert_eq!(free_kb(head), None);
        assert_eq!(free_kb(""), None);
    }
}
