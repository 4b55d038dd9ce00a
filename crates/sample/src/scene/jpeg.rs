//! Scenes as JPEG files with EXIF, and a stamp that makes a copy of any JPEG unique.

use super::draw::{draw_small, enlarge, factor};
use super::exif::{ExifSpec, tiff};
use super::spec::SceneSpec;
use image::RgbImage;
use image::imageops::{rotate90, rotate180, rotate270};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const QUALITY: u8 = 80;

/// A scene as a phone would store it: pixels turned so that `orientation` sets them upright, EXIF in APP1.
#[must_use]
pub fn jpeg(spec: &SceneSpec, exif: &ExifSpec) -> Vec<u8> {
    let (width, height) = (spec.width.clamp(16, 20_000), spec.height.clamp(16, 20_000));
    let factor = factor(width, height);
    let upright = draw_small(spec, width.div_ceil(factor), height.div_ceil(factor));
    let (small, width, height) = match exif.orientation {
        3 => (rotate180(&upright), width, height),
        6 => (rotate270(&upright), height, width),
        8 => (rotate90(&upright), height, width),
        _ => (upright, width, height),
    };
    let stored = if factor == 1 { small } else { enlarge(&small, factor, width, height) };
    encode(&stored, Some(exif))
}

pub(super) fn encode(picture: &RgbImage, exif: Option<&ExifSpec>) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let mut out = Vec::with_capacity(width as usize * height as usize / 6);
    let mut encoder = Encoder::new(&mut out, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    if let Some(exif) = exif {
        let block = tiff(exif, width, height);
        encoder.add_exif_metadata(&block).expect("a few hundred bytes fit into one segment");
    }
    let (w, h) = (u16::try_from(width).unwrap_or(u16::MAX), u16::try_from(height).unwrap_or(u16::MAX));
    encoder
        .encode(picture.as_raw(), w, h, ColorType::Rgb)
        .expect("sides are at most 20,000 and the buffer fits");
    out
}

/// A copy of a JPEG with `number` in a comment segment after its metadata: other bytes, same picture, same
/// EXIF. Bytes that are no JPEG get the comment at their end.
#[must_use]
pub fn stamp(jpeg: &[u8], number: u64) -> Vec<u8> {
    let text = format!("blindspot sample copy {number}");
    let mut segment = vec![0xFF, 0xFE];
    segment.extend((text.len() as u16 + 2).to_be_bytes());
    segment.extend(text.as_bytes());
    let at = after_metadata(jpeg).unwrap_or(jpeg.len());
    let mut out = Vec::with_capacity(jpeg.len() + segment.len());
    out.extend(&jpeg[..at]);
    out.extend(&segment);
    out.extend(&jpeg[at..]);
    out
}

/// Where the application segments at the start of a JPEG end.
fn after_metadata(jpeg: &[u8]) -> Option<usize> {
    if !jpeg.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut at = 2;
    while let [0xFF, 0xE0..=0xEF, high, low, ..] = jpeg.get(at..)? {
        let next = at + 2 + usize::from(u16::from_be_bytes([*high, *low]));
        if next > jpeg.len() {
            break;
        }
        at = next;
    }
    Some(at)
}
