//! Bounds of archives that come in, looked at before anything of them is believed: how many parts, how much they unpack
//! to, how much more than their size. Knows no table.

use super::made::too_large;
use crate::service::ServiceError;
use blindspot_core::error::SHEET_UNREADABLE;
use blindspot_core::limits::{SHEET_PARTS_MAX, SHEET_RATIO_MAX, SHEET_XML_BYTES_MAX};
use std::io::{self, Read, Seek};
use zip::ZipArchive;

/// Parts smaller than this may be as dense as they like.
const SMALL: u64 = 1 << 20;

/// Opens an archive with no more parts than allowed.
///
/// # Errors
/// `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`.
pub(super) fn open<F: Read + Seek>(file: F) -> Result<ZipArchive<F>, ServiceError> {
    let archive = ZipArchive::new(file).map_err(|e| unreadable(&e))?;
    if archive.len() > SHEET_PARTS_MAX {
        return Err(too_large(&format!(
            "the archive has {} parts; at most {SHEET_PARTS_MAX}",
            archive.len()
        )));
    }
    Ok(archive)
}

/// Looks at all parts of a workbook but its pictures, which nobody unpacks: what sizes an archive states is not
/// believed, each part is unpacked into nothing.
///
/// # Errors
/// `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`.
pub(super) fn check_workbook<F: Read + Seek>(file: F) -> Result<(), ServiceError> {
    let mut archive = open(file)?;
    let mut left = SHEET_XML_BYTES_MAX;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|e| unreadable(&e))?;
        if part.name_raw().starts_with(b"xl/media/") {
            continue;
        }
        let packed = part.compressed_size();
        let unpacked = io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|e| unreadable(&e))?;
        if unpacked > left {
            return Err(too_large(&format!("unpacked it is larger than {SHEET_XML_BYTES_MAX} bytes")));
        }
        if unpacked > SMALL && unpacked / packed.max(1) > SHEET_RATIO_MAX {
            return Err(too_large("a part unpacks to far more than its size"));
        }
        left -= unpacked;
    }
    Ok(())
}

/// It is no table that can be read.
pub(super) fn unreadable(why: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::because(&SHEET_UNREADABLE, why.to_string())
}
