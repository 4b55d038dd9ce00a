//! A table that was made: a file without a name, gone when it is closed.

use crate::service::{Credential, House, ServiceError};
use blindspot_core::error::SHEET_TOO_LARGE;
use blindspot_store::audit;
use serde_json::Value;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

/// The media type of XLSX.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// See the module text. Stands at its beginning.
#[derive(Debug)]
pub struct Made {
    /// The bytes.
    pub file: File,
    /// How many.
    pub length: u64,
    /// Their media type.
    pub media_type: &'static str,
    /// A name for who keeps it.
    pub name: String,
    /// Lines in it.
    pub rows: usize,
}

impl Made {
    /// Of a file that was written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn of(
        mut file: File,
        media_type: &'static str,
        name: String,
        rows: usize,
    ) -> Result<Self, ServiceError> {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, length, media_type, name, rows })
    }
}

/// A file without a name in a folder of the server's.
///
/// # Errors
/// When the disk refuses.
pub(super) fn scratch_file(scratch: &Path) -> Result<File, ServiceError> {
    Ok(tempfile::tempfile_in(scratch)?)
}

/// A failure of the writer of tables; what the disk says stays what it is.
pub(super) fn unwritten(error: rust_xlsxwriter::XlsxError) -> ServiceError {
    match error {
        rust_xlsxwriter::XlsxError::IoError(error) => error.into(),
        other => ServiceError::Blob(std::io::Error::other(other.to_string())),
    }
}

/// Too much for one table.
pub(super) fn too_large(why: &str) -> ServiceError {
    ServiceError::because(&SHEET_TOO_LARGE, why)
}

/// Who took which list out, or brought one in: a row of the audit log.
pub(super) fn note(
    house: &House,
    who: Credential,
    action: &str,
    object: &str,
    detail: &Value,
    now_ms: i64,
) -> Result<(), ServiceError> {
    let (actor, detail) = (who.person.to_string(), detail.to_string());
    house.store.write(|tx| {
        audit::append(tx, &house.city, now_ms, &actor, action, object, "ok", &detail)?;
        Ok(())
    })
}
