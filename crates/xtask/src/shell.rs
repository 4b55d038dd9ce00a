//! Running other programs: inherited, captured, or shown while kept for counting. Must not know which chore asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// What a program left: whether it ended well, and its two streams as text.
pub(crate) struct Ran {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Top of the workspace, from where cargo says this crate lies now (a checkout may have moved since the build).
pub(crate) fn root() -> PathBuf {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let here = PathBuf::from(here);
    here.ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The cargo that started us, so that a pinned toolchain stays pinned.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.current_dir(root);
    command
}

/// Runs with our own streams; false also when the program cannot be started.
pub(crate) fn inherit(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot start {}: {error}", command.get_program().display());
            false
        }
    }
}

/// Runs silently and keeps both streams. `Err` = it could not be started.
pub(crate) fn capture(command: &mut Command) -> Result<Ran, String> {
    let out =
        command.output().map_err(|e| format!("cannot start {}: {e}", command.get_program().display()))?;
    Ok(Ran {
        ok: out.status.success(),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    })
}

/// Runs, shows both streams as they come and keeps them. `Err` = it could not be started.
pub(crate) fn tee(command: &mut Command) -> Result<Ran, String> {
    let name = command.get_program().display().to_string();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start {name}: {e}"))?;
    let stdout = Arc::new(Mutex::new(String::new()));
    let stderr = Arc::new(Mutex::new(String::new()));
    let copies = [
        child.stdout.take().map(|pipe| copy_lines(pipe, Arc::clone(&stdout), std::io::stdout())),
        child.stderr.take().map(|pipe| copy_lines(pipe, Arc::clone(&stderr), std::io::stderr())),
    ];
    let status = child.wait().map_err(|e| format!("lost {name}: {e}"))?;
    for copy in copies.into_iter().flatten() {
        // A reader that panicked has already shown what it read; the exit status still decides.
        let _ = copy.join();
    }
    let take =
        |kept: &Mutex<String>| std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Ran { ok: status.success(), stdout: take(&stdout), stderr: take(&stderr) })
}

fn copy_lines<R, W>(pipe: R, kept: Arc<Mutex<String>>, mut shown: W) -> std::thread::JoinHandle<()>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            // A closed terminal must not stop the count.
            let _ = shown.write_all(&line);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// Whether a program answers `--version`-like arguments; used to prefer one tool over another.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}
