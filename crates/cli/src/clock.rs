//! The host's clocks and randomness: wall time, a clock that counts sleep, the boot id.

use std::time::{SystemTime, UNIX_EPOCH};

/// Wall time, milliseconds since 1970.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since boot, sleep included (`/proc/uptime` is CLOCK_BOOTTIME, 10 ms steps); nothing where the
/// system has no such file.
pub(crate) fn boot_ms() -> Option<i64> {
    parse_uptime(&std::fs::read_to_string("/proc/uptime").ok()?)
}

fn parse_uptime(text: &str) -> Option<i64> {
    let (whole, part) = text.split_whitespace().next()?.split_once('.')?;
    let hundredths: i64 = part.get(..2)?.parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 1_000 + hundredths * 10)
}

/// Names this boot of the machine.
pub(crate) fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OsRandom;

impl OsRandom {
    /// Fills a buffer.
    pub(crate) fn bytes(buf: &mut [u8]) {
        // A machine without randomness can make no key and no id: there is nothing sensible to go on with.
        assert!(getrandom::fill(buf).is_ok(), "the operating system gives no random bytes");
    }
}

/// A password that can be read out: 5 groups of 4 characters without look-alikes, 100 bits.
pub(crate) fn one_time_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789Q";
    let mut bytes = [0u8; 20];
    OsRandom::bytes(&mut bytes);
    let chars: Vec<char> = bytes.iter().map(|b| LETTERS[usize::from(b & 31)] as char).collect();
    chars.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_is_read_to_ten_milliseconds() {
        assert_eq!(parse_uptime("350735.47 234388.90\n"), Some(350_735_470));
        assert_eq!(parse_uptime(""), None);
        assert_eq!(parse_uptime("12"), None);
    }

    #[test]
    fn two_passwords_differ_and_have_five_groups() {
        let (a, b) = (one_time_password(), one_time_password());
        assert_ne!(a, b);
        assert_eq!(a.split('-').count(), 5);
        assert_eq!(a.len(), 24);
    }
}
