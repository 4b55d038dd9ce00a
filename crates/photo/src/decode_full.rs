//! One codec step: decode at full size through the `image` crate (JPEG, PNG, WebP). Must not scale or turn.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use crate::decode::Decoded;
use crate::error::PhotoError;
use crate::format::Format;
use crate::icc;
use crate::limits::Limits;
use crate::markers::Frame;
use crate::pixels::Rgb;

/// A JPEG at full size, RGB whatever it held.
pub(crate) fn jpeg(bytes: &[u8], frame: &Frame, limits: &Limits) -> Result<Rgb, PhotoError> {
    limits.check_memory(frame.decode_bytes(frame.width, frame.height))?;
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(refusal)?;
    if decoder.dimensions() != (frame.width, frame.height) {
        return Err(PhotoError::malformed("two readings of one JPEG header differ"));
    }
    rgb(DynamicImage::from_decoder(decoder).map_err(refusal)?)
}

/// Width and height of a PNG or WebP, from its header.
pub(crate) fn dimensions(bytes: &[u8], format: Format, limits: &Limits) -> Result<(u32, u32), PhotoError> {
    Ok(reader(bytes, format, limits).into_decoder().map_err(refusal)?.dimensions())
}

/// A PNG or WebP at full size; where it is transparent it lies on white.
pub(crate) fn png_or_webp(bytes: &[u8], format: Format, limits: &Limits) -> Result<Decoded, PhotoError> {
    let mut decoder = reader(bytes, format, limits).into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    limits.check_pixels(width, height)?;
    // The decoder's own buffer, and the RGB made from it.
    limits.check_memory(decoder.total_bytes() + u64::from(width) * u64::from(height) * 3)?;
    // A profile that cannot be read costs colour accuracy, not the photo.
    let icc = decoder.icc_profile().ok().flatten().filter(|profile| icc::worth_keeping(profile));
    let picture = rgb(DynamicImage::from_decoder(decoder).map_err(refusal)?)?;
    Ok(Decoded { picture, icc })
}

fn reader<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> ImageReader<Cursor<&'a [u8]>> {
    let format = if format == Format::Webp { ImageFormat::WebP } else { ImageFormat::Png };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut own = image::Limits::default();
    own.max_alloc = Some(limits.decode_bytes_max);
    reader.limits(own);
    reader
}

fn rgb(image: DynamicImage) -> Result<Rgb, PhotoError> {
    let (width, height) = (image.width(), image.height());
    let data = if image.color().has_alpha() {
        let rgba = image.into_rgba8().into_raw();
        let (pixels, _) = rgba.as_chunks::<4>();
        pixels.iter().flat_map(|&[r, g, b, a]| [r, g, b].map(|c| on_white(c, a))).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Rgb::new(width, height, data).ok_or_else(|| PhotoError::malformed("decoded to another size"))
}

fn on_white(colour: u8, alpha: u8) -> u8 {
    let (colour, alpha) = (u16::from(colour), u16::from(alpha));
    // At most 255 * 255 + 127: fits, and the quotient is at most 255.
    ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

fn refusal(error: ImageError) -> PhotoError {
    match error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => PhotoError::Truncated,
        other => PhotoError::malformed(other),
    }
}
