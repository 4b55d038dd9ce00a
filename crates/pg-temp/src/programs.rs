//! Where PostgreSQL's programs are, and as whom they run.

use crate::{PgError, Result};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What installs the programs on Debian.
pub const INSTALL: &str = "apt-get install -y postgresql";

/// Debian puts each major version into a folder of its number.
const HOME: &str = "/usr/lib/postgresql";

/// PostgreSQL's programs, and the user that they run as.
#[derive(Clone, Debug)]
pub struct Programs {
    bin: PathBuf,
    /// Set when we are root: PostgreSQL refuses to run so.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Looks for the newest installed version.
    ///
    /// # Errors
    /// `Missing` or `NoUser`, each with the command that helps.
    pub fn find() -> Result<Self> {
        let versions = fs::read_dir(HOME).map_err(|_| PgError::Missing)?;
        let newest = versions
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter(|version| Path::new(HOME).join(format!("{version}/bin/initdb")).exists())
            .max()
            .ok_or(PgError::Missing)?;
        let bin = Path::new(HOME).join(format!("{newest}/bin"));
        let user = if rustix::process::getuid().is_root() { Some(user_ids()?) } else { None };
        Ok(Self { bin, user })
    }

    /// A program, to be run as the right user.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        if let Some((uid, gid)) = self.user {
            command.gid(gid).uid(uid);
        }
        // Away from a folder that the user may not read.
        command.current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, name: &str, with: impl FnOnce(&mut Command)) -> Result<()> {
        let mut command = self.command(name);
        with(&mut command);
        let out = command.output()?;
        if out.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        Err(PgError::Program { program: name.to_owned(), said })
    }

    /// Gives a path to that user.
    pub(crate) fn hand_over(&self, path: &Path) -> Result<()> {
        if let Some((uid, gid)) = self.user {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
        }
        Ok(())
    }
}

/// The ids of `postgres`.
fn user_ids() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").map_err(|_| PgError::NoUser)?;
    users
        .lines()
        .filter_map(|line| line.strip_prefix("postgres:"))
        .find_map(|rest| {
            let mut fields = rest.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .ok_or(PgError::NoUser)
}
