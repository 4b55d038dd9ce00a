//! What is said of photos, voice notes and documents; their bytes travel apart (protocol 11).
//!
//! Must not know how it is decided.

use super::report::Fix;
use crate::id::{OpId, PhotoId, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

crate::open_enum! {
    /// The forms of a photo (protocol 11).
    pub enum FormName {
        /// 320 px.
        Thumbnail = "thumbnail",
        /// 1,280 px, what the desk judges on.
        Working = "working",
        /// As kept by the size policy.
        Original = "original",
    }
}

/// One form of a photo: which bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FormRef {
    /// SHA-256 of the exact bytes.
    pub sha256: Sha256,
    /// How many bytes.
    pub bytes: u64,
    /// Pixels across.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

crate::open_enum! {
    /// What the bytes are.
    pub enum MediaKind {
        /// A picture.
        Photo = "photo",
        /// A voice note (U5).
        Voice = "voice",
        /// A document (U5).
        Document = "document",
    }
}

#[expect(clippy::derivable_impls, reason = "the enum is made by a macro")]
impl Default for MediaKind {
    fn default() -> Self {
        MediaKind::Photo
    }
}

crate::open_enum! {
    /// What a photo shows in the life of the case.
    pub enum PhotoRole {
        /// 整改前
        Before = "before",
        /// 整改后
        After = "after",
        /// 远景
        Wide = "wide",
        /// 近景
        Close = "close",
        /// Seen at verification 核查.
        Verify = "verify",
        /// A receipt or minutes.
        Paper = "paper",
    }
}

#[expect(clippy::derivable_impls, reason = "the enum is made by a macro")]
impl Default for PhotoRole {
    fn default() -> Self {
        PhotoRole::Before
    }
}

crate::open_enum! {
    /// How the picture was made (U24).
    pub enum Origin {
        /// In the page's own viewfinder 页内.
        InPage = "in_page",
        /// The phone's camera app 系统相机.
        SystemCamera = "system_camera",
        /// From the album 相册.
        Album = "album",
    }
}

/// A photo belongs to a case; its bytes travel apart (protocol 11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoTaken {
    /// Names the photo.
    pub photo_id: PhotoId,
    /// What it shows.
    #[serde(default)]
    pub role: PhotoRole,
    /// Picture, voice or document.
    #[serde(default)]
    pub media: MediaKind,
    /// How it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Its forms.
    #[serde(default)]
    pub forms: BTreeMap<FormName, FormRef>,
    /// SHA-256 of the file as the camera wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_sha256: Option<Sha256>,
    /// Where the phone stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// The time in the picture's own metadata, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif_time: Option<String>,
    /// Perceptual hash of the picture, 16 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phash: Option<String>,
    /// The feed_back or verify that it supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_op: Option<OpId>,
    /// How long a voice note lasts, milliseconds, as the phone that recorded it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
}

/// A photo that will never arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoLost {
    /// Which one.
    pub photo_id: PhotoId,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Hides one photo or text and keeps the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redact {
    /// The photo to hide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_id: Option<PhotoId>,
    /// The comment to hide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<OpId>,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Photos that shall no longer be waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaiveMedia {
    /// Which; empty means all that are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
    /// Why, shown.
    #[serde(default)]
    pub reason: String,
}
