//! What the drawn photos promise.

use super::*;
use blindspot_core::geo::{Point, distance_m};
use exif_reader::{In, Tag, Value};
use std::collections::BTreeSet;

use ::exif as exif_reader;

fn spec() -> SceneSpec {
    SceneSpec::nth(1, 7).sized(640, 480)
}

fn read(bytes: &[u8]) -> exif_reader::Exif {
    exif_reader::Reader::new().read_from_container(&mut std::io::Cursor::new(bytes)).expect("sound EXIF")
}

fn degrees(exif: &exif_reader::Exif, tag: Tag) -> f64 {
    let Some(Value::Rational(r)) = exif.get_field(tag, In::PRIMARY).map(|f| &f.value) else {
        panic!("{tag} is not three rationals")
    };
    r[0].to_f64() + r[1].to_f64() / 60.0 + r[2].to_f64() / 3600.0
}

#[test]
fn a_reader_of_exif_finds_what_was_written() {
    let here = Point::new(29.306_123, 120.075_456);
    let wanted = ExifSpec { orientation: 6, ..ExifSpec::phone("2026:04:12 08:03:11", Some(here)) };
    let exif = read(&jpeg(&spec(), &wanted));
    let text = |tag| exif.get_field(tag, In::PRIMARY).map(|f| f.display_value().to_string());
    assert_eq!(text(Tag::DateTimeOriginal).as_deref(), Some("2026-04-12 08:03:11"));
    assert_eq!(text(Tag::OffsetTimeOriginal).as_deref(), Some("\"+08:00\""));
    assert_eq!(text(Tag::Model).as_deref(), Some("\"Sample Phone 1\""));
    assert_eq!(exif.get_field(Tag::Orientation, In::PRIMARY).and_then(|f| f.value.get_uint(0)), Some(6));
    let found = Point::new(degrees(&exif, Tag::GPSLatitude), degrees(&exif, Tag::GPSLongitude));
    assert!(distance_m(found, here) < 0.01);
    let southern = ExifSpec::phone("2026:04:12 08:03:11", Some(Point::new(-33.5, -70.25)));
    let exif = read(&jpeg(&spec(), &southern));
    let reference = |tag| exif.get_field(tag, In::PRIMARY).map(|f| f.display_value().to_string());
    assert_eq!(
        (reference(Tag::GPSLatitudeRef), reference(Tag::GPSLongitudeRef)),
        (Some("S".into()), Some("W".into()))
    );
}

#[test]
fn a_picture_without_position_or_offset_has_neither_field() {
    let plain = ExifSpec { offset: None, ..ExifSpec::phone("2026:04:12 08:03:11", None) };
    let exif = read(&jpeg(&spec(), &plain));
    assert!(exif.get_field(Tag::GPSLatitude, In::PRIMARY).is_none());
    assert!(exif.get_field(Tag::OffsetTimeOriginal, In::PRIMARY).is_none());
}

#[test]
fn orientation_turns_the_stored_pixels_and_not_the_scene() {
    let upright = draw(&spec());
    for (orientation, size) in [(1, (640, 480)), (3, (640, 480)), (6, (480, 640)), (8, (480, 640))] {
        let exif = ExifSpec { orientation, ..ExifSpec::phone("2026:04:12 08:03:11", None) };
        let stored = image::load_from_memory(&jpeg(&spec(), &exif)).expect("a JPEG").to_rgb8();
        assert_eq!(stored.dimensions(), size);
        let shown = match orientation {
            3 => image::imageops::rotate180(&stored),
            6 => image::imageops::rotate90(&stored),
            8 => image::imageops::rotate270(&stored),
            _ => stored,
        };
        assert!(difference(&shown, &upright) < 6.0, "orientation {orientation}");
    }
}

/// Mean difference of all channel values.
fn difference(a: &image::RgbImage, b: &image::RgbImage) -> f64 {
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(x, y)| u64::from(x.abs_diff(*y))).sum();
    sum as f64 / a.as_raw().len() as f64
}

#[test]
fn the_same_spec_draws_the_same_bytes_and_every_number_others() {
    let exif = ExifSpec::phone("2026:04:12 08:03:11", None);
    let all: BTreeSet<Vec<u8>> =
        (1..=24).map(|n| jpeg(&SceneSpec::nth(3, n).sized(160, 120), &exif)).collect();
    assert_eq!(all.len(), 24);
    assert!(all.contains(&jpeg(&SceneSpec::nth(3, 9).sized(160, 120), &exif)));
}

#[test]
fn before_and_after_share_the_vantage_and_differ_in_the_middle() {
    for kind in SceneKind::ALL {
        let before = SceneSpec { kind, night: false, ..spec() };
        let (a, b) = (draw(&before), draw(&before.after()));
        let top = |p: &image::RgbImage| image::imageops::crop_imm(p, 0, 0, 150, 56).to_image();
        assert!(top(&a) == top(&b), "{kind:?}: the corner with the number differs");
        assert!(difference(&a, &b) > 1.0, "{kind:?}: nothing was cleaned");
    }
}

#[test]
fn sizes_are_those_of_phones_and_every_25th_is_12_megapixels() {
    for n in 1..=100 {
        let s = SceneSpec::nth(1, n);
        let long = s.width.max(s.height);
        if n % 25 == 0 {
            assert_eq!((s.width, s.height), (4000, 3000));
        } else {
            assert!((640..=1600).contains(&long), "{long}");
        }
    }
    let kinds: BTreeSet<_> = (1..=200).map(|n| SceneSpec::nth(1, n).kind).collect();
    assert_eq!(kinds.len(), SceneKind::ALL.len());
}

#[test]
fn a_scaled_scene_keeps_its_size_at_any_shape() {
    for (w, h) in [(4000, 3000), (3001, 1999), (1999, 3001)] {
        assert_eq!(draw(&spec().sized(w, h)).dimensions(), (w, h));
    }
}

#[test]
fn every_kind_names_a_problem_of_the_catalogue() {
    let catalogue = blindspot_core::catalogue::load(crate::city::CATALOGUE_JSON).expect("sound");
    for kind in SceneKind::ALL {
        assert!(catalogue.problem(kind.problem_code()).is_some(), "{kind:?}");
    }
}

#[test]
fn a_stamp_changes_the_bytes_and_neither_picture_nor_exif() {
    let here = Some(Point::new(29.3, 120.07));
    let original = jpeg(&spec(), &ExifSpec::phone("2026:04:12 08:03:11", here));
    let (a, b) = (stamp(&original, 1), stamp(&original, 2));
    assert!(a != b && a != original);
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).expect("a JPEG").to_rgb8();
    assert_eq!(pixels(&a), pixels(&original));
    assert!(read(&a).get_field(Tag::GPSLatitude, In::PRIMARY).is_some());
    assert_ne!(stamp(b"no jpeg", 1), stamp(b"no jpeg", 2));
    assert_eq!(
        stamp(&[0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF], 1).len(),
        6 + 4 + "blindspot sample copy 1".len()
    );
}

#[test]
fn the_contact_sheet_is_a_png() {
    let sheet = image::load_from_memory(&contact_sheet(7)).expect("a PNG");
    assert_eq!(sheet.width(), 6 * 248 + 8);
}
