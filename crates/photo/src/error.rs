//! What can be wrong with a photo's bytes. Must not know what a caller does about it.

use thiserror::Error;

/// Why bytes could not be taken as a photo. Each is about the bytes, none is about the host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// More bytes than [`crate::Limits::bytes_max`].
    #[error("photo has {len} bytes, at most {max} are taken")]
    TooManyBytes {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The header promises more pixels than [`crate::Limits::pixels_max`]; nothing was decoded.
    #[error("photo is {width} x {height}, at most {max} pixels are decoded")]
    TooManyPixels {
        /// Width in the header, pixels.
        width: u32,
        /// Height in the header, pixels.
        height: u32,
        /// Pixels allowed.
        max: u64,
    },
    /// Decoding would take more memory than [`crate::Limits::decode_bytes_max`]; nothing was decoded.
    #[error("decoding would take {needed} bytes, at most {max} are given")]
    DecodeMemory {
        /// Bytes the decoder would hold at once (an upper estimate).
        needed: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// Not a JPEG, PNG, WebP or HEIC, or not the one that the operation takes.
    #[error("not a photo type that is taken here")]
    UnsupportedType,
    /// HEIC is stored as it is and never decoded; the phone's system makes its working copy.
    #[error("HEIC is stored, never decoded")]
    HeicNotDecoded,
    /// The bytes end before the picture does.
    #[error("photo is cut off: the bytes end before the picture does")]
    Truncated,
    /// The bytes contradict their own format, or use a part of it that no codec here decodes.
    #[error("photo cannot be decoded: {0}")]
    Malformed(String),
    /// The encoder refused (a size that JPEG cannot hold).
    #[error("photo cannot be encoded: {0}")]
    Encode(String),
}

impl PhotoError {
    /// A stable short name, for hosts that choose their own words.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyBytes { .. } => "too_many_bytes",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::DecodeMemory { .. } => "decode_memory",
            Self::UnsupportedType => "unsupported_type",
            Self::HeicNotDecoded => "heic_not_decoded",
            Self::Truncated => "truncated",
            Self::Malformed(_) => "malformed",
            Self::Encode(_) => "encode",
        }
    }

    pub(crate) fn malformed(why: impl std::fmt::Display) -> Self {
        Self::Malformed(why.to_string())
    }
}
