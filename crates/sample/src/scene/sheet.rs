//! A contact sheet: many scenes at a glance, before above after, as PNG.

use super::draw::draw;
use super::spec::SceneSpec;
use image::{ImageFormat, RgbImage, imageops};

const THUMB: (u32, u32) = (240, 180);
const GAP: u32 = 8;
const COLUMNS: u32 = 6;
const PAPER: image::Rgb<u8> = image::Rgb([244, 243, 238]);

/// The first `n` scenes of seed 1 as PNG: each before picture with its after picture under it.
#[must_use]
pub fn contact_sheet(n: u32) -> Vec<u8> {
    let n = n.clamp(1, 600);
    let columns = COLUMNS.min(n);
    let rows = n.div_ceil(columns);
    let (cell_w, cell_h) = (THUMB.0 + GAP, 2 * THUMB.1 + 2 + 2 * GAP);
    let mut sheet = RgbImage::from_pixel(columns * cell_w + GAP, rows * cell_h + GAP, PAPER);
    for i in 0..n {
        let before = SceneSpec::nth(1, i + 1).sized(THUMB.0 * 2, THUMB.1 * 2);
        let (x, y) = (GAP + i % columns * cell_w, GAP + i / columns * cell_h);
        for (spec, down) in [(&before, 0), (&before.after(), THUMB.1 + 2)] {
            let small = imageops::thumbnail(&draw(spec), THUMB.0, THUMB.1);
            imageops::replace(&mut sheet, &small, i64::from(x), i64::from(y + down));
        }
    }
    let mut out = std::io::Cursor::new(Vec::new());
    sheet.write_to(&mut out, ImageFormat::Png).expect("writing to memory cannot fail");
    out.into_inner()
}
