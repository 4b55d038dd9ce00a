//! The few EXIF facts the project uses. Broken EXIF gives fewer facts and never fails a photo. Must not write EXIF.

use std::io::Cursor;

use exif::{Exif, In, Reader, Tag, Value};

use crate::exif_text as text;
use crate::format::{Format, sniff};
use crate::markers::{APP1, Segments};

/// What a photo's EXIF says. Claims of the phone: none of them is proof.
#[derive(Debug, Clone, PartialEq)]
pub struct ExifFacts {
    /// How to turn the picture upright, 1 to 8 (1: it is upright).
    pub orientation: u8,
    /// When it was taken, by the phone's clock and zone: `YYYY-MM-DDTHH:MM:SS`.
    pub taken_local: Option<String>,
    /// The zone of `taken_local`, minutes east of UTC.
    pub offset_min: Option<i32>,
    /// Where it was taken.
    pub gps: Option<GpsFix>,
    /// Who made the phone.
    pub make: Option<String>,
    /// Which phone it was.
    pub model: Option<String>,
}

impl Default for ExifFacts {
    fn default() -> Self {
        Self { orientation: 1, taken_local: None, offset_min: None, gps: None, make: None, model: None }
    }
}

/// A position in a photo, as written there.
#[derive(Debug, Clone, PartialEq)]
pub struct GpsFix {
    /// Degrees, north positive, -90 to 90.
    pub lat: f64,
    /// Degrees, east positive, -180 to 180.
    pub lon: f64,
    /// Horizontal error, metres.
    pub accuracy_m: Option<f64>,
    /// `GPSMapDatum` as written (usually `WGS-84`, often absent).
    pub datum: Option<String>,
    /// The GPS receiver's own time: UTC, milliseconds since 1970.
    pub time_ms: Option<i64>,
}

/// What EXIF says in a JPEG, PNG, WebP or HEIC. Nothing readable: the defaults.
pub fn read_exif(bytes: &[u8]) -> ExifFacts {
    parse(bytes).map(|exif| facts(&exif)).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Option<Exif> {
    let mut reader = Reader::new();
    // In its strict mode the library refuses sound phone photos whose IFD chain an editor closed carelessly.
    reader.continue_on_error(true);
    let parsed = match sniff(bytes)? {
        Format::Jpeg => reader.read_raw(tiff_of_jpeg(bytes)?.to_vec()),
        Format::Png | Format::Webp | Format::Heic => reader.read_from_container(&mut Cursor::new(bytes)),
    };
    parsed.or_else(|error| error.distill_partial_result(|_| {})).ok()
}

/// The TIFF block of the first EXIF segment, also in a file that breaks off later.
fn tiff_of_jpeg(bytes: &[u8]) -> Option<&[u8]> {
    Segments::before_scan(bytes)
        .filter(|segment| segment.marker == APP1)
        .find_map(|segment| segment.payload.strip_prefix(b"Exif\0").and_then(|rest| rest.get(1..)))
}

fn facts(exif: &Exif) -> ExifFacts {
    let orientation = value(exif, Tag::Orientation).and_then(|v| v.get_uint(0));
    let taken = [
        (Tag::DateTimeOriginal, Tag::OffsetTimeOriginal),
        (Tag::DateTimeDigitized, Tag::OffsetTimeDigitized),
        (Tag::DateTime, Tag::OffsetTime),
    ]
    .into_iter()
    .find_map(|(when, zone)| Some((ascii(exif, when).and_then(text::stamp)?, zone)));
    let offset_min = taken.and_then(|(_, zone)| {
        // Some phones write only the general zone tag beside the original time.
        [zone, Tag::OffsetTime].into_iter().find_map(|tag| ascii(exif, tag).and_then(text::offset_minutes))
    });
    ExifFacts {
        orientation: orientation
            .and_then(|n| u8::try_from(n).ok())
            .filter(|n| (1..=8).contains(n))
            .unwrap_or(1),
        taken_local: taken.map(
            |(text::Stamp { date: (year, month, day), time: (hour, minute, second) }, _)| {
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
            },
        ),
        offset_min,
        gps: gps(exif),
        make: ascii(exif, Tag::Make).and_then(text::name),
        model: ascii(exif, Tag::Model).and_then(text::name),
    }
}

/// A position only when both angles and both hemispheres are there: without N/S and E/W the sign would be a guess.
fn gps(exif: &Exif) -> Option<GpsFix> {
    let lat = angle(exif, Tag::GPSLatitude)? * sign(exif, Tag::GPSLatitudeRef, b'N', b'S')?;
    let lon = angle(exif, Tag::GPSLongitude)? * sign(exif, Tag::GPSLongitudeRef, b'E', b'W')?;
    // Phones without a fix write 0, 0: a point in the ocean.
    if lat.abs() > 90.0 || lon.abs() > 180.0 || (lat == 0.0 && lon == 0.0) {
        return None;
    }
    let accuracy_m = rationals(exif, Tag::GPSHPositioningError).and_then(|r| r.first().copied().flatten());
    Some(GpsFix {
        lat,
        lon,
        accuracy_m,
        datum: ascii(exif, Tag::GPSMapDatum).and_then(text::name),
        time_ms: gps_time(exif),
    })
}

/// Degrees from degrees, minutes and seconds; absent or unset minutes and seconds count nothing.
fn angle(exif: &Exif, tag: Tag) -> Option<f64> {
    let parts = rationals(exif, tag)?;
    let part = |n: usize| parts.get(n).copied().flatten();
    let (minutes, seconds) = (part(1).unwrap_or(0.0), part(2).unwrap_or(0.0));
    (minutes < 60.1 && seconds < 60.1).then_some(part(0)? + minutes / 60.0 + seconds / 3600.0)
}

fn sign(exif: &Exif, tag: Tag, positive: u8, negative: u8) -> Option<f64> {
    match ascii(exif, tag)?.first()?.to_ascii_uppercase() {
        letter if letter == positive => Some(1.0),
        letter if letter == negative => Some(-1.0),
        _ => None,
    }
}

fn gps_time(exif: &Exif) -> Option<i64> {
    let date = ascii(exif, Tag::GPSDateStamp).and_then(text::date)?;
    let clock = rationals(exif, Tag::GPSTimeStamp)?;
    let &[Some(hour), Some(minute), Some(second)] = clock.as_slice() else {
        return None;
    };
    let sound = hour < 24.0 && minute < 60.0 && second < 61.0;
    let day_ms = (hour * 3_600_000.0 + minute * 60_000.0 + second * 1000.0).round();
    sound.then(|| text::unix_ms(date, day_ms as i64))
}

fn value(exif: &Exif, tag: Tag) -> Option<&Value> {
    exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match value(exif, tag)? {
        Value::Ascii(texts) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

/// Finite, non-negative fractions; one with denominator 0 (how phones write "unknown") is `None`.
fn rationals(exif: &Exif, tag: Tag) -> Option<Vec<Option<f64>>> {
    match value(exif, tag)? {
        Value::Rational(list) => {
            let read = |r: &exif::Rational| (r.denom != 0).then(|| f64::from(r.num) / f64::from(r.denom));
            Some(list.iter().take(3).map(read).collect())
        }
        _ => None,
    }
}
