//! Hard limits, checked on headers before anything is decoded. Must not know formats.

use crate::error::PhotoError;

/// What a photo may cost. The defaults are the project's: 15 MB, 64 megapixels, 256 MiB while decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a file that is looked at.
    pub bytes_max: usize,
    /// Most pixels in a header (width times height).
    pub pixels_max: u64,
    /// Most bytes that decoding may hold at once.
    pub decode_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // 64 Mi pixels, not 64 million: sensors sold as "64 MP" deliver 9,248 x 6,944.
        Self { bytes_max: 15_000_000, pixels_max: 64 << 20, decode_bytes_max: 256 << 20 }
    }
}

impl Limits {
    pub(crate) fn check_bytes(&self, len: usize) -> Result<(), PhotoError> {
        if len > self.bytes_max {
            return Err(PhotoError::TooManyBytes { len, max: self.bytes_max });
        }
        Ok(())
    }

    pub(crate) fn check_pixels(&self, width: u32, height: u32) -> Result<(), PhotoError> {
        if width == 0 || height == 0 {
            return Err(PhotoError::malformed("a side of the picture is 0"));
        }
        if u64::from(width) * u64::from(height) > self.pixels_max {
            return Err(PhotoError::TooManyPixels { width, height, max: self.pixels_max });
        }
        Ok(())
    }

    pub(crate) fn check_memory(&self, needed: u64) -> Result<(), PhotoError> {
        if needed > self.decode_bytes_max {
            return Err(PhotoError::DecodeMemory { needed, max: self.decode_bytes_max });
        }
        Ok(())
    }
}
