//! Turns a picture the way its EXIF orientation says. Must not read EXIF itself.

use crate::pixels::Rgb;

/// Square tile in which a transposed picture is copied: both sides of the copy stay in the first cache.
const TILE: usize = 32;

/// The picture upright. `orientation` is the EXIF value 1 to 8; any other is taken as 1.
pub(crate) fn upright(picture: Rgb, orientation: u8) -> Rgb {
    let (w, h) = (picture.width as usize, picture.height as usize);
    let last_row = h.saturating_sub(1) * w;
    let last = (w * h).saturating_sub(1);
    // Where the target's first pixel comes from, and how far its right and its lower neighbour are in the source.
    let row = w as isize;
    let (start, right, down) = match orientation {
        2 => (w.saturating_sub(1), -1, row),
        3 => (last, -1, -row),
        4 => (last_row, 1, -row),
        5 => (0, row, 1),
        6 => (last_row, -row, 1),
        7 => (last, -row, -1),
        8 => (w.saturating_sub(1), row, -1),
        _ => return picture,
    };
    let (tw, th) = if orientation >= 5 { (h, w) } else { (w, h) };
    let (source, _) = picture.data.as_chunks::<3>();
    let mut data = vec![0u8; picture.data.len()];
    let (target, _) = data.as_chunks_mut::<3>();
    for top in (0..th).step_by(TILE) {
        for left in (0..tw).step_by(TILE) {
            for y in top..(top + TILE).min(th) {
                let from_row = start as isize + y as isize * down;
                for x in left..(left + TILE).min(tw) {
                    target[y * tw + x] = source[(from_row + x as isize * right) as usize];
                }
            }
        }
    }
    Rgb { width: tw as u32, height: th as u32, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two wide, three high, each pixel its own letter:
    /// `a b / c d / e f`.
    fn letters() -> Rgb {
        Rgb::new(2, 3, "abcdef".bytes().flat_map(|b| [b, b, b]).collect()).unwrap()
    }

    fn read(picture: &Rgb) -> (u32, u32, String) {
        let text = picture.data.chunks(3).map(|p| char::from(p[0])).collect();
        (picture.width, picture.height, text)
    }

    #[test]
    fn all_eight_orientations() {
        let wanted = [
            (1, 2, 3, "abcdef"),
            (2, 2, 3, "badcfe"),
            (3, 2, 3, "fedcba"),
            (4, 2, 3, "efcdab"),
            (5, 3, 2, "acebdf"),
            (6, 3, 2, "ecafdb"),
            (7, 3, 2, "fdbeca"),
            (8, 3, 2, "bdface"),
            (0, 2, 3, "abcdef"),
            (9, 2, 3, "abcdef"),
        ];
        for (orientation, w, h, text) in wanted {
            assert_eq!(read(&upright(letters(), orientation)), (w, h, text.to_owned()), "{orientation}");
        }
    }

    #[test]
    fn turning_back_gives_the_same_across_tiles() {
        let data = (0..67u32 * 45 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let picture = Rgb::new(67, 45, data).unwrap();
        for (there, back) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
            assert_eq!(upright(upright(picture.clone(), there), back), picture, "{there} then {back}");
        }
    }
}
