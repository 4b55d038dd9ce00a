//! EXIF as a phone writes it: one TIFF block with an image, an EXIF and a GPS directory.
//!
//! Written by hand, little-endian, only the fields that phones agree on. Reads nothing.

use blindspot_core::geo::Point;

/// What the camera says about a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ExifSpec {
    /// Local time as EXIF writes it: `2026:04:12 08:03:11`.
    pub taken_local: String,
    /// Offset from UTC, `+08:00`; older phones write none.
    pub offset: Option<String>,
    /// WGS-84 position; `None` leaves the GPS directory out.
    pub gps: Option<Point>,
    /// Maker.
    pub make: String,
    /// Model.
    pub model: String,
    /// 1, 3, 6 or 8: how a viewer must turn the stored pixels.
    pub orientation: u16,
}

impl ExifSpec {
    /// An upright picture of an invented phone.
    #[must_use]
    pub fn phone(taken_local: &str, gps: Option<Point>) -> Self {
        Self {
            taken_local: taken_local.to_owned(),
            offset: Some("+08:00".to_owned()),
            gps,
            make: "Jingge".to_owned(),
            model: "Sample Phone 1".to_owned(),
            orientation: 1,
        }
    }
}

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    bytes: Vec<u8>,
}

fn ascii(tag: u16, text: &str) -> Entry {
    let mut bytes: Vec<u8> = text.bytes().filter(|b| b.is_ascii() && *b != 0).collect();
    bytes.push(0);
    Entry { tag, kind: ASCII, count: bytes.len() as u32, bytes }
}

fn short(tag: u16, value: u16) -> Entry {
    Entry { tag, kind: SHORT, count: 1, bytes: value.to_le_bytes().to_vec() }
}

fn long(tag: u16, value: u32) -> Entry {
    Entry { tag, kind: LONG, count: 1, bytes: value.to_le_bytes().to_vec() }
}

fn rationals(tag: u16, values: &[(u32, u32)]) -> Entry {
    let bytes = values.iter().flat_map(|(a, b)| a.to_le_bytes().into_iter().chain(b.to_le_bytes())).collect();
    Entry { tag, kind: RATIONAL, count: values.len() as u32, bytes }
}

/// Bytes of a directory at `start`: count, entries, no next directory, then what did not fit into entries.
fn directory(start: usize, entries: &[Entry]) -> Vec<u8> {
    let mut out = (entries.len() as u16).to_le_bytes().to_vec();
    let mut beyond: Vec<u8> = Vec::new();
    let beyond_at = start + 2 + entries.len() * 12 + 4;
    for e in entries {
        out.extend(e.tag.to_le_bytes());
        out.extend(e.kind.to_le_bytes());
        out.extend(e.count.to_le_bytes());
        if e.bytes.len() <= 4 {
            let mut inline = e.bytes.clone();
            inline.resize(4, 0);
            out.extend(inline);
        } else {
            out.extend(((beyond_at + beyond.len()) as u32).to_le_bytes());
            beyond.extend(&e.bytes);
            beyond.resize(beyond.len().next_multiple_of(2), 0);
        }
    }
    out.extend([0; 4]);
    out.extend(beyond);
    out
}

/// Degrees as whole degrees, whole minutes and ten-thousandths of a second (3 mm).
fn sexagesimal(degrees: f64) -> [(u32, u32); 3] {
    let units = (degrees.abs() * 3600.0 * 10_000.0).round() as u64;
    let (minutes, seconds) = (units / 600_000, units % 600_000);
    [((minutes / 60) as u32, 1), ((minutes % 60) as u32, 1), (seconds as u32, 10_000)]
}

fn gps_entries(p: Point) -> Vec<Entry> {
    vec![
        Entry { tag: 0, kind: 1, count: 4, bytes: vec![2, 3, 0, 0] },
        ascii(1, if p.lat < 0.0 { "S" } else { "N" }),
        rationals(2, &sexagesimal(p.lat)),
        ascii(3, if p.lon < 0.0 { "W" } else { "E" }),
        rationals(4, &sexagesimal(p.lon)),
        ascii(18, "WGS-84"),
    ]
}

/// The TIFF block that follows `Exif\0\0` in the APP1 segment.
pub(super) fn tiff(spec: &ExifSpec, stored_width: u32, stored_height: u32) -> Vec<u8> {
    let mut exif = vec![ascii(0x9003, &spec.taken_local), ascii(0x9004, &spec.taken_local)];
    if let Some(offset) = &spec.offset {
        exif.push(ascii(0x9011, offset));
    }
    exif.push(long(0xA002, stored_width));
    exif.push(long(0xA003, stored_height));
    let image = |exif_at: usize, gps_at: Option<usize>| {
        let mut entries = vec![
            ascii(0x010F, &spec.make),
            ascii(0x0110, &spec.model),
            short(0x0112, spec.orientation),
            ascii(0x0132, &spec.taken_local),
            long(0x8769, exif_at as u32),
        ];
        entries.extend(gps_at.map(|at| long(0x8825, at as u32)));
        entries
    };
    // Places do not change lengths, so lay out once with zeros to learn them.
    let first = 8;
    let image_length = directory(first, &image(0, spec.gps.map(|_| 0))).len();
    let exif_at = first + image_length;
    let exif_bytes = directory(exif_at, &exif);
    let gps_at = exif_at + exif_bytes.len();
    let mut out = b"II*\0".to_vec();
    out.extend((first as u32).to_le_bytes());
    out.extend(directory(first, &image(exif_at, spec.gps.map(|_| gps_at))));
    out.extend(exif_bytes);
    if let Some(p) = spec.gps {
        out.extend(directory(gps_at, &gps_entries(p)));
    }
    out
}
