//! Metadata goes, pixels stay.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use blindspot_photo::{ExifFacts, read_exif, strip_metadata};
use common::{decode, jpeg, phone_tiff, progressive, scene, scene_jpeg};

/// Puts a segment right after SOI.
fn with_segment(raw: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&raw[..2], &[0xFF, marker], &length, body, &raw[2..]].concat()
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|w| w == text)
}

#[test]
fn no_metadata_is_left_and_no_pixel_moves() {
    let plain = jpeg(&scene(200, 150, 1), 200, 150, 85, None);
    let mut raw = jpeg(&scene(200, 150, 1), 200, 150, 85, Some(&phone_tiff(6)));
    raw = with_segment(&raw, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>secret-xmp</x:xmpmeta>");
    raw = with_segment(&raw, 0xED, b"Photoshop 3.0\x008BIM secret-iptc");
    raw = with_segment(&raw, 0xFE, b"secret-comment");
    raw = with_segment(&raw, 0xE2, b"MPF\0secret-mpf");
    raw = with_segment(&raw, 0xEE, b"Adobe but much too long: secret-app14");
    raw = with_segment(&raw, 0xF0, b"secret-reserved");
    raw.extend(b"secret-trailer");
    let stripped = strip_metadata(&raw).unwrap();
    for trace in [b"secret".as_slice(), b"Exif", b"HUAWEI", b"xmp", b"MPF"] {
        assert!(holds(&raw, trace) && !holds(&stripped, trace), "{}", String::from_utf8_lossy(trace));
    }
    assert_eq!(read_exif(&stripped), ExifFacts::default());
    assert_eq!(decode(&stripped), decode(&plain));
    assert_eq!(strip_metadata(&stripped).unwrap(), stripped, "nothing more to take");
}

#[test]
fn progressive_scans_survive() {
    let raw = progressive(&scene(200, 150, 1), 200, 150);
    let stripped = strip_metadata(&raw).unwrap();
    assert_eq!(decode(&stripped), decode(&raw));
}

#[test]
fn a_preview_inside_the_jfif_head_goes_and_the_head_stays() {
    let plain = scene_jpeg(64, 48, 1);
    let head = plain.windows(5).position(|w| w == b"JFIF\0").unwrap() - 4;
    let old_end = head + 2 + usize::from(u16::from_be_bytes([plain[head + 2], plain[head + 3]]));
    let preview: Vec<u8> = [b"JFIF\0\x01\x02\0\0\x01\0\x01\x02\x01".as_slice(), b"secret"].concat();
    let raw = with_segment(&[&plain[..head], &plain[old_end..]].concat(), 0xE0, &preview);
    let stripped = strip_metadata(&raw).unwrap();
    assert!(holds(&stripped, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0") && !holds(&stripped, b"secret"));
    assert_eq!(decode(&stripped), decode(&plain));
}

#[test]
fn a_small_rgb_profile_stays_and_any_other_goes() {
    let profile = |space: &[u8; 4], size: usize| {
        let mut body = b"ICC_PROFILE\0\x01\x01".to_vec();
        body.resize(14 + size, 7);
        body[14 + 16..14 + 20].copy_from_slice(space);
        with_segment(&scene_jpeg(64, 48, 1), 0xE2, &body)
    };
    assert!(holds(&strip_metadata(&profile(b"RGB ", 548)).unwrap(), b"ICC_PROFILE"));
    assert!(!holds(&strip_metadata(&profile(b"CMYK", 548)).unwrap(), b"ICC_PROFILE"));
    assert!(!holds(&strip_metadata(&profile(b"RGB ", 40_000)).unwrap(), b"ICC_PROFILE"));
    let made =
        blindspot_photo::renditions(&profile(b"RGB ", 548), &blindspot_photo::Limits::default()).unwrap();
    assert!(
        holds(&made.working.bytes, b"ICC_PROFILE"),
        "a wide-gamut photo keeps its colours in the small forms"
    );
}
