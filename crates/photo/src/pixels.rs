//! A decoded picture between two codec steps. Must not know where it came from.

/// Eight-bit RGB, rows without padding. `data.len() == width * height * 3` always holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rgb {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) data: Vec<u8>,
}

impl Rgb {
    /// `None` when the buffer does not hold exactly the pixels promised.
    pub(crate) fn new(width: u32, height: u32, data: Vec<u8>) -> Option<Self> {
        let wanted = u64::from(width) * u64::from(height) * 3;
        (data.len() as u64 == wanted).then_some(Self { width, height, data })
    }
}

/// `width` x `height` scaled so that the long side is at most `long_side`; never enlarged, never 0.
pub(crate) fn fitted(width: u32, height: u32, long_side: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= long_side {
        return (width, height);
    }
    let scale = |side: u32| {
        let scaled = (u64::from(side) * u64::from(long_side) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(scaled).unwrap_or(long_side).max(1)
    };
    (scale(width), scale(height))
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn fits_without_enlarging() {
        assert_eq!(fitted(4032, 3024, 2560), (2560, 1920));
        assert_eq!(fitted(3024, 4032, 1280), (960, 1280));
        assert_eq!(fitted(640, 480, 1280), (640, 480));
        assert_eq!(fitted(60_000, 1, 320), (320, 1));
    }
}
