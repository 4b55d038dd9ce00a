//! What this process knows of itself: its highest memory use, and how its allocator is set.

use std::process::Command;

/// Settings of the C library's allocator under which memory that a large photo took is given back at once, and
/// not kept by each thread for the next one. Other allocators ignore them.
const THRIFTY: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "1048576"), ("MALLOC_MMAP_THRESHOLD_", "262144")];

/// Sets a command to run thriftily.
pub(crate) fn thrifty(command: &mut Command) -> &mut Command {
    command.envs(THRIFTY)
}

/// Starts this program anew in its place, thriftily, unless it runs so already: the allocator reads its settings
/// only once. When that cannot be done the program goes on as it is, only larger.
pub(crate) fn become_thrifty() {
    #[cfg(unix)]
    if std::env::var_os(THRIFTY[0].0).is_none()
        && let Ok(program) = std::env::current_exe()
    {
        use std::os::unix::process::CommandExt as _;
        let error = thrifty(Command::new(program).args(std::env::args_os().skip(1))).exec();
        eprintln!("注意 note: {error}");
    }
}

/// Highest resident memory of a process, kilobytes; `self` for this one. Nothing where the system has no `/proc`.
pub(crate) fn peak_kb(process: &str) -> Option<u64> {
    parse_peak(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read() {
        assert_eq!(parse_peak("Name:\tx\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n"), Some(123_456));
        assert_eq!(parse_peak("Name:\tx\n"), None);
    }
}
