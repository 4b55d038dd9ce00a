//! Bytes that mean harm or were harmed: clear errors, bounded cost, no panic in any thread.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use blindspot_photo::{
    Limits, OriginalPolicy, PhotoError, normalise, perceptual_hash, read_exif, renditions, sniff,
    strip_metadata,
};
use common::{Dice, jpeg, phone_tiff, progressive, scene, scene_jpeg};
use image::ImageEncoder;

const BOUNDED: OriginalPolicy = OriginalPolicy::Bounded;

/// Writes another size into the frame header of a JPEG.
fn claim(mut bytes: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let at = bytes.windows(2).position(|w| w == [0xFF, 0xC0] || w == [0xFF, 0xC2]).unwrap();
    bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn bombs_are_refused_by_their_header() {
    let bomb = claim(scene_jpeg(64, 64, 1), 60_000, 60_000);
    let too_many = PhotoError::TooManyPixels { width: 60_000, height: 60_000, max: 64 << 20 };
    assert_eq!(normalise(&bomb, BOUNDED, &Limits::default()), Err(too_many.clone()));
    assert_eq!(renditions(&bomb, &Limits::default()), Err(too_many.clone()));
    assert_eq!(perceptual_hash(&bomb, &Limits::default()), Err(too_many));

    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.write_image(&[0; 12], 2, 2, image::ExtendedColorType::Rgb8).unwrap();
    png[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    // The header chunk's checksum, so that the size is what is refused: CRC-32 of "IHDR" and its body.
    let crc = png[12..29].iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    });
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    let refused = normalise(&png, BOUNDED, &Limits::default()).unwrap_err();
    assert!(matches!(refused, PhotoError::TooManyPixels { width: 60_000, .. }), "{refused}");
}

#[test]
fn memory_is_bounded_before_decoding() {
    let limits = Limits { decode_bytes_max: 1_000_000, ..Limits::default() };
    let large = progressive(&scene(1000, 1000, 1), 1000, 1000);
    assert!(matches!(renditions(&large, &limits), Err(PhotoError::DecodeMemory { .. })));
    assert!(renditions(&large, &Limits::default()).is_ok());
}

#[test]
fn sizes_and_types_outside_the_limits() {
    let raw = scene_jpeg(64, 64, 1);
    let limits = Limits { bytes_max: raw.len() - 1, ..Limits::default() };
    let too_many = PhotoError::TooManyBytes { len: raw.len(), max: raw.len() - 1 };
    assert_eq!(normalise(&raw, BOUNDED, &limits), Err(too_many.clone()));
    assert_eq!(renditions(&raw, &limits), Err(too_many));
    assert!(normalise(&raw, BOUNDED, &Limits { bytes_max: raw.len(), ..limits }).is_ok());
    for bytes in [b"".as_slice(), b"GIF89a\x01\0\x01\0", b"%PDF-1.7", b"<svg/>"] {
        assert_eq!(normalise(bytes, BOUNDED, &Limits::default()), Err(PhotoError::UnsupportedType));
        assert_eq!(strip_metadata(bytes), Err(PhotoError::UnsupportedType));
    }
    let empty = normalise(&claim(raw, 0, 64), BOUNDED, &Limits::default()).unwrap_err();
    assert!(matches!(empty, PhotoError::Malformed(_)), "{empty}");
}

#[test]
fn a_jpeg_cut_anywhere_is_truncated() {
    let raw = jpeg(&scene(160, 120, 1), 160, 120, 80, Some(&phone_tiff(6)));
    for raw in [raw, progressive(&scene(160, 120, 1), 160, 120)] {
        for cut in 3..raw.len() {
            let refused = normalise(&raw[..cut], BOUNDED, &Limits::default());
            assert_eq!(refused, Err(PhotoError::Truncated), "cut at {cut} of {}", raw.len());
            assert_eq!(strip_metadata(&raw[..cut]), Err(PhotoError::Truncated));
        }
    }
}

#[test]
fn what_follows_the_picture_is_not_looked_at() {
    let raw = scene_jpeg(700, 500, 1);
    let sound = renditions(&raw, &Limits::default());
    let mut longer = raw.clone();
    longer.extend(claim(raw, 60_000, 60_000));
    assert_eq!(renditions(&longer, &Limits::default()), sound);
}

#[test]
fn two_frames_in_one_picture_are_refused() {
    let raw = scene_jpeg(64, 64, 1);
    let at = raw.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
    let twice = [&raw[..at], &raw[at..at + 19], &raw[at..]].concat();
    assert!(matches!(renditions(&twice, &Limits::default()), Err(PhotoError::Malformed(_))));
}

fn subjects() -> Vec<Vec<u8>> {
    // Twice as wide as a thumbnail: the hash decodes these scaled.
    let (w, h) = (660, 160);
    let rgb = scene(w, h, 9);
    let (mut png, mut webp) = (Vec::new(), Vec::new());
    let kind = image::ExtendedColorType::Rgb8;
    image::codecs::png::PngEncoder::new(&mut png).write_image(&rgb, w, h, kind).unwrap();
    image::codecs::webp::WebPEncoder::new_lossless(&mut webp).write_image(&rgb, w, h, kind).unwrap();
    let phone = jpeg(&rgb, w, h, 80, Some(&phone_tiff(6)));
    vec![phone, progressive(&rgb, w, h), png, webp]
}

#[test]
fn two_thousand_damaged_files_panic_nowhere() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    // A hook sees panics in the decoder's own threads too, which a caught unwind would not.
    std::panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        eprintln!("{info}");
    }));
    let limits = Limits { pixels_max: 1_000_000, decode_bytes_max: 32 << 20, ..Limits::default() };
    let subjects = subjects();
    let mut dice = Dice(20_261_124);
    let (mut sound, mut refused) = (0, 0);
    for round in 0..2000 {
        let mut bytes = subjects[round % subjects.len()].clone();
        // Heads are where the structure is: half of the files are hit only there.
        let reach = if dice.below(2) == 0 { 700.min(bytes.len()) } else { bytes.len() };
        for _ in 0..=dice.below(8) {
            let at = dice.below(reach);
            bytes[at] = dice.roll() as u8;
        }
        if dice.below(8) == 0 {
            bytes.truncate(dice.below(bytes.len()));
        }
        let _ = (read_exif(&bytes), sniff(&bytes), strip_metadata(&bytes), perceptual_hash(&bytes, &limits));
        match normalise(&bytes, BOUNDED, &limits) {
            Ok(done) => {
                sound += 1;
                assert!(done.working.unwrap().bytes.len() <= 250_000);
            }
            Err(_) => refused += 1,
        }
    }
    std::panic::set_hook(before);
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    assert!(sound > 200 && refused > 200, "damage that tests both ends: {sound} sound, {refused} refused");
}
