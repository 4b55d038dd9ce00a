//! What the photo path costs, on real files: `measure draw OUT.jpg`, then
//! `/usr/bin/time -v measure normalise|as-taken|compare|renditions|facts FILE [TIMES]`. Not part of the library: it may
//! read files.
#![expect(clippy::disallowed_methods, reason = "an example is a host: it reads the files and the clock")]

use std::time::Instant;

use blindspot_photo::{
    Limits, OriginalPolicy, hash_distance, normalise, perceptual_hash, read_exif, renditions,
};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (Some(what), Some(path)) = (args.first(), args.get(1)) else {
        return Err("usage: measure draw|normalise|as-taken|compare|renditions|facts FILE [TIMES]".into());
    };
    if what == "draw" {
        return draw(path);
    }
    let times: u32 = args.get(2).map_or(Ok(1), |n| n.parse())?;
    let raw = std::fs::read(path)?;
    let limits = Limits::default();
    for _ in 0..times {
        let start = Instant::now();
        let line = match what.as_str() {
            "normalise" => forms(&raw, OriginalPolicy::Bounded, &limits, false)?,
            "as-taken" => forms(&raw, OriginalPolicy::AsTaken, &limits, false)?,
            "compare" => forms(&raw, OriginalPolicy::Bounded, &limits, true)?,
            "renditions" => {
                let made = renditions(&raw, &limits)?;
                format!("working {} B, thumbnail {} B", made.working.bytes.len(), made.thumbnail.bytes.len())
            }
            _ => format!("{:?}", read_exif(&raw)),
        };
        println!("{:6.1} ms  {line}", start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(())
}

fn forms(
    raw: &[u8],
    policy: OriginalPolicy,
    limits: &Limits,
    compare: bool,
) -> Result<String, Box<dyn std::error::Error>> {
    let done = normalise(raw, policy, limits)?;
    let mut line =
        format!("original {}x{} {} B", done.original.width, done.original.height, done.original.bytes.len());
    for (name, form) in [("working", &done.working), ("thumbnail", &done.thumbnail)] {
        if let Some(form) = form {
            line += &format!(", {name} {}x{} {} B", form.width, form.height, form.bytes.len());
        }
    }
    if let (true, Some(hash), Some(form)) = (compare, done.phash, &done.working) {
        line += &format!(
            ", working copy {} bits off",
            hash_distance(hash, perceptual_hash(&form.bytes, limits)?)
        );
    }
    Ok(line)
}

/// A 12-megapixel picture with as much detail as a photo: smooth ground, edges and grain.
fn draw(path: &str) -> Outcome {
    let (width, height) = (4032u32, 3024u32);
    let mut data = Vec::with_capacity((width * height * 3) as usize);
    let mut grain = 0x9E37_79B9u32;
    for y in 0..height {
        for x in 0..width {
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            let edge = if (x / 97 + y / 61) % 3 == 0 { 60 } else { 0 };
            let noise = grain % 24;
            data.extend(
                [x / 24 + edge + noise, y / 18 + edge + noise, (x + y) / 40 + noise]
                    .map(|c| c.min(255) as u8),
            );
        }
    }
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&data, width as u16, height as u16, ColorType::Rgb)?;
    std::fs::write(path, out)?;
    Ok(())
}
