//! A 64-bit hash of what a picture shows: near for the same picture at other sizes and qualities, far for others.
//! Must not be used as an identity: that is SHA-256.
//!
//! The DCT hash (after Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010): upright,
//! 320 px, then 32 x 32 luma, two-dimensional DCT-II, its 64 lowest frequencies without the constant one, one bit
//! each: above their median or not. A dead zone above the median keeps flat pictures from hashing their noise.

use crate::decode::Opened;
use crate::error::PhotoError;
use crate::exif_read::read_exif;
use crate::forms::THUMBNAIL_LONG_SIDE;
use crate::limits::Limits;
use crate::orient::upright;
use crate::pixels::Rgb;
use crate::resize;

/// At most this many differing bits: the same picture. Unrelated pictures differ in about 32.
pub const SAME_PICTURE_MAX: u32 = 10;

const SIDE: usize = 32;
/// Frequencies 0 to 8 of each axis.
const LOW: usize = 9;
/// Fixed-point bits of the cosines: integers give every machine the same hash.
const COSINE_BITS: u32 = 12;
/// In units of an orthonormal DCT over luma 0 to 255. Resampling and JPEG noise stay well under it.
const DEAD_ZONE: i64 = 2;

/// The hash of a JPEG (or any other decodable photo), turned upright first.
///
/// # Errors
/// As [`crate::renditions`].
pub fn perceptual_hash(jpeg: &[u8], limits: &Limits) -> Result<u64, PhotoError> {
    let picture = Opened::new(jpeg, limits)?.decode(THUMBNAIL_LONG_SIDE, limits)?.picture;
    let picture = resize::to_fit(picture, THUMBNAIL_LONG_SIDE)?;
    of_picture(&upright(picture, read_exif(jpeg).orientation))
}

/// How many bits differ, 0 to 64.
pub fn hash_distance(a: u64, b: u64) -> u32 {
    (a ^ b).count_ones()
}

pub(crate) fn of_picture(picture: &Rgb) -> Result<u64, PhotoError> {
    let small = resize::exactly(picture, SIDE as u32, SIDE as u32)?;
    let (pixels, _) = small.data.as_chunks::<3>();
    // Rec. 601 luma in 1/1000.
    let luma: Vec<i64> = pixels
        .iter()
        .map(|&[r, g, b]| i64::from(r) * 299 + i64::from(g) * 587 + i64::from(b) * 114)
        .collect();
    let spectrum = low_frequencies(&luma);
    // The 9 x 9 block without its last row, last column and constant: 63; the 64th is the next horizontal one.
    let mut chosen = Vec::with_capacity(64);
    for v in 0..8 {
        for u in 0..8 {
            let (u, v) = if (u, v) == (0, 0) { (8, 0) } else { (u, v) };
            chosen.push(spectrum[v * LOW + u]);
        }
    }
    let mut sorted = chosen.clone();
    sorted.sort_unstable();
    let median = (sorted[31] + sorted[32]) / 2;
    // An orthonormal coefficient is 2/32 of the plain sum.
    let dead_zone = (DEAD_ZONE * (SIDE as i64 / 2) * 1000) << (2 * COSINE_BITS);
    Ok(chosen
        .iter()
        .enumerate()
        .fold(0, |hash, (bit, &value)| hash | u64::from(value > median + dead_zone) << bit))
}

/// The lowest 9 x 9 frequencies, rows of `v`, in units of 1/1000 luma times 2^24.
fn low_frequencies(luma: &[i64]) -> [i64; LOW * LOW] {
    let mut cosines = [[0i64; SIDE]; LOW];
    for (k, row) in cosines.iter_mut().enumerate() {
        for (n, cosine) in row.iter_mut().enumerate() {
            let angle = std::f64::consts::PI * k as f64 * (2 * n + 1) as f64 / (2 * SIDE) as f64;
            *cosine = (angle.cos() * f64::from(1 << COSINE_BITS)).round() as i64;
        }
    }
    let mut rows = [0i64; SIDE * LOW];
    for y in 0..SIDE {
        for u in 0..LOW {
            rows[y * LOW + u] = (0..SIDE).map(|x| luma[y * SIDE + x] * cosines[u][x]).sum();
        }
    }
    let mut out = [0i64; LOW * LOW];
    for v in 0..LOW {
        for u in 0..LOW {
            out[v * LOW + u] = (0..SIDE).map(|y| rows[y * LOW + u] * cosines[v][y]).sum();
        }
    }
    out
}
