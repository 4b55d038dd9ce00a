//! A minimal EXIF block: time, position and make, nothing else. Must not read EXIF.
//!
//! Layout after the Exif 2.32 standard (TIFF 6.0, big-endian): IFD0, Exif IFD, GPS IFD, in this order.

use crate::exif_read::{ExifFacts, GpsFix};
use crate::exif_text as text;

const ASCII: u16 = 2;
const BYTE: u16 = 1;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;

/// Seconds of an angle are written as millionths: 0.03 mm on the ground.
const SECOND_PARTS: u32 = 1_000_000;

/// The TIFF block, or `None` when there is nothing to keep.
pub(crate) fn kept(facts: &ExifFacts) -> Option<Vec<u8>> {
    let exif = time_ifd(facts);
    let gps = facts.gps.as_ref().map(gps_ifd);
    if facts.make.is_none() && exif.is_none() && gps.is_none() {
        return None;
    }
    let mut root = Ifd::default();
    if let Some(make) = &facts.make {
        root.ascii(0x010F, make);
    }
    // Pointers have a fixed size, so the root's size is known before they are.
    let children = usize::from(exif.is_some()) + usize::from(gps.is_some());
    let exif_at = 8 + root.size_with(children);
    let gps_at = exif_at + exif.as_ref().map_or(0, |ifd| ifd.size_with(0));
    if exif.is_some() {
        root.put(0x8769, LONG, 1, &(exif_at as u32).to_be_bytes());
    }
    if gps.is_some() {
        root.put(0x8825, LONG, 1, &(gps_at as u32).to_be_bytes());
    }
    let mut out = b"MM\0\x2A\0\0\0\x08".to_vec();
    root.write(&mut out);
    for ifd in [exif, gps].into_iter().flatten() {
        ifd.write(&mut out);
    }
    Some(out)
}

fn time_ifd(facts: &ExifFacts) -> Option<Ifd> {
    let taken = facts.taken_local.as_ref()?;
    let mut ifd = Ifd::default();
    ifd.put(0x9000, UNDEFINED, 4, b"0232");
    // The date's dashes become colons, the T a blank.
    ifd.ascii(0x9003, &taken.replace('-', ":").replace('T', " "));
    if let Some(offset) = facts.offset_min {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.unsigned_abs();
        ifd.ascii(0x9011, &format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    }
    Some(ifd)
}

fn gps_ifd(fix: &GpsFix) -> Ifd {
    let mut ifd = Ifd::default();
    ifd.put(0, BYTE, 4, &[2, 3, 0, 0]);
    ifd.ascii(1, if fix.lat < 0.0 { "S" } else { "N" });
    ifd.rationals(2, &sexagesimal(fix.lat));
    ifd.ascii(3, if fix.lon < 0.0 { "W" } else { "E" });
    ifd.rationals(4, &sexagesimal(fix.lon));
    let time = fix.time_ms.map(text::civil);
    if let Some((_, day_ms)) = time {
        let ms = day_ms as u32;
        ifd.rationals(7, &[(ms / 3_600_000, 1), (ms / 60_000 % 60, 1), (ms % 60_000, 1000)]);
    }
    if let Some(datum) = &fix.datum {
        ifd.ascii(0x12, datum);
    }
    if let Some(((year, month, day), _)) = time {
        ifd.ascii(0x1D, &format!("{year:04}:{month:02}:{day:02}"));
    }
    if let Some(metres) = fix.accuracy_m {
        // Float to integer casts saturate: 4,294 km is as good as unknown.
        ifd.rationals(0x1F, &[((metres * 1000.0).round() as u32, 1000)]);
    }
    ifd
}

fn sexagesimal(degrees: f64) -> [(u32, u32); 3] {
    let parts = (degrees.abs() * 3600.0 * f64::from(SECOND_PARTS)).round() as u64;
    let per_minute = 60 * u64::from(SECOND_PARTS);
    let (minutes, seconds) = (parts / per_minute, parts % per_minute);
    [((minutes / 60) as u32, 1), ((minutes % 60) as u32, 1), (seconds as u32, SECOND_PARTS)]
}

/// Entries in rising tag order (the callers' duty), and the values that do not fit in four bytes.
#[derive(Default)]
struct Ifd {
    entries: Vec<(u16, u16, u32, Vec<u8>)>,
}

impl Ifd {
    fn put(&mut self, tag: u16, kind: u16, count: u32, value: &[u8]) {
        self.entries.push((tag, kind, count, value.to_vec()));
    }

    fn ascii(&mut self, tag: u16, text: &str) {
        let mut value = text.as_bytes().to_vec();
        value.push(0);
        self.put(tag, ASCII, value.len() as u32, &value);
    }

    fn rationals(&mut self, tag: u16, list: &[(u32, u32)]) {
        let value: Vec<u8> =
            list.iter().flat_map(|(n, d)| [n.to_be_bytes(), d.to_be_bytes()]).flatten().collect();
        self.put(tag, RATIONAL, list.len() as u32, &value);
    }

    /// Bytes written, were `more` entries of at most four bytes added.
    fn size_with(&self, more: usize) -> usize {
        let outside: usize = self.entries.iter().map(|entry| outside(&entry.3)).sum();
        2 + 12 * (self.entries.len() + more) + 4 + outside
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut next = out.len() + 2 + 12 * self.entries.len() + 4;
        out.extend((self.entries.len() as u16).to_be_bytes());
        for (tag, kind, count, value) in &self.entries {
            out.extend(tag.to_be_bytes());
            out.extend(kind.to_be_bytes());
            out.extend(count.to_be_bytes());
            if outside(value) == 0 {
                let mut inline = [0u8; 4];
                inline[..value.len()].copy_from_slice(value);
                out.extend(inline);
            } else {
                out.extend((next as u32).to_be_bytes());
                next += outside(value);
            }
        }
        out.extend([0u8; 4]);
        for (_, _, _, value) in self.entries.iter().filter(|entry| outside(&entry.3) > 0) {
            out.extend(value);
            out.extend(vec![0u8; outside(value) - value.len()]);
        }
    }
}

/// Bytes a value takes after its IFD: none up to four, else its length made even.
fn outside(value: &[u8]) -> usize {
    if value.len() <= 4 { 0 } else { value.len().next_multiple_of(2) }
}
