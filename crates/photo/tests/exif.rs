//! EXIF as phones really write it, and as editors and bad memory cards leave it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use blindspot_photo::{ExifFacts, GpsFix, read_exif};
use common::{Entry, ascii, fractions, jpeg, phone_tiff, scene, short, tiff};

fn facts(block: &[u8]) -> ExifFacts {
    read_exif(&jpeg(&scene(16, 16, 1), 16, 16, 80, Some(block)))
}

fn fix(gps: &[Entry]) -> Option<GpsFix> {
    facts(&tiff(&[], &[], gps, 0)).gps
}

#[test]
fn a_phones_facts_with_southern_and_western_signs() {
    let read = facts(&phone_tiff(6));
    assert_eq!(read.orientation, 6);
    assert_eq!(read.taken_local.as_deref(), Some("2024-05-06T07:08:09"));
    assert_eq!(read.offset_min, Some(480));
    assert_eq!((read.make.as_deref(), read.model.as_deref()), (Some("HUAWEI"), Some("P40 secret-model")));
    let gps = read.gps.unwrap();
    assert!((gps.lat - -33.857_083_333_3).abs() < 1e-9, "{}", gps.lat);
    assert!((gps.lon - -70.5).abs() < 1e-9, "{}", gps.lon);
    assert_eq!(gps.accuracy_m, Some(4.5));
    assert_eq!(gps.datum.as_deref(), Some("WGS-84"));
    // 2024-05-05T23:08:09.500Z
    assert_eq!(gps.time_ms, Some(1_714_950_489_500));
}

#[test]
fn northern_and_eastern_signs_and_plain_degrees() {
    let gps = fix(&[
        ascii(1, "N"),
        fractions(2, &[(293_056, 10_000)]),
        ascii(3, "E"),
        fractions(4, &[(120, 1), (45, 10)]),
    ]);
    let gps = gps.unwrap();
    assert!((gps.lat - 29.3056).abs() < 1e-9 && (gps.lon - 120.075).abs() < 1e-9, "{gps:?}");
    assert_eq!((gps.accuracy_m, gps.datum, gps.time_ms), (None, None, None));
}

#[test]
fn a_position_that_is_not_one_is_none() {
    let lat = |d| fractions(2, &[(d, 1), (0, 1), (0, 1)]);
    let lon = |d| fractions(4, &[(d, 1), (0, 1), (0, 1)]);
    let unset = |tag| fractions(tag, &[(0, 0), (0, 0), (0, 0)]);
    assert!(fix(&[ascii(1, "N"), lat(29), ascii(3, "E"), lon(120)]).is_some());
    for gps in [
        vec![],
        vec![lat(29), lon(120)],
        vec![ascii(1, "N"), lat(29), lon(120)],
        vec![ascii(1, "N"), lat(91), ascii(3, "E"), lon(120)],
        vec![ascii(1, "N"), lat(29), ascii(3, "E"), lon(181)],
        vec![ascii(1, "N"), lat(0), ascii(3, "E"), lon(0)],
        vec![ascii(1, "N"), unset(2), ascii(3, "E"), unset(4)],
        vec![ascii(1, "?"), lat(29), ascii(3, "E"), lon(120)],
        vec![ascii(1, "N"), ascii(2, "twenty-nine"), ascii(3, "E"), lon(120)],
    ] {
        assert_eq!(fix(&gps), None, "{gps:?}");
    }
}

#[test]
fn a_broken_ifd_chain_costs_nothing_that_was_read() {
    let sound = phone_tiff(3);
    let wanted = facts(&sound);
    // Where the root's pointer to the next IFD lies: five entries after the eight bytes of the head.
    let next_at = 8 + 2 + 12 * 5;
    for pointer in [8u32, 12, 70, 0xFFFF_FFF0, sound.len() as u32 - 3] {
        let mut broken = sound.clone();
        broken[next_at..next_at + 4].copy_from_slice(&pointer.to_le_bytes());
        assert_eq!(facts(&broken), wanted, "next IFD at {pointer}");
    }
}

#[test]
fn a_lost_gps_block_keeps_the_rest() {
    let mut broken = phone_tiff(8);
    // The GPS pointer is the root's last entry; its value ends where the next-IFD pointer begins.
    let at = 8 + 2 + 12 * 5 - 4;
    broken[at..at + 4].copy_from_slice(&0x00FF_FFFFu32.to_le_bytes());
    let read = facts(&broken);
    assert_eq!((read.orientation, read.gps.is_none()), (8, true));
    assert_eq!(read.taken_local.as_deref(), Some("2024-05-06T07:08:09"));
}

#[test]
fn other_times_and_zones_stand_in() {
    let read = facts(&tiff(&[ascii(0x0132, "2023:01:02 03:04:05")], &[ascii(0x9010, "-03:30")], &[], 0));
    assert_eq!((read.taken_local.as_deref(), read.offset_min), (Some("2023-01-02T03:04:05"), Some(-210)));
    let unset = facts(&tiff(
        &[],
        &[ascii(0x9003, "0000:00:00 00:00:00"), ascii(0x9004, "2023:01:02 03:04:06")],
        &[],
        0,
    ));
    assert_eq!(unset.taken_local.as_deref(), Some("2023-01-02T03:04:06"));
}

#[test]
fn an_orientation_outside_1_to_8_is_upright() {
    for wrong in [0u16, 9, 255, 256 + 6] {
        assert_eq!(facts(&tiff(&[short(0x0112, wrong)], &[], &[], 0)).orientation, 1, "{wrong}");
    }
}

#[test]
fn nothing_readable_gives_the_defaults() {
    let plain = jpeg(&scene(16, 16, 1), 16, 16, 80, None);
    for bytes in
        [plain.as_slice(), b"", b"not a photo", b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]
    {
        assert_eq!(read_exif(bytes), ExifFacts::default());
    }
    assert_eq!(facts(b""), ExifFacts::default());
    assert_eq!(facts(b"II\x2A\0\xFF\xFF\xFF\xFF"), ExifFacts::default());
}

#[test]
fn exif_in_a_file_that_breaks_off_is_still_read() {
    let raw = jpeg(&scene(64, 64, 1), 64, 64, 80, Some(&phone_tiff(6)));
    assert_eq!(read_exif(&raw[..raw.len() / 2 + 300]).orientation, 6);
}
