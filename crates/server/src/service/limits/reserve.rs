//! The reserve of disk space: photos are refused while it is touched, so that ops find room to the end.
//! The disk is asked at most once a second. Knows no HTTP.

use crate::service::ServiceError;
use blindspot_core::error::NO_SPACE;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The reserve is at least this much, bytes.
const BYTES_MIN: u64 = 1 << 30;
/// Or this part of the disk.
const PARTS: u64 = 50;
const ASK_EVERY_MS: i64 = 1_000;

/// Free bytes and all bytes of the disk that holds a folder.
///
/// # Errors
/// When the operating system does not say.
pub fn disk_space(folder: &std::path::Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
}

/// See the module text.
pub struct Reserve {
    folder: PathBuf,
    bytes: Option<u64>,
    /// When the disk was asked, and whether there was room.
    asked: Mutex<Option<(i64, bool)>>,
}

impl Reserve {
    /// Of the disk that holds a folder; `bytes` replaces the default of 1 GiB or 2 %.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, bytes: Option<u64>) -> Self {
        Self { folder: folder.into(), bytes, asked: Mutex::new(None) }
    }

    /// Whether there is room for photos.
    ///
    /// # Errors
    /// `NO_SPACE` when not. A disk that cannot be asked is no reason to refuse.
    pub fn check(&self, now_ms: i64) -> Result<(), ServiceError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let room = match *asked {
            Some((at, room)) if (0..ASK_EVERY_MS).contains(&(now_ms - at)) => room,
            _ => {
                let room = match disk_space(&self.folder) {
                    Ok((free, all)) => free >= self.bytes.unwrap_or(BYTES_MIN.max(all / PARTS)),
                    Err(error) => {
                        tracing::warn!(%error, "the free space of the data disk is not known");
                        true
                    }
                };
                *asked = Some((now_ms, room));
                room
            }
        };
        if room {
            return Ok(());
        }
        Err(ServiceError::because(&NO_SPACE, "photos wait, other work is still taken"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_refused_below_the_reserve_and_the_disk_is_asked_once_a_second() {
        let dir = tempfile::tempdir().expect("a folder");
        let (free, all) = disk_space(dir.path()).expect("a disk");
        assert!(free > 0 && all >= free);
        assert!(Reserve::new(dir.path(), Some(1)).check(1_000).is_ok());
        let refused = Reserve::new(dir.path(), Some(u64::MAX)).check(1_000);
        assert!(matches!(refused, Err(ServiceError::Refused(text, _)) if text.code == "no_space"));
        let reserve = Reserve::new(dir.path(), Some(u64::MAX));
        *reserve.asked.lock().expect("sound") = Some((1_000, true));
        assert!(reserve.check(1_999).is_ok(), "remembered");
        assert!(reserve.check(2_000).is_err(), "asked again");
        *reserve.asked.lock().expect("sound") = Some((9_000, true));
        assert!(reserve.check(2_000).is_err(), "a clock put back is no reason to believe an old answer");
    }
}
