//! The three forms: sizes, orientation, formats, what is kept byte for byte.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use blindspot_photo::{Format, Limits, OriginalPolicy, PhotoError, normalise, renditions, sha256};
use common::{decode, jpeg, noise, phone_tiff, progressive, scene, scene_jpeg, tiff};
use image::ImageEncoder;

const BOUNDED: OriginalPolicy = OriginalPolicy::Bounded;

/// Four quarters: red, green above blue, white.
fn quarters(width: u32, height: u32) -> Vec<u8> {
    let colours = [[220, 20, 20], [20, 200, 20], [20, 20, 220], [240, 240, 240]];
    let quarter = |x, y| usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2);
    (0..height).flat_map(|y| (0..width).flat_map(move |x| colours[quarter(x, y)])).collect()
}

/// The letters of the quarters of an encoded picture, row by row.
fn read_quarters(bytes: &[u8]) -> String {
    let picture = decode(bytes);
    let (w, h) = picture.dimensions();
    let letter = |x, y| match picture.get_pixel(x, y).0 {
        [r, g, b] if r.min(g).min(b) > 150 => 'w',
        [r, ..] if r > 150 => 'r',
        [_, g, _] if g > 150 => 'g',
        [.., b] if b > 150 => 'b',
        _ => '?',
    };
    [(w / 4, h / 4), (w * 3 / 4, h / 4), (w / 4, h * 3 / 4), (w * 3 / 4, h * 3 / 4)]
        .map(|(x, y)| letter(x, y))
        .iter()
        .collect()
}

fn gray_of(bytes: &[u8]) -> image::GrayImage {
    image::DynamicImage::ImageRgb8(decode(bytes)).into_luma8()
}

#[test]
fn every_orientation_comes_out_upright_in_every_form() {
    let wanted = ["rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"];
    for (orientation, wanted) in (1u16..).zip(wanted) {
        let raw = jpeg(&quarters(1400, 800), 1400, 800, 90, Some(&phone_tiff(orientation)));
        let done = normalise(&raw, BOUNDED, &Limits::default()).unwrap();
        let (working, thumbnail) = (done.working.unwrap(), done.thumbnail.unwrap());
        for form in [&done.original, &working, &thumbnail] {
            assert_eq!(read_quarters(&form.bytes), wanted, "orientation {orientation}");
            assert_eq!(decode(&form.bytes).dimensions(), (form.width, form.height));
            assert_eq!(form.width > form.height, orientation < 5, "orientation {orientation}");
        }
        let server = renditions(&raw, &Limits::default()).unwrap();
        assert_eq!(read_quarters(&server.working.bytes), wanted, "orientation {orientation}");
        assert_eq!((server.working.width, server.working.height), (working.width, working.height));
        assert_eq!(done.original.bytes == raw, orientation == 1);
        assert_eq!(blindspot_photo::read_exif(&done.original.bytes).orientation, 1);
    }
}

#[test]
fn a_large_photo_is_bounded() {
    let raw = scene_jpeg(3000, 2000, 1);
    let done = normalise(&raw, BOUNDED, &Limits::default()).unwrap();
    assert_eq!(Ok(&done), normalise(&raw, BOUNDED, &Limits::default()).as_ref(), "deterministic");
    let (working, thumbnail) = (done.working.unwrap(), done.thumbnail.unwrap());
    assert_eq!((done.original.width, done.original.height), (2560, 1707));
    assert_eq!((working.width, working.height), (1280, 854));
    assert_eq!((thumbnail.width, thumbnail.height), (320, 214));
    assert!(working.bytes.len() <= 250_000 && thumbnail.bytes.len() <= 40_000);
    assert_eq!(done.raw_sha256, sha256(&raw));
    assert_eq!(done.original.sha256, sha256(&done.original.bytes));
    assert_ne!(done.raw_sha256, done.original.sha256);
}

#[test]
fn a_small_upright_jpeg_is_kept_byte_for_byte_with_all_its_exif() {
    let raw = jpeg(&scene(900, 600, 2), 900, 600, 90, Some(&phone_tiff(1)));
    let done = normalise(&raw, BOUNDED, &Limits::default()).unwrap();
    assert_eq!(done.original.bytes, raw);
    assert_eq!(done.raw_sha256, done.original.sha256);
    let working = done.working.unwrap();
    assert_eq!((working.width, working.height), (900, 600), "never enlarged");
    assert!(blindspot_photo::read_exif(&working.bytes).gps.is_none(), "small forms carry no EXIF");
}

#[test]
fn a_tiny_picture_is_not_enlarged() {
    let done = normalise(&scene_jpeg(9, 5, 1), BOUNDED, &Limits::default()).unwrap();
    let thumbnail = done.thumbnail.unwrap();
    assert_eq!((thumbnail.width, thumbnail.height), (9, 5));
}

#[test]
fn pure_noise_still_fits_its_forms() {
    let raw = jpeg(&noise(1600, 1600), 1600, 1600, 95, None);
    let made = renditions(&raw, &Limits::default()).unwrap();
    assert!(made.working.bytes.len() <= 250_000, "{}", made.working.bytes.len());
    assert!(made.thumbnail.bytes.len() <= 40_000, "{}", made.thumbnail.bytes.len());
    assert_eq!(decode(&made.working.bytes).dimensions(), (made.working.width, made.working.height));
}

#[test]
fn as_taken_keeps_the_file_and_turns_the_small_forms() {
    let raw = jpeg(&scene(3000, 1500, 3), 3000, 1500, 85, Some(&phone_tiff(6)));
    let done = normalise(&raw, OriginalPolicy::AsTaken, &Limits::default()).unwrap();
    assert_eq!(done.original.bytes, raw);
    assert_eq!((done.original.width, done.original.height), (3000, 1500));
    let working = done.working.unwrap();
    assert_eq!((working.width, working.height), (640, 1280));
}

#[test]
fn png_and_webp_become_jpeg_and_transparency_becomes_white() {
    let rgba: Vec<u8> =
        (0..200 * 100u32).flat_map(|i| if i % 200 < 100 { [200, 0, 0, 255] } else { [0, 0, 0, 0] }).collect();
    let (mut png, mut webp) = (Vec::new(), Vec::new());
    let kind = image::ExtendedColorType::Rgba8;
    image::codecs::png::PngEncoder::new(&mut png).write_image(&rgba, 200, 100, kind).unwrap();
    image::codecs::webp::WebPEncoder::new_lossless(&mut webp).write_image(&rgba, 200, 100, kind).unwrap();
    for (raw, format) in [(png, Format::Png), (webp, Format::Webp)] {
        let done = normalise(&raw, BOUNDED, &Limits::default()).unwrap();
        assert_eq!(done.format, format);
        assert_eq!(blindspot_photo::sniff(&done.original.bytes), Some(Format::Jpeg));
        let picture = decode(&done.original.bytes);
        assert!(picture.get_pixel(50, 50).0[0] > 180 && picture.get_pixel(50, 50).0[1] < 40);
        assert!(picture.get_pixel(150, 50).0.iter().all(|c| *c > 245), "{:?}", picture.get_pixel(150, 50));
        let kept = normalise(&raw, OriginalPolicy::AsTaken, &Limits::default()).unwrap();
        assert_eq!(kept.original.bytes, raw);
    }
}

#[test]
fn progressive_and_gray_jpegs_decode_at_every_scale() {
    for (w, h) in [(700, 500), (3000, 2000), (5400, 1600)] {
        let rgb = scene(w, h, 5);
        let gray: Vec<u8> = rgb.chunks(3).map(|p| p[1]).collect();
        let mut out = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut out, 90);
        encoder.encode(&gray, w as u16, h as u16, jpeg_encoder::ColorType::Luma).unwrap();
        for raw in [progressive(&rgb, w, h), out] {
            let made = renditions(&raw, &Limits::default()).unwrap();
            // Brightness alone: colour at sharp edges is rightly lost to the encoder's halved chroma.
            let (whole, small) = (gray_of(&raw), gray_of(&made.thumbnail.bytes));
            let filter = image::imageops::FilterType::CatmullRom;
            let shrunk = image::imageops::resize(&whole, small.width(), small.height(), filter);
            let off: u64 = shrunk.iter().zip(small.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(off < 3 * small.len() as u64, "mean error {} at {w}x{h}", off / small.len() as u64);
        }
    }
}

#[test]
fn heic_is_stored_and_never_decoded() {
    let raw = b"\0\0\0\x18ftypheic\0\0\0\0mif1heicand some bytes";
    let done = normalise(raw, BOUNDED, &Limits::default()).unwrap();
    assert_eq!(done.original.bytes, raw);
    assert_eq!((done.working, done.thumbnail, done.phash, done.format), (None, None, None, Format::Heic));
    assert_eq!(renditions(raw, &Limits::default()), Err(PhotoError::HeicNotDecoded));
}

#[test]
fn the_kept_exif_is_time_position_and_make_only() {
    let raw = jpeg(&scene(2700, 500, 4), 2700, 500, 90, Some(&phone_tiff(6)));
    let done = normalise(&raw, BOUNDED, &Limits::default()).unwrap();
    let kept = blindspot_photo::read_exif(&done.original.bytes);
    let (before, after) = (done.exif.gps.clone().unwrap(), kept.gps.clone().unwrap());
    assert!((before.lat - after.lat).abs() < 1e-9 && (before.lon - after.lon).abs() < 1e-9, "{after:?}");
    assert_eq!(
        (after.accuracy_m, after.datum, after.time_ms),
        (before.accuracy_m, before.datum, before.time_ms)
    );
    assert_eq!((kept.taken_local, kept.offset_min), (done.exif.taken_local, done.exif.offset_min));
    assert_eq!((kept.make.as_deref(), kept.model), (Some("HUAWEI"), None));
    for secret in [b"secret-model".as_slice(), b"serial-4711"] {
        assert!(!done.original.bytes.windows(secret.len()).any(|w| w == secret));
    }
    let bare = jpeg(&scene(2700, 500, 4), 2700, 500, 90, Some(&tiff(&[], &[], &[], 0)));
    let bare = normalise(&bare, BOUNDED, &Limits::default()).unwrap();
    assert!(!bare.original.bytes.windows(4).any(|w| w == b"Exif"), "nothing to keep, nothing written");
}
