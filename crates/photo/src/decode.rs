//! From bytes to pixels: header first, limits next, decoding last. Must not know the three forms.

use crate::error::PhotoError;
use crate::format::{Format, sniff};
use crate::limits::Limits;
use crate::markers::Frame;
use crate::pixels::{Rgb, fitted};
use crate::{decode_full, decode_scaled, icc};

/// A picture whose header was read and found within the limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened<'a> {
    bytes: &'a [u8],
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    frame: Option<Frame>,
}

/// Pixels as they lie in the file (not turned upright), with the colour profile worth keeping.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) picture: Rgb,
    pub(crate) icc: Option<Vec<u8>>,
}

impl<'a> Opened<'a> {
    /// Reads headers only.
    ///
    /// # Errors
    /// Every limit, `UnsupportedType`, `HeicNotDecoded`, `Truncated`, `Malformed`.
    pub(crate) fn new(bytes: &'a [u8], limits: &Limits) -> Result<Self, PhotoError> {
        limits.check_bytes(bytes.len())?;
        match sniff(bytes).ok_or(PhotoError::UnsupportedType)? {
            Format::Heic => Err(PhotoError::HeicNotDecoded),
            Format::Jpeg => {
                let frame = Frame::of(bytes, limits)?;
                let (width, height) = (frame.width, frame.height);
                Ok(Self { bytes, format: Format::Jpeg, width, height, frame: Some(frame) })
            }
            format @ (Format::Png | Format::Webp) => {
                let (width, height) = decode_full::dimensions(bytes, format, limits)?;
                limits.check_pixels(width, height)?;
                Ok(Self { bytes, format, width, height, frame: None })
            }
        }
    }

    /// Decodes to at least the size that fits `long_side`: a JPEG that is twice as large or more is scaled while it is
    /// decoded, anything else comes at full size.
    ///
    /// # Errors
    /// `DecodeMemory` before decoding, `Truncated` or `Malformed` from it.
    pub(crate) fn decode(&self, long_side: u32, limits: &Limits) -> Result<Decoded, PhotoError> {
        let Some(frame) = &self.frame else {
            return decode_full::png_or_webp(self.bytes, self.format, limits);
        };
        // Without what follows the end marker: decoders copy their input, and a phone may append a whole video.
        let bytes = &self.bytes[..frame.end];
        let icc = icc::of_jpeg(bytes);
        let target = fitted(self.width, self.height, long_side);
        // A file that the scaled decoder refuses may still be sound: the two decoders differ in what they forgive.
        let picture = match decode_scaled::jpeg(bytes, frame, target, limits) {
            Some(Ok(picture)) => picture,
            None | Some(Err(_)) => decode_full::jpeg(bytes, frame, limits)?,
        };
        Ok(Decoded { picture, icc })
    }
}
