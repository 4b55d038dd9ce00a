//! Pixels and shapes: fills with grain, ellipses, polygons, digits. Knows no scene.

use super::font;

pub(super) type Rgb = [f32; 3];

/// A picture in the making; coordinates of shapes are shares of width and of height.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) px: Vec<u8>,
}

/// A cheap hash of a lattice point to 0..1.
pub(super) fn speck(x: i32, y: i32, salt: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ salt;
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    (h >> 8) as f32 / 16_777_216.0
}

/// Smooth noise: specks of a lattice, blended between its points.
pub(super) fn cloud(x: f32, y: f32, salt: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let top = speck(ix, iy, salt) * (1.0 - tx) + speck(ix + 1, iy, salt) * tx;
    let low = speck(ix, iy + 1, salt) * (1.0 - tx) + speck(ix + 1, iy + 1, salt) * tx;
    top * (1.0 - ty) + low * ty
}

pub(super) fn shade(c: Rgb, by: f32) -> Rgb {
    [c[0] * by, c[1] * by, c[2] * by]
}

pub(super) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, px: vec![0; width * height * 3] }
    }

    /// Sets every pixel from its place.
    pub(super) fn fill(&mut self, colour: impl Fn(f32, f32, usize, usize) -> Rgb) {
        let (w, h) = (self.width as f32, self.height as f32);
        for (y, row) in self.px.chunks_exact_mut(self.width * 3).enumerate() {
            for (x, out) in row.chunks_exact_mut(3).enumerate() {
                let c = colour((x as f32 + 0.5) / w, (y as f32 + 0.5) / h, x, y);
                out.copy_from_slice(&[c[0] as u8, c[1] as u8, c[2] as u8]);
            }
        }
    }

    /// Changes every pixel from its place and colour.
    pub(super) fn change(&mut self, colour: impl Fn(f32, f32, Rgb) -> Rgb) {
        let (w, h) = (self.width as f32, self.height as f32);
        for (y, row) in self.px.chunks_exact_mut(self.width * 3).enumerate() {
            for (x, out) in row.chunks_exact_mut(3).enumerate() {
                let old = [f32::from(out[0]), f32::from(out[1]), f32::from(out[2])];
                let c = colour((x as f32 + 0.5) / w, (y as f32 + 0.5) / h, old);
                out.copy_from_slice(&[c[0] as u8, c[1] as u8, c[2] as u8]);
            }
        }
    }

    fn blend(&mut self, x: usize, y: usize, c: Rgb, alpha: f32) {
        let at = (y * self.width + x) * 3;
        let Some(out) = self.px.get_mut(at..at + 3) else { return };
        for (o, c) in out.iter_mut().zip(c) {
            *o = (f32::from(*o) * (1.0 - alpha) + c * alpha) as u8;
        }
    }

    /// Pixel rows or columns from `low` to `high` (shares), kept inside the picture.
    fn range(low: f32, high: f32, size: usize) -> std::ops::Range<usize> {
        let clamp = |v: f32| (v * size as f32).clamp(0.0, size as f32) as usize;
        clamp(low)..(clamp(high) + 1).min(size)
    }

    /// An ellipse lit from the upper left; `flat` leaves the light out.
    pub(super) fn ellipse(&mut self, at: [f32; 2], r: [f32; 2], c: Rgb, alpha: f32, flat: bool) {
        let (w, h) = (self.width as f32, self.height as f32);
        for y in Self::range(at[1] - r[1], at[1] + r[1], self.height) {
            for x in Self::range(at[0] - r[0], at[0] + r[0], self.width) {
                let dx = ((x as f32 + 0.5) / w - at[0]) / r[0];
                let dy = ((y as f32 + 0.5) / h - at[1]) / r[1];
                let far = dx * dx + dy * dy;
                if far >= 1.0 {
                    continue;
                }
                let edge = ((1.0 - far) * 12.0).min(1.0);
                let light = if flat { 1.0 } else { (1.02 - 0.28 * (dx + dy) - 0.25 * far).max(0.3) };
                let grain = 0.94 + 0.12 * speck(x as i32, y as i32, 7);
                self.blend(x, y, clamp(shade(c, light * grain)), alpha * edge);
            }
        }
    }

    /// A polygon of one colour with a soft light from above and grain.
    pub(super) fn polygon(&mut self, corners: &[[f32; 2]], c: Rgb, alpha: f32) {
        let (w, h) = (self.width as f32, self.height as f32);
        let top = corners.iter().fold(1.0f32, |m, p| m.min(p[1]));
        let low = corners.iter().fold(0.0f32, |m, p| m.max(p[1]));
        for y in Self::range(top, low, self.height) {
            let sy = (y as f32 + 0.5) / h;
            let mut cuts: Vec<f32> = Vec::with_capacity(4);
            for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                if (a[1] <= sy) != (b[1] <= sy) {
                    cuts.push(a[0] + (sy - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
                }
            }
            cuts.sort_by(f32::total_cmp);
            let light = 1.06 - 0.18 * (sy - top) / (low - top).max(1e-4);
            for pair in cuts.chunks_exact(2) {
                let (from, to) = (pair[0].clamp(0.0, 1.0) * w, pair[1].clamp(0.0, 1.0) * w);
                for x in from.round() as usize..(to.round() as usize).min(self.width) {
                    let grain = 0.95 + 0.1 * speck(x as i32, y as i32, 11);
                    self.blend(x, y, clamp(shade(c, light * grain)), alpha);
                }
            }
        }
    }

    /// A rectangle from its upper left corner.
    pub(super) fn rect(&mut self, at: [f32; 2], size: [f32; 2], c: Rgb, alpha: f32) {
        let [x, y] = at;
        let (e, s) = (x + size[0], y + size[1]);
        self.polygon(&[[x, y], [e, y], [e, s], [x, s]], c, alpha);
    }

    /// Digits from their upper left corner; `dot` is the width of one dot as a share of the picture's width.
    pub(super) fn digits(&mut self, at: [f32; 2], text: &str, dot: f32, c: Rgb) {
        let down = dot * self.width as f32 / self.height as f32;
        for (n, digit) in text.bytes().filter(u8::is_ascii_digit).enumerate() {
            for (row, bits) in font::rows(digit - b'0').into_iter().enumerate() {
                for column in (0..5).filter(|k| bits & (0x10 >> k) != 0) {
                    let x = at[0] + dot * (n as f32 * 6.0 + column as f32);
                    self.rect([x, at[1] + down * row as f32], [dot, down], c, 1.0);
                }
            }
        }
    }
}

pub(super) fn clamp(c: Rgb) -> Rgb {
    c.map(|v| v.clamp(0.0, 255.0))
}
