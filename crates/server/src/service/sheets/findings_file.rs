//! A list of findings as it comes: XLSX, CSV, or an archive of one of them with the photos beside it.

use super::file_photos::{NoFiles, PhotoFiles, ZipFiles};
use super::findings_in::{FindingsReport, How, take_sheets};
use super::guard::unreadable;
use super::read;
use super::send::Sending;
use crate::blob::Depot;
use crate::policy::IMPORTERS;
use crate::service::{ServiceError, people};
use std::fs::File;
use std::io::{Cursor, Read as _, Seek as _, SeekFrom};

/// What a workbook has and an archive of photos has not.
const OF_A_WORKBOOK: &str = "[Content_Types].xml";

/// Takes in a list. Photos come from `beside`, else from the archive that the list itself is in.
///
/// # Errors
/// `NO_RIGHTS` for who holds no desk; `SHEET_UNREADABLE`, `SHEET_TOO_LARGE`, `BUSY`; the storage's.
pub fn findings(
    to: Sending<'_>,
    depot: &Depot,
    mut file: File,
    beside: Option<&mut dyn PhotoFiles>,
    how: &How,
) -> Result<FindingsReport, ServiceError> {
    people::require(to.house, to.who, IMPORTERS, to.now_ms)?;
    let mut head = [0; 4];
    let n = file.read(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if &head[..n.min(2)] != b"PK" {
        let sheet = read::csv("list", &file)?;
        return take_sheets(to, depot, &[sheet], beside.unwrap_or(&mut NoFiles), how);
    }
    let mut archive = ZipFiles::open(&file)?;
    if archive.has(OF_A_WORKBOOK) {
        let sheets = read::workbook(&file)?;
        return take_sheets(to, depot, &sheets, beside.unwrap_or(&mut NoFiles), how);
    }
    let why =
        "压缩包里要有且只有一个 .xlsx 或 .csv / the archive must hold one .xlsx or .csv outside of folders";
    let (name, bytes) = archive.list().ok_or_else(|| unreadable(&why))?;
    let sheets = if name.to_lowercase().ends_with(".csv") {
        vec![read::csv(&name, bytes.as_slice())?]
    } else {
        read::workbook(Cursor::new(bytes))?
    };
    match beside {
        Some(beside) => take_sheets(to, depot, &sheets, beside, how),
        None => take_sheets(to, depot, &sheets, &mut archive, how),
    }
}
