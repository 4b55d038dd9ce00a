//! Walks a JPEG marker by marker, and reads its frame header. Must not decode pixels.

use crate::error::PhotoError;
use crate::limits::Limits;

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const APP0: u8 = 0xE0;
pub(crate) const APP1: u8 = 0xE1;
pub(crate) const APP2: u8 = 0xE2;
pub(crate) const APP14: u8 = 0xEE;

/// One marker with what belongs to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    /// The byte after 0xFF.
    pub(crate) marker: u8,
    /// The bytes after the length field; empty for a marker that has none.
    pub(crate) payload: &'a [u8],
    /// From the 0xFF of the marker to the next marker: for SOS this includes the scan's data.
    pub(crate) whole: &'a [u8],
    /// Offset in the file just after `whole`.
    pub(crate) end: usize,
}

/// The segments of a JPEG from SOI to the first EOI at top level. Bytes after EOI (a second picture, a video) are
/// not looked at. Ends with `Truncated` when the bytes end first.
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    over: bool,
}

impl<'a> Segments<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, over: false }
    }

    /// Only what comes before the first scan: metadata and tables, without a look at the scan's megabytes. Ends
    /// quietly where the bytes are broken.
    pub(crate) fn before_scan(bytes: &'a [u8]) -> impl Iterator<Item = Segment<'a>> {
        let mut segments = Self::of(bytes);
        std::iter::from_fn(move || {
            let rest = &bytes[segments.at..];
            (rest.get(find_marker(rest)? + 1) != Some(&SOS)).then(|| segments.next()?.ok()).flatten()
        })
    }

    fn read(&mut self) -> Result<Segment<'a>, PhotoError> {
        let start = self.at + find_marker(&self.bytes[self.at..]).ok_or(PhotoError::Truncated)?;
        let marker = self.bytes[start + 1];
        let body = start + 2;
        let payload = if matches!(marker, 0x01 | 0xD0..=EOI) {
            &[]
        } else {
            let length = self.bytes.get(body..body + 2).ok_or(PhotoError::Truncated)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            if length < 2 {
                return Err(PhotoError::malformed("a JPEG segment is shorter than its own length field"));
            }
            self.bytes.get(body + 2..body + length).ok_or(PhotoError::Truncated)?
        };
        let mut end = if payload.is_empty() && matches!(marker, 0x01 | 0xD0..=EOI) {
            body
        } else {
            body + 2 + payload.len()
        };
        if marker == SOS {
            end += scan_length(&self.bytes[end..]).ok_or(PhotoError::Truncated)?;
        }
        self.at = end;
        self.over = marker == EOI;
        Ok(Segment { marker, payload, whole: &self.bytes[start..end], end })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, PhotoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let segment = self.read();
        self.over |= segment.is_err();
        Some(segment)
    }
}

/// Offset of the next marker's 0xFF (the last one of a run of fill bytes). Stray bytes between segments are
/// passed over, as every decoder does.
fn find_marker(bytes: &[u8]) -> Option<usize> {
    bytes.array_windows().position(|&[ff, code]| ff == 0xFF && code != 0x00 && code != 0xFF)
}

/// Bytes of entropy-coded data up to the next marker that is not a restart.
fn scan_length(bytes: &[u8]) -> Option<usize> {
    bytes.array_windows().position(|&[ff, code]| ff == 0xFF && !matches!(code, 0x00 | 0xD0..=0xD7 | 0xFF))
}

/// What a decoder would set memory aside for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) components: u32,
    /// Samples of all planes in 1/256 of a pixel: 4:2:0 is 384, 4:4:4 is 768.
    samples_256: u64,
    /// Coefficients of the whole picture are held at once (progressive, or more than one scan).
    holds_coefficients: bool,
    /// Where the picture ends in the file.
    pub(crate) end: usize,
}

impl Frame {
    /// The frame of a whole JPEG.
    ///
    /// # Errors
    /// `TooManyPixels` as soon as the header says so, `Truncated` when no EOI is reached, `Malformed` for no frame, more than one, or a kind nobody decodes here.
    pub(crate) fn of(bytes: &[u8], limits: &Limits) -> Result<Self, PhotoError> {
        let (mut frame, mut scans, mut end) = (None, 0u32, 0);
        for segment in Segments::of(bytes) {
            let segment = segment?;
            end = segment.end;
            match segment.marker {
                SOS => scans += 1,
                0xC0..=0xC2 => {
                    let read = Self::read(segment)?;
                    limits.check_pixels(read.width, read.height)?;
                    if frame.replace(read).is_some() {
                        return Err(PhotoError::malformed("two frames in one JPEG"));
                    }
                }
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    return Err(PhotoError::malformed("a lossless, hierarchical or arithmetic-coded JPEG"));
                }
                _ => {}
            }
        }
        let mut frame: Self = frame.ok_or_else(|| PhotoError::malformed("a JPEG without a frame"))?;
        if scans == 0 {
            return Err(PhotoError::malformed("a JPEG without a scan"));
        }
        frame.holds_coefficients |= scans > 1;
        frame.end = end;
        Ok(frame)
    }

    fn read(segment: Segment<'_>) -> Result<Self, PhotoError> {
        let bad = || PhotoError::malformed("a broken JPEG frame header");
        let (&[precision, h1, h0, w1, w0, components], rest) =
            segment.payload.split_first_chunk().ok_or_else(bad)?;
        if precision != 8 || !matches!(components, 1 | 3 | 4) || rest.len() < usize::from(components) * 3 {
            return Err(bad());
        }
        let factors = || rest.chunks_exact(3).take(usize::from(components)).map(|c| (c[1] >> 4, c[1] & 15));
        if factors().any(|(h, v)| !(1..=4).contains(&h) || !(1..=4).contains(&v)) {
            return Err(bad());
        }
        let widest = u64::from(factors().map(|f| f.0).max().unwrap_or(1));
        let highest = u64::from(factors().map(|f| f.1).max().unwrap_or(1));
        let samples: u64 = factors().map(|(h, v)| u64::from(h) * u64::from(v)).sum();
        Ok(Self {
            width: u32::from(u16::from_be_bytes([w1, w0])),
            height: u32::from(u16::from_be_bytes([h1, h0])),
            components: u32::from(components),
            samples_256: samples * 256 / (widest * highest),
            holds_coefficients: segment.marker == 0xC2,
            end: 0,
        })
    }

    /// An upper estimate of what decoding to `width` x `height` holds at once, bytes: the coefficients (two bytes
    /// each, at full size) where they are held, the planes, and the RGB result.
    pub(crate) fn decode_bytes(&self, width: u32, height: u32) -> u64 {
        let full = u64::from(self.width) * u64::from(self.height);
        let out = u64::from(width) * u64::from(height);
        let coefficients = if self.holds_coefficients { full * self.samples_256 / 128 } else { 0 };
        coefficients + out * self.samples_256 / 256 + out * 3
    }
}
