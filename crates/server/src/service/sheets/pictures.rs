//! Pictures of cases for copies that go out: thumbnails or working copies, never originals, each with a watermark that says
//! when, where, which case and whose it is. What is stored stays as it is.

use super::made::too_large;
use crate::blob::Depot;
use crate::service::ServiceError;
use blindspot_core::case::{CaseFile, PhotoRow};
use blindspot_core::command::{FormName, Origin};
use blindspot_core::limits::SHEET_PICTURE_BYTES_MAX;
use blindspot_core::local::moment;
use blindspot_core::sheet::{Column, Line, Pictures, photos_of};
use blindspot_photo::{Limits, THUMBNAIL_LONG_SIDE, WORKING_LONG_SIDE, watermarked};
use std::io::Read as _;

/// Larger files are no thumbnail and no working copy.
const BYTES_MAX: u64 = 400_000;

/// A picture as it goes out.
#[derive(Clone, Debug)]
pub(in crate::service) struct Picture {
    /// JPEG or PNG.
    pub(in crate::service) bytes: Vec<u8>,
    /// Pixels across and down, as its case says.
    pub(in crate::service) size: (f64, f64),
    /// What it is, for who cannot see it.
    pub(in crate::service) words: String,
}

/// When it was taken, as far as anybody knows: of a file it is what its camera wrote into it, not when it was brought.
fn taken(row: &PhotoRow) -> String {
    match (&row.origin, &row.exif_time) {
        (Some(Origin::Album), None) => String::new(),
        (Some(Origin::Album), Some(written)) => written.replacen(':', "-", 2).chars().take(16).collect(),
        _ => moment(row.captured.at_ms),
    }
}

/// The copy with its watermark; nothing of what is no picture that can be drawn on.
fn stamped(bytes: &[u8], form: &FormName, taken: &str, line: &Line) -> Option<Vec<u8>> {
    let long_side = if *form == FormName::Thumbnail { THUMBNAIL_LONG_SIDE } else { WORKING_LONG_SIDE };
    let first = format!("{taken} {}", line.text(Column::Short));
    let place = [line.text(Column::Town), line.text(Column::Place)].concat();
    let words: Vec<&str> =
        [first.as_str(), &place, line.text(Column::Unit)].into_iter().filter(|w| !w.is_empty()).collect();
    watermarked(bytes, &words, long_side, &Limits::default()).ok()
}

/// Reads pictures until a table holds no more.
pub(in crate::service) struct Shelf<'d> {
    depot: &'d Depot,
    left: usize,
    /// How many were read.
    pub(in crate::service) read: usize,
}

impl<'d> Shelf<'d> {
    pub(in crate::service) fn new(depot: &'d Depot) -> Self {
        Self { depot, left: SHEET_PICTURE_BYTES_MAX, read: 0 }
    }

    /// The pictures of one side of a case, oldest first, at most so many.
    ///
    /// # Errors
    /// `SHEET_TOO_LARGE`; the storage's.
    pub(in crate::service) fn of(
        &mut self,
        file: &CaseFile,
        line: &Line,
        side: Pictures,
        forms: &[FormName],
        most: usize,
    ) -> Result<Vec<Picture>, ServiceError> {
        let mut rows: Vec<&PhotoRow> = photos_of(file, side).collect();
        rows.sort_by_key(|p| (p.captured.at_ms, p.photo_id));
        let mut out = vec![];
        for row in rows {
            if out.len() >= most {
                break;
            }
            out.extend(self.read(row, line, forms)?);
        }
        Ok(out)
    }

    /// The first of some forms whose bytes are here.
    pub(in crate::service) fn read(
        &mut self,
        row: &PhotoRow,
        line: &Line,
        forms: &[FormName],
    ) -> Result<Option<Picture>, ServiceError> {
        for form in forms {
            let Some(named) = row.forms.get(form).filter(|_| row.verified.contains(form)) else { continue };
            if named.bytes > BYTES_MAX {
                continue;
            }
            let Some(bytes) = self.depot.blobs.open(&named.sha256)? else { continue };
            let mut all = Vec::with_capacity(usize::try_from(named.bytes).unwrap_or(0));
            bytes.take(BYTES_MAX).read_to_end(&mut all)?;
            let Some(all) = stamped(&all, form, &taken(row), line) else { continue };
            let over = || too_large("too many pictures for one table");
            self.left = self.left.checked_sub(all.len()).ok_or_else(over)?;
            self.read += 1;
            let side = |n: Option<u32>| f64::from(n.filter(|n| *n > 0).unwrap_or(240));
            return Ok(Some(Picture {
                bytes: all,
                size: (side(named.width), side(named.height)),
                words: format!("{} {}", row.role.as_str(), moment(row.captured.at_ms)),
            }));
        }
        Ok(None)
    }
}
