//! One scene: backdrop, rubbish, number plate, light. Knows no file format.

use super::canvas::{Canvas, Rgb, clamp, cloud, mix, shade, speck};
use super::kinds;
use super::spec::{SceneKind, SceneSpec};
use crate::dice::Dice;
use image::RgbImage;

/// Pictures above this many pixels are drawn smaller and scaled up: detail costs time, size does not.
const DRAWN_PIXELS_MAX: u32 = 520_000;
const SMALL_PIXELS: f64 = 500_000.0;

/// The place itself; the same before and after.
pub(super) struct Vantage {
    /// Where wall meets ground, as a share of the height.
    pub(super) foot: f32,
    wall: Rgb,
    wall_kind: usize,
    ground: Rgb,
    ground_kind: usize,
    salt: u32,
    light_from_left: bool,
}

const WALLS: [Rgb; 6] = [
    [206.0, 198.0, 182.0],
    [178.0, 120.0, 96.0],
    [190.0, 196.0, 198.0],
    [214.0, 190.0, 150.0],
    [160.0, 168.0, 160.0],
    [222.0, 216.0, 204.0],
];
const GROUNDS: [Rgb; 4] =
    [[140.0, 138.0, 132.0], [112.0, 112.0, 114.0], [158.0, 146.0, 128.0], [150.0, 152.0, 150.0]];

impl Vantage {
    fn of(spec: &SceneSpec) -> Self {
        let mut dice = Dice::new(spec.seed, 2_000_000 + u64::from(spec.number));
        let green = spec.kind == SceneKind::GreenLitter;
        Self {
            foot: dice.between(0.44, 0.58) as f32,
            wall: *dice.pick(&WALLS),
            wall_kind: dice.below(4),
            ground: if green { [96.0, 128.0, 66.0] } else { *dice.pick(&GROUNDS) },
            ground_kind: if green { 3 } else { dice.below(3) },
            salt: dice.bits() as u32,
            light_from_left: dice.chance(0.5),
        }
    }

    fn wall_at(&self, x: f32, y: f32) -> Rgb {
        let mottled = 0.86 + 0.2 * cloud(x * 5.0, y * 5.0, self.salt) + 0.08 * cloud(x * 40.0, y * 40.0, 5);
        let stain = 1.0 - 0.22 * ((y / self.foot - 0.72) / 0.28).clamp(0.0, 1.0);
        let base = shade(self.wall, mottled * stain);
        match self.wall_kind {
            0 => base,
            1 => {
                // bricks
                let row = (y * 34.0).floor();
                let shift = if row as i32 % 2 == 0 { 0.0 } else { 0.5 };
                let column = x * 16.0 + shift;
                let joint = (y * 34.0 - row) < 0.12 || (column - column.floor()) < 0.06;
                let tone = 0.82 + 0.3 * speck(column.floor() as i32, row as i32, self.salt);
                if joint { shade([182.0, 176.0, 166.0], mottled * stain) } else { shade(base, tone) }
            }
            2 => {
                // tiles
                let (u, v) = (x * 22.0, y * 17.0);
                let joint = u - u.floor() < 0.05 || v - v.floor() < 0.06;
                shade(base, if joint { 0.78 } else { 0.97 + 0.06 * speck(u as i32, v as i32, self.salt) })
            }
            _ => {
                // a roller shutter between plaster
                let inside = (0.56..0.9).contains(&x) && y > 0.1;
                if !inside {
                    return base;
                }
                let slat = (y * 46.0).fract();
                shade([150.0, 156.0, 164.0], (0.76 + 0.34 * slat) * stain * (0.9 + 0.1 * mottled))
            }
        }
    }

    fn ground_at(&self, x: f32, y: f32) -> Rgb {
        let depth = ((y - self.foot) / (1.0 - self.foot)).max(0.004);
        // Lines that run to one vanishing point above the foot of the wall.
        let (u, v) = ((x - 0.5) / (0.35 + depth), 1.0 / (0.22 + depth));
        let mottled =
            0.84 + 0.22 * cloud(u * 9.0, v * 9.0, self.salt ^ 9) + 0.1 * cloud(x * 70.0, y * 90.0, 3);
        let base = shade(self.ground, mottled * (0.86 + 0.16 * depth));
        match self.ground_kind {
            0 => {
                let joint = (u * 7.0 - (u * 7.0).floor()) < 0.045 || (v * 5.0 - (v * 5.0).floor()) < 0.05;
                if joint { shade(base, 0.72) } else { base }
            }
            1 => shade(base, 0.9 + 0.2 * speck((x * 900.0) as i32, (y * 700.0) as i32, self.salt)),
            2 => mix(base, [120.0, 100.0, 74.0], 0.4 * cloud(u * 16.0, v * 14.0, self.salt ^ 77)),
            _ => {
                let blade =
                    speck((x * 500.0) as i32, (y * 130.0 + cloud(x * 90.0, y, 1) * 9.0) as i32, self.salt);
                shade(base, 0.7 + 0.6 * blade)
            }
        }
    }
}

/// Draws a scene, upright.
#[must_use]
pub fn draw(spec: &SceneSpec) -> RgbImage {
    let (width, height) = (spec.width.clamp(16, 20_000), spec.height.clamp(16, 20_000));
    let factor = factor(width, height);
    let small = draw_small(spec, width.div_ceil(factor), height.div_ceil(factor));
    enlarge(&small, factor, width, height)
}

/// By which whole number a picture is scaled up after drawing.
pub(super) fn factor(width: u32, height: u32) -> u32 {
    let pixels = f64::from(width) * f64::from(height);
    if pixels <= f64::from(DRAWN_PIXELS_MAX) { 1 } else { (pixels / SMALL_PIXELS).sqrt().ceil() as u32 }
}

/// Draws a scene in exactly these dimensions.
pub(super) fn draw_small(spec: &SceneSpec, width: u32, height: u32) -> RgbImage {
    let vantage = Vantage::of(spec);
    let mut canvas = Canvas::new(width as usize, height as usize);
    canvas.fill(|x, y, px, py| {
        let c = if y < vantage.foot { vantage.wall_at(x, y) } else { vantage.ground_at(x, y) };
        // The corner where wall meets ground is dark: dust and shadow.
        let corner = 1.0 - 0.38 * (1.0 - ((y - vantage.foot).abs() / 0.025).min(1.0));
        let side = if vantage.light_from_left { 1.0 - x } else { x };
        let grain = 0.985 + 0.03 * speck(px as i32, py as i32, vantage.salt);
        clamp(shade(c, corner * (0.84 + 0.26 * side) * grain))
    });
    let mut dice = Dice::new(spec.seed, 3_000_000 + u64::from(spec.number));
    kinds::paint(&mut canvas, &vantage, spec.kind, spec.cleaned, &mut dice);
    if spec.night {
        night(&mut canvas, &vantage);
    }
    // Last: the number must be legible at night too.
    plate(&mut canvas, &vantage, spec.number, if spec.night { 0.62 } else { 1.0 });
    let Canvas { px, .. } = canvas;
    RgbImage::from_raw(width, height, px).unwrap_or_default()
}

/// A blue enamel plate with the scene's number, on the wall.
fn plate(canvas: &mut Canvas, vantage: &Vantage, number: u32, light: f32) {
    let text = format!("{number:05}");
    let dot = 0.0058;
    let down = dot * canvas.width as f32 / canvas.height as f32;
    let wide = dot * (6.0 * text.len() as f32 + 3.0);
    let at = [0.06, (vantage.foot * 0.16).max(0.04)];
    canvas.rect(
        [at[0] - 0.003, at[1] - 0.003],
        [wide + 0.006, down * 11.0 + 0.006],
        shade([236.0; 3], light),
        1.0,
    );
    canvas.rect(at, [wide, down * 11.0], shade([28.0, 72.0, 150.0], light), 1.0);
    canvas.digits([at[0] + dot * 2.0, at[1] + down * 2.0], &text, dot, shade([245.0; 3], light));
}

/// Dark and bluish but for the cone of one lamp.
fn night(canvas: &mut Canvas, vantage: &Vantage) {
    let lamp = if vantage.light_from_left { 0.3 } else { 0.68 };
    canvas.change(|x, y, c| {
        let far = ((x - lamp) * 1.3).hypot(y - vantage.foot * 0.9);
        let glow = (-far * far * 5.0).exp();
        let dark = [c[0] * 0.2 + 4.0, c[1] * 0.22 + 6.0, c[2] * 0.3 + 12.0];
        clamp(mix(dark, [c[0] * 1.04 + 14.0, c[1] * 0.94 + 8.0, c[2] * 0.72], glow))
    });
}

/// Scales up by a whole number, bilinear, and crops to the size asked for.
pub(super) fn enlarge(small: &RgbImage, factor: u32, width: u32, height: u32) -> RgbImage {
    if factor == 1 {
        return small.clone();
    }
    let (f, out_row) = (factor as usize, width as usize * 3);
    let rows = small.height() as usize;
    let widen = |y: usize, out: &mut Vec<u8>| {
        let stride = small.width() as usize * 3;
        let row = &small.as_raw()[y * stride..(y + 1) * stride];
        out.clear();
        for x in 0..small.width() as usize {
            let a = &row[x * 3..x * 3 + 3];
            let b = row.get(x * 3 + 3..x * 3 + 6).unwrap_or(a);
            for k in 0..f {
                for c in 0..3 {
                    out.push(((usize::from(a[c]) * (f - k) + usize::from(b[c]) * k) / f) as u8);
                }
            }
        }
        out.truncate(out_row);
    };
    let (mut upper, mut lower) = (Vec::with_capacity(out_row + 3 * f), Vec::with_capacity(out_row + 3 * f));
    widen(0, &mut lower);
    let mut px = vec![0u8; out_row * height as usize];
    for (y, band) in px.chunks_mut(out_row * f).enumerate() {
        std::mem::swap(&mut upper, &mut lower);
        widen((y + 1).min(rows - 1), &mut lower);
        for (k, out) in band.chunks_exact_mut(out_row).enumerate() {
            // Weights of 256ths keep this loop in whole bytes, which the compiler turns into wide instructions.
            let low = (k * 256 / f) as u16;
            for ((o, a), b) in out.iter_mut().zip(&upper).zip(&lower) {
                *o = ((u16::from(*a) * (256 - low) + u16::from(*b) * low) >> 8) as u8;
            }
        }
    }
    RgbImage::from_raw(width, height, px).unwrap_or_default()
}
