//! A watermark 水印 on a copy that goes out: lines of text on a darker band at the foot of the picture. The stored form
//! keeps its bytes. Glyphs are GNU Unifont's (SIL OFL 1.1), 16 dots high, drawn larger on larger pictures.

use crate::decode::Opened;
use crate::encode::{self, Extras};
use crate::error::PhotoError;
use crate::exif_read::read_exif;
use crate::limits::Limits;
use crate::orient::upright;
use crate::pixels::Rgb;
use crate::resize;

const QUALITY: u8 = 80;
/// Dots of a line: a glyph and a little air.
const LINE: u32 = 18;
const GLYPH: u32 = 16;
/// Most lines; more is cut off.
const LINES_MAX: usize = 4;
/// A picture so wide gets glyphs of one pixel a dot, one twice as wide two, and so on.
const WIDTH_OF_ONE: u32 = 480;

/// A copy of a picture with lines of text on it, long side at most so many pixels.
///
/// # Errors
/// Every kind of [`PhotoError`]; `HeicNotDecoded` for HEIC.
pub fn watermarked(
    bytes: &[u8],
    lines: &[&str],
    long_side: u32,
    limits: &Limits,
) -> Result<Vec<u8>, PhotoError> {
    let opened = Opened::new(bytes, limits)?;
    let decoded = opened.decode(long_side, limits)?;
    let picture = resize::to_fit(decoded.picture, long_side)?;
    let mut picture = upright(picture, read_exif(bytes).orientation);
    draw(&mut picture, lines);
    encode::jpeg(&picture, QUALITY, Extras { exif: None, icc: decoded.icc.as_deref() })
}

fn draw(picture: &mut Rgb, lines: &[&str]) {
    let scale = (picture.width / WIDTH_OF_ONE).max(1);
    let columns = picture.width / scale;
    let wrapped: Vec<String> = lines.iter().flat_map(|line| wrap(line, columns)).take(LINES_MAX).collect();
    let rows = u32::try_from(wrapped.len()).unwrap_or(0);
    let band = (rows * LINE * scale).min(picture.height);
    let top = picture.height - band;
    for y in top..picture.height {
        for x in 0..picture.width {
            for channel in at(picture, x, y).into_iter().flatten() {
                *channel = *channel / 5 * 2;
            }
        }
    }
    for (n, line) in (0_u32..).zip(&wrapped) {
        write_line(picture, line, top + (n * LINE + 1) * scale, scale);
    }
}

/// The three channels of a pixel; nothing beyond the edge.
fn at(picture: &mut Rgb, x: u32, y: u32) -> Option<&mut [u8]> {
    if x >= picture.width {
        return None;
    }
    let from = (y as usize * picture.width as usize + x as usize) * 3;
    picture.data.get_mut(from..from + 3)
}

fn write_line(picture: &mut Rgb, line: &str, top: u32, scale: u32) {
    let mut left = 2 * scale;
    for c in line.chars() {
        let Some(glyph) = unifont::get_glyph(c) else { continue };
        let width = glyph.get_width() as u32;
        for (dy, dx) in (0..GLYPH).flat_map(|dy| (0..width).map(move |dx| (dy, dx))) {
            if !glyph.get_pixel(dx as usize, dy as usize) {
                continue;
            }
            for (y, x) in (0..scale).flat_map(|y| (0..scale).map(move |x| (y, x))) {
                if let Some(pixel) = at(picture, left + dx * scale + x, top + dy * scale + y) {
                    pixel.fill(255);
                }
            }
        }
        left += width * scale;
    }
}

/// Lines of so many dots.
fn wrap(text: &str, dots: u32) -> Vec<String> {
    let (mut out, mut line, mut used) = (vec![], String::new(), 4);
    for c in text.chars() {
        let width = unifont::get_glyph(c).map_or(0, |g| g.get_width() as u32);
        if used + width > dots && !line.is_empty() {
            out.push(std::mem::take(&mut line));
            used = 4;
        }
        line.push(c);
        used += width;
    }
    if !line.is_empty() {
        out.push(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> Vec<u8> {
        let data = vec![120; (width * height * 3) as usize];
        encode::jpeg(&Rgb::new(width, height, data).unwrap(), 90, Extras::default()).unwrap()
    }

    #[test]
    fn the_foot_of_a_copy_says_what_it_shows_and_the_rest_is_as_it_was() {
        let limits = Limits::default();
        let stamped =
            watermarked(&grey(320, 240), &["2026-06-01 08:30 稠江 00001", "菜场北门"], 320, &limits).unwrap();
        let picture = Opened::new(&stamped, &limits).unwrap().decode(320, &limits).unwrap().picture;
        assert_eq!((picture.width, picture.height), (320, 240));
        let row = |y: u32| {
            let from = (y * 320 * 3) as usize;
            &picture.data[from..from + 320 * 3]
        };
        assert!(row(100).iter().all(|v| v.abs_diff(120) < 12), "above it is the picture");
        assert!((205..238).any(|y| row(y).iter().any(|v| *v > 200)), "letters are bright");
        assert!((205..238).any(|y| row(y).iter().any(|v| *v < 70)), "their ground is dark");
    }

    #[test]
    fn long_words_go_on_in_the_next_line_and_strange_ones_harm_nothing() {
        assert_eq!(wrap("一二三四五", 4 + 16 * 2), ["一二", "三四", "五"]);
        assert!(wrap("", 100).is_empty());
        let mut tiny = Rgb::new(3, 2, vec![9; 18]).unwrap();
        draw(&mut tiny, &["一二三四五六七八", "\u{10ffff}\u{0}", "x", "y", "z"]);
        assert_eq!(tiny.data.len(), 18);
    }
}
