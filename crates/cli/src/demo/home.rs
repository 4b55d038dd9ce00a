//! The demo's data folder: made anew, and only ever taken away when a former demo made it.

use crate::out::{Done, Failure, Tried as _};
use std::io::ErrorKind;
use std::path::Path;

/// A file that says: this folder may be replaced.
const MARK: &str = ".blindspot-demo";

/// Empties a former demo's folder or makes a new one; a folder of somebody else is left alone.
pub(crate) fn fresh(data: &Path) -> Done {
    match std::fs::read_dir(data) {
        Ok(mut entries) => {
            let ours = data.join(MARK).is_file();
            if !ours && entries.next().is_some() {
                let shown = data.display();
                return Err(Failure::new(
                    format!("{shown} 不是演示文件夹，里面有别的东西；请用 --data 指定别处"),
                    format!("{shown} holds something that no demo made; name another folder with --data"),
                ));
            }
            if ours {
                std::fs::remove_dir_all(data).tried("清不掉上次的演示", "cannot remove the former demo")?;
            }
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e).tried("读不了数据文件夹", "cannot read the data folder"),
    }
    std::fs::create_dir_all(data).tried("建不了数据文件夹", "cannot make the data folder")?;
    let text = "净格演示数据，可随时删除。Data of a Blindspot demo; the next demo replaces this folder.\n";
    std::fs::write(data.join(MARK), text).tried("写不了数据文件夹", "cannot write into the data folder")
}

/// Writes a file that its owner alone can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Done {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written =
        options.open(path).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.tried("写不了文件", "cannot write a file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_demo_is_replaced_and_a_foreign_folder_is_not() {
        let root = std::env::temp_dir().join(format!("blindspot-demo-home-{}", std::process::id()));
        let data = root.join("净格 demo");
        fresh(&data).expect("a new folder is made");
        std::fs::write(data.join("old"), "x").expect("the folder can be written");
        fresh(&data).expect("our own folder is replaced");
        assert!(!data.join("old").exists());
        std::fs::remove_file(data.join(MARK)).expect("the mark is there");
        std::fs::write(data.join("letters.txt"), "x").expect("the folder can be written");
        assert!(fresh(&data).is_err());
        assert!(data.join("letters.txt").exists());
        std::fs::remove_dir_all(root).expect("the test's own folder");
    }
}
