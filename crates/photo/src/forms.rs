//! The three forms of a photo and their sizes. Must not know how a form is stored or sent.

use crate::decode::Opened;
use crate::digest::sha256;
use crate::encode::{self, Extras};
use crate::error::PhotoError;
use crate::exif_read::read_exif;
use crate::limits::Limits;
use crate::orient::upright;
use crate::phash;
use crate::pixels::Rgb;
use crate::resize;

/// Long side of a bounded original, pixels.
pub const ORIGINAL_LONG_SIDE: u32 = 2560;
/// Long side of a working copy, pixels.
pub const WORKING_LONG_SIDE: u32 = 1280;
/// Long side of a thumbnail, pixels.
pub const THUMBNAIL_LONG_SIDE: u32 = 320;
/// Most bytes of a working copy.
pub const WORKING_BYTES_MAX: usize = 250_000;
/// Most bytes of a thumbnail.
pub const THUMBNAIL_BYTES_MAX: usize = 40_000;

/// Tried one after the other until the form fits.
const QUALITIES: [u8; 6] = [80, 70, 58, 45, 32, 20];

/// One form of a photo: bytes, their name, and the size written in them.
#[derive(Clone, PartialEq, Eq)]
pub struct Form {
    /// The file, complete.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub sha256: [u8; 32],
    /// Pixels across, as encoded (before any EXIF orientation that an as-taken original still carries).
    pub width: u32,
    /// Pixels down, as encoded.
    pub height: u32,
}

/// Without the bytes: a photo has no place in a log.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hash: String = self.sha256[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "Form({} x {}, {} bytes, {hash}…)", self.width, self.height, self.bytes.len())
    }
}

impl Form {
    pub(crate) fn new(bytes: Vec<u8>, width: u32, height: u32) -> Self {
        Self { sha256: sha256(&bytes), bytes, width, height }
    }
}

/// What the server makes from an original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renditions {
    /// JPEG, long side at most 1,280 px, at most 250 KB, upright, no EXIF.
    pub working: Form,
    /// JPEG, long side at most 320 px, at most 40 KB, upright, no EXIF.
    pub thumbnail: Form,
    /// See [`crate::perceptual_hash`].
    pub phash: u64,
}

/// Makes working copy, thumbnail and perceptual hash from an original of any decodable type.
///
/// # Errors
/// Every kind of [`PhotoError`]; `HeicNotDecoded` for HEIC.
pub fn renditions(original: &[u8], limits: &Limits) -> Result<Renditions, PhotoError> {
    let opened = Opened::new(original, limits)?;
    let decoded = opened.decode(WORKING_LONG_SIDE, limits)?;
    let picture = resize::to_fit(decoded.picture, WORKING_LONG_SIDE)?;
    // Turned after resizing: at full size it would cost more than the resize itself.
    let picture = upright(picture, read_exif(original).orientation);
    of_picture(picture, decoded.icc.as_deref())
}

/// The small forms of an upright picture of any size.
pub(crate) fn of_picture(picture: Rgb, icc: Option<&[u8]>) -> Result<Renditions, PhotoError> {
    let picture = resize::to_fit(picture, WORKING_LONG_SIDE)?;
    let working = within(&picture, WORKING_BYTES_MAX, icc)?;
    let small = resize::to_fit(picture, THUMBNAIL_LONG_SIDE)?;
    let thumbnail = within(&small, THUMBNAIL_BYTES_MAX, icc)?;
    Ok(Renditions { working, thumbnail, phash: phash::of_picture(&small)? })
}

/// Lowers the quality until the form fits, then the size: a picture of pure noise fits no other way.
fn within(picture: &Rgb, bytes_max: usize, icc: Option<&[u8]>) -> Result<Form, PhotoError> {
    let extras = Extras { exif: None, icc };
    for quality in QUALITIES {
        let bytes = encode::jpeg(picture, quality, extras)?;
        if bytes.len() <= bytes_max {
            return Ok(Form::new(bytes, picture.width, picture.height));
        }
    }
    let long = picture.width.max(picture.height);
    if long < 16 {
        return Err(PhotoError::Encode(format!("does not fit in {bytes_max} bytes")));
    }
    within(&resize::to_fit(picture.clone(), long * 3 / 4)?, bytes_max, icc)
}
