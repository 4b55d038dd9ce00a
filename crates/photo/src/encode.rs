//! One codec step: encode JPEG. Must not know which form it makes.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::error::PhotoError;
use crate::pixels::Rgb;

/// What travels beside the pixels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extras<'a> {
    /// A TIFF block, without the `Exif\0\0` head.
    pub(crate) exif: Option<&'a [u8]>,
    /// A colour profile: without it a wide-gamut phone's colours turn dull.
    pub(crate) icc: Option<&'a [u8]>,
}

/// A baseline JPEG, 4:2:0. `quality` is 1 to 100.
pub(crate) fn jpeg(picture: &Rgb, quality: u8, extras: Extras<'_>) -> Result<Vec<u8>, PhotoError> {
    let side = |n: u32| u16::try_from(n).map_err(|_| PhotoError::Encode("a side is over 65,535".to_owned()));
    let (width, height) = (side(picture.width)?, side(picture.height)?);
    let fail = |e: jpeg_encoder::EncodingError| PhotoError::Encode(e.to_string());
    // A guess that spares most growing: photos at these qualities take 0.1 to 0.3 bytes a pixel.
    let mut out = Vec::with_capacity(picture.data.len() / 10 + 1024);
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    if let Some(exif) = extras.exif {
        encoder.add_exif_metadata(exif).map_err(fail)?;
    }
    if let Some(icc) = extras.icc {
        encoder.add_icc_profile(icc).map_err(fail)?;
    }
    encoder.encode(&picture.data, width, height, ColorType::Rgb).map_err(fail)?;
    Ok(out)
}
