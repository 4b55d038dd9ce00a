//! Removes a JPEG's metadata without touching a pixel. Must not decode.

use crate::error::PhotoError;
use crate::format::{Format, sniff};
use crate::icc;
use crate::markers::{APP0, APP2, APP14, EOI, SOI, SOS, Segments};

/// The same picture without EXIF, XMP, IPTC, maker notes, embedded previews, comments, and anything after its end.
///
/// What decoding needs stays: tables, frame, scans, the JFIF head (its preview removed), Adobe's colour transform,
/// and a small RGB colour profile. EXIF goes whole, also the orientation: strip a form that is already upright.
///
/// # Errors
/// `UnsupportedType` for other types, `Truncated`, `Malformed`.
pub fn strip_metadata(jpeg: &[u8]) -> Result<Vec<u8>, PhotoError> {
    if sniff(jpeg) != Some(Format::Jpeg) {
        return Err(PhotoError::UnsupportedType);
    }
    let mut out = Vec::with_capacity(jpeg.len());
    for segment in Segments::of(jpeg) {
        let segment = segment?;
        match segment.marker {
            APP0 => out.extend(jfif(segment.payload).unwrap_or_default()),
            APP2 if icc::of_segment(segment.payload).is_some() => out.extend(segment.whole),
            APP14 if segment.payload.starts_with(b"Adobe") && segment.payload.len() <= 12 => {
                out.extend(segment.whole);
            }
            // Tables (DHT, DAC, DQT, DNL, DRI), frames, scans, start and end: what decoding reads. No other marker
            // means anything to it: the rest of APPn, COM, JPGn, reserved codes.
            SOI | EOI | SOS | 0xC0..=0xCF | 0xD0..=0xD7 | 0xDB..=0xDD => out.extend(segment.whole),
            _ => {}
        }
    }
    Ok(out)
}

/// The JFIF head without its preview, if this is one.
fn jfif(payload: &[u8]) -> Option<[u8; 18]> {
    let head: &[u8; 12] = payload.strip_prefix(b"JFIF\0").and_then(|_| payload.first_chunk())?;
    let mut out = [0u8; 18];
    out[..4].copy_from_slice(&[0xFF, APP0, 0, 16]);
    out[4..16].copy_from_slice(head);
    Some(out)
}
