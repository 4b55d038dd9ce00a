//! Bytes in, bytes out: EXIF, orientation, the three forms of a photo, strip, hashes, safe decoding limits.
//! Knows no files, clocks or threads, no cases and no network: a host hands in bytes and stores what comes back.
//!
//! - [`normalise`] turns what a camera made into what the project keeps (phone side, before the op is sealed);
//! - [`renditions`] makes working copy and thumbnail again from an original (server side);
//! - [`strip_metadata`] removes metadata without touching a pixel (exports, shared copies);
//! - `watermarked` (feature `watermark`) draws lines of text on a copy;
//! - [`perceptual_hash`] and [`hash_distance`] say whether two pictures show the same thing.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attached;
mod decode;
mod decode_full;
mod decode_scaled;
mod digest;
mod encode;
mod error;
mod exif_read;
mod exif_text;
mod exif_write;
mod format;
mod forms;
mod heic;
mod icc;
mod limits;
mod markers;
mod normalise;
mod orient;
mod phash;
mod pixels;
mod resize;
#[cfg(feature = "watermark")]
mod stamp;
mod strip;

pub use attached::{DOCUMENT_TYPE, VoiceFormat, is_pdf, sniff_voice};
pub use digest::sha256;
pub use error::PhotoError;
pub use exif_read::{ExifFacts, GpsFix, read_exif};
pub use format::{Format, sniff};
pub use forms::{
    Form, ORIGINAL_LONG_SIDE, Renditions, THUMBNAIL_BYTES_MAX, THUMBNAIL_LONG_SIDE, WORKING_BYTES_MAX,
    WORKING_LONG_SIDE, renditions,
};
pub use limits::Limits;
pub use normalise::{Normalised, OriginalPolicy, normalise};
pub use phash::{SAME_PICTURE_MAX, hash_distance, perceptual_hash};
#[cfg(feature = "watermark")]
pub use stamp::watermarked;
pub use strip::strip_metadata;
