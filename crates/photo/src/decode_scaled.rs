//! One codec step: decode a JPEG at 1/2, 1/4 or 1/8 while it is still blocks of coefficients. Must not know other
//! formats.

use jpeg_decoder::{Decoder, PixelFormat};

use crate::error::PhotoError;
use crate::limits::Limits;
use crate::markers::Frame;
use crate::pixels::Rgb;

/// `None` when no scale step is large enough for `target` (width, height), or the picture is CMYK: decode it full.
pub(crate) fn jpeg(
    bytes: &[u8],
    frame: &Frame,
    target: (u32, u32),
    limits: &Limits,
) -> Option<Result<Rgb, PhotoError>> {
    let step = [8u32, 4, 2]
        .into_iter()
        .find(|step| frame.width.div_ceil(*step) >= target.0 && frame.height.div_ceil(*step) >= target.1)?;
    if frame.components == 4 {
        return None;
    }
    Some(decode(bytes, frame, step, limits))
}

fn decode(bytes: &[u8], frame: &Frame, step: u32, limits: &Limits) -> Result<Rgb, PhotoError> {
    let (wanted_w, wanted_h) = (frame.width.div_ceil(step), frame.height.div_ceil(step));
    limits.check_memory(frame.decode_bytes(wanted_w, wanted_h))?;
    let side = |n: u32| u16::try_from(n).map_err(PhotoError::malformed);
    let mut decoder = Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(usize::try_from(limits.decode_bytes_max).unwrap_or(usize::MAX));
    let (width, height) = decoder.scale(side(wanted_w)?, side(wanted_h)?).map_err(PhotoError::malformed)?;
    let (width, height) = (u32::from(width), u32::from(height));
    // The library picks the step itself; it must not have read another header than ours.
    if width.abs_diff(wanted_w) > 1 || height.abs_diff(wanted_h) > 1 {
        return Err(PhotoError::malformed("two readings of one JPEG header differ"));
    }
    let data = decoder.decode().map_err(PhotoError::malformed)?;
    let data = match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::RGB24) => data,
        Some(PixelFormat::L8) => data.into_iter().flat_map(|gray| [gray; 3]).collect(),
        other => return Err(PhotoError::malformed(format!("pixel format {other:?}"))),
    };
    Rgb::new(width, height, data).ok_or_else(|| PhotoError::malformed("decoded to another size"))
}
