//! From what a camera made to what the project keeps, by the city's size policy. Must not know where it goes.

use crate::decode::Opened;
use crate::digest::sha256;
use crate::encode::{self, Extras};
use crate::error::PhotoError;
use crate::exif_read::{ExifFacts, read_exif};
use crate::exif_write;
use crate::format::{Format, sniff};
use crate::forms::{self, Form, ORIGINAL_LONG_SIDE, WORKING_LONG_SIDE};
use crate::heic;
use crate::limits::Limits;
use crate::orient::upright;
use crate::resize;

const ORIGINAL_QUALITY: u8 = 85;

/// What becomes of the file that the camera made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OriginalPolicy {
    /// JPEG, longest edge 2,560 px, quality 85, upright, EXIF kept to time, GPS and make. A JPEG that is already
    /// within it and upright is kept byte for byte. Never enlarged.
    #[default]
    Bounded,
    /// The file as it is, of any type that is taken.
    AsTaken,
}

/// A photo ready to be sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// What is kept as the original.
    pub original: Form,
    /// The working copy; `None` for HEIC (the phone's system makes it).
    pub working: Option<Form>,
    /// The thumbnail; `None` for HEIC.
    pub thumbnail: Option<Form>,
    /// SHA-256 of the file as the camera made it.
    pub raw_sha256: [u8; 32],
    /// What the file's EXIF says.
    pub exif: ExifFacts,
    /// See [`crate::perceptual_hash`]; `None` for HEIC.
    pub phash: Option<u64>,
    /// The type of the file as the camera made it. A re-encoded original is a JPEG whatever this says.
    pub format: Format,
}

/// Makes the three forms. Deterministic: the same bytes and policy give the same forms.
///
/// A HEIC is kept as it is under either policy; its size is 0 x 0 when its boxes do not tell it.
///
/// # Errors
/// Every kind of [`PhotoError`] except `HeicNotDecoded`.
pub fn normalise(raw: &[u8], policy: OriginalPolicy, limits: &Limits) -> Result<Normalised, PhotoError> {
    limits.check_bytes(raw.len())?;
    let format = sniff(raw).ok_or(PhotoError::UnsupportedType)?;
    let exif = read_exif(raw);
    if format == Format::Heic {
        let (width, height) = heic::dimensions(raw).unwrap_or((0, 0));
        let original = Form::new(raw.to_vec(), width, height);
        let raw_sha256 = original.sha256;
        return Ok(Normalised {
            original,
            working: None,
            thumbnail: None,
            raw_sha256,
            exif,
            phash: None,
            format,
        });
    }
    let opened = Opened::new(raw, limits)?;
    let long = opened.width.max(opened.height);
    let within = format == Format::Jpeg && long <= ORIGINAL_LONG_SIDE && exif.orientation == 1;
    let (original, raw_sha256, small) = if policy == OriginalPolicy::AsTaken || within {
        let decoded = opened.decode(WORKING_LONG_SIDE, limits)?;
        let picture = resize::to_fit(decoded.picture, WORKING_LONG_SIDE)?;
        let small = forms::of_picture(upright(picture, exif.orientation), decoded.icc.as_deref())?;
        let original = Form::new(raw.to_vec(), opened.width, opened.height);
        let raw_sha256 = original.sha256;
        (original, raw_sha256, small)
    } else {
        let decoded = opened.decode(ORIGINAL_LONG_SIDE, limits)?;
        let picture = upright(resize::to_fit(decoded.picture, ORIGINAL_LONG_SIDE)?, exif.orientation);
        let kept = exif_write::kept(&exif);
        let extras = Extras { exif: kept.as_deref(), icc: decoded.icc.as_deref() };
        let bytes = encode::jpeg(&picture, ORIGINAL_QUALITY, extras)?;
        let original = Form::new(bytes, picture.width, picture.height);
        (original, sha256(raw), forms::of_picture(picture, decoded.icc.as_deref())?)
    };
    Ok(Normalised {
        original,
        working: Some(small.working),
        thumbnail: Some(small.thumbnail),
        raw_sha256,
        exif,
        phash: Some(small.phash),
        format,
    })
}
