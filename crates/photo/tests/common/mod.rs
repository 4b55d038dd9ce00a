//! Builders for pictures and EXIF blocks in tests: written independently of the crate's own writer.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Xorshift: small, seeded, the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() >> 11) as usize % n
    }
}

/// A scene described in fractions of the picture, so that it can be drawn at any size.
pub fn scene(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut fraction = || dice.below(1000) as f64 / 1000.0;
    let slope: [f64; 3] = [fraction() * 200.0, fraction() * 200.0, fraction() * 200.0];
    let things: Vec<[f64; 7]> = (0..14)
        .map(|_| {
            let (x, y) = (fraction() * 0.9, fraction() * 0.9);
            let (w, h) = (0.08 + fraction() * 0.35, 0.08 + fraction() * 0.35);
            [x, y, x + w, y + h, fraction() * 255.0, fraction() * 255.0, fraction() * 255.0]
        })
        .collect();
    let mut data = Vec::with_capacity((width * height * 3) as usize);
    for py in 0..height {
        let y = f64::from(py) / f64::from(height);
        for px in 0..width {
            let x = f64::from(px) / f64::from(width);
            let mut colour = slope.map(|s| 30.0 + s * (x + y) / 2.0);
            for [x0, y0, x1, y1, r, g, b] in &things {
                if (x0..x1).contains(&&x) && (y0..y1).contains(&&y) {
                    colour = [*r, *g, *b];
                }
            }
            data.extend(colour.map(|c| c as u8));
        }
    }
    data
}

pub fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut dice = Dice(7);
    (0..width * height * 3).map(|_| (dice.roll() >> 24) as u8).collect()
}

pub fn jpeg(rgb: &[u8], width: u32, height: u32, quality: u8, tiff: Option<&[u8]>) -> Vec<u8> {
    encode(rgb, width, height, quality, tiff, false)
}

pub fn progressive(rgb: &[u8], width: u32, height: u32) -> Vec<u8> {
    encode(rgb, width, height, 80, None, true)
}

fn encode(
    rgb: &[u8],
    width: u32,
    height: u32,
    quality: u8,
    tiff: Option<&[u8]>,
    progressive: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    if let Some(tiff) = tiff {
        encoder.add_exif_metadata(tiff).expect("EXIF fits a segment");
    }
    encoder.encode(rgb, width as u16, height as u16, ColorType::Rgb).expect("a sound picture");
    out
}

pub fn scene_jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
    jpeg(&scene(width, height, seed), width, height, 90, None)
}

/// Decodes with a library that the crate uses only behind its own checks.
pub fn decode(bytes: &[u8]) -> image::RgbImage {
    image::load_from_memory(bytes).expect("a picture").into_rgb8()
}

/// One EXIF entry: tag, type, count, value in little-endian bytes.
pub type Entry = (u16, u16, u32, Vec<u8>);

pub fn ascii(tag: u16, text: &str) -> Entry {
    (tag, 2, text.len() as u32 + 1, [text.as_bytes(), &[0]].concat())
}

pub fn short(tag: u16, value: u16) -> Entry {
    (tag, 3, 1, value.to_le_bytes().to_vec())
}

pub fn fractions(tag: u16, list: &[(u32, u32)]) -> Entry {
    (
        tag,
        5,
        list.len() as u32,
        list.iter().flat_map(|(n, d)| [n.to_le_bytes(), d.to_le_bytes()]).flatten().collect(),
    )
}

/// A little-endian TIFF block with the three IFDs. `next` is the root's pointer to a following IFD.
pub fn tiff(root: &[Entry], exif: &[Entry], gps: &[Entry], next: u32) -> Vec<u8> {
    let mut root = root.to_vec();
    let size = |entries: &[Entry]| -> usize {
        let outside: usize = entries.iter().map(|e| if e.3.len() > 4 { e.3.len() } else { 0 }).sum();
        6 + 12 * entries.len() + outside
    };
    let exif_at = 8 + size(&root) + 24;
    let gps_at = exif_at + size(exif);
    root.push((0x8769, 4, 1, (exif_at as u32).to_le_bytes().to_vec()));
    root.push((0x8825, 4, 1, (gps_at as u32).to_le_bytes().to_vec()));
    let mut out = b"II\x2A\0\x08\0\0\0".to_vec();
    for (entries, next) in [(root.as_slice(), next), (exif, 0), (gps, 0)] {
        let mut at = out.len() + 6 + 12 * entries.len();
        out.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            out.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            out.extend(count.to_le_bytes());
            if value.len() > 4 {
                out.extend((at as u32).to_le_bytes());
                at += value.len();
            } else {
                let mut inline = value.clone();
                inline.resize(4, 0);
                out.extend(inline);
            }
        }
        out.extend(next.to_le_bytes());
        for entry in entries.iter().filter(|e| e.3.len() > 4) {
            out.extend(&entry.3);
        }
    }
    out
}

/// A phone's EXIF: south of the equator and west of Greenwich.
pub fn phone_tiff(orientation: u16) -> Vec<u8> {
    tiff(
        &[ascii(0x010F, "HUAWEI"), ascii(0x0110, "P40 secret-model"), short(0x0112, orientation)],
        &[ascii(0x9003, "2024:05:06 07:08:09"), ascii(0x9011, "+08:00"), ascii(0xA431, "serial-4711")],
        &[
            ascii(1, "S"),
            fractions(2, &[(33, 1), (51, 1), (25_500, 1000)]),
            ascii(3, "W"),
            fractions(4, &[(70, 1), (30, 1), (0, 1)]),
            fractions(7, &[(23, 1), (8, 1), (9500, 1000)]),
            ascii(0x12, "WGS-84"),
            ascii(0x1D, "2024:05:05"),
            fractions(0x1F, &[(45, 10)]),
        ],
        0,
    )
}
