//! What each kind of op says: payloads, typed (protocol 3, field.md U1, U2, U6, U7).
//!
//! Every field that a worker might not have is optional: nothing shot is refused for a missing field.
//! Must not know how a command is decided; that is `apply`.

use crate::division::GridId;
use crate::geo::Datum;
use crate::id::{CaseId, DeptKey, OpId, PhotoId, Sha256};
use crate::limits::OP_SCHEMA;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

crate::open_enum! {
    /// Where a case comes from 问题来源 (U2).
    pub enum Source {
        /// 巡查
        Patrol = "patrol",
        /// 热线
        Hotline = "hotline",
        /// 领导批办
        Leader = "leader",
        /// 上级暗访
        CovertVisit = "covert_visit",
        /// 媒体曝光
        Media = "media",
        /// 单位自查
        SelfCheck = "self_check",
        /// 随手拍
        Citizen = "citizen",
    }
}

#[expect(clippy::derivable_impls, reason = "the enum is made by a macro")]
impl Default for Source {
    fn default() -> Self {
        Source::Patrol
    }
}

/// A position as captured: never changed, converted only for display and lookup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Latitude, degrees, in `datum`.
    pub lat: f64,
    /// Longitude, degrees, in `datum`.
    pub lon: f64,
    /// Radius of 68 % confidence, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// The datum the numbers are in.
    #[serde(default)]
    pub datum: Datum,
    /// gps, network, exif, map ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Age of the fix at capture, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<i64>,
    /// Whether the phone said that the position was mocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<bool>,
}

impl Fix {
    /// The point in WGS-84, or nothing when the numbers are no place on earth.
    #[must_use]
    pub fn wgs84(&self) -> Option<crate::geo::Point> {
        let sane =
            self.lat.is_finite() && self.lon.is_finite() && self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0;
        sane.then(|| crate::geo::to_wgs84(crate::geo::Point { lat: self.lat, lon: self.lon }, self.datum))
    }
}

/// What is wrong, by the catalogue the phone had: item and problem with the catalogue's version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Version of the catalogue the codes are from.
    #[serde(default)]
    pub catalogue: String,
    /// Item 小项, `3.07`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Problem 问题, `3.07-a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Entered by one person for another's word or paper (U2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredFor {
    /// Who said it, as written down.
    #[serde(default)]
    pub name: String,
    /// When, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// By telephone, on paper, in a meeting ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// A report 上报, also of something fixed on the spot 当场处理.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where it comes from.
    #[serde(default)]
    pub source: Source,
    /// 紧急·有危险
    #[serde(default)]
    pub urgent_danger: bool,
    /// Where, if the phone knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// The duty grid chosen by hand when there was no position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// A site of the register 点位台账.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// One line that names the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landmark: Option<String>,
    /// Campaign and other tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whose word this is, when not the author's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
    /// What is wrong; nothing means 待分类.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// A line of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The digits-only tag the phone showed before sync 临时号 (U6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_tag: Option<String>,
}

/// A look 巡查正常: somebody was there and it was clean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The duty grid looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Where the worker stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// A site that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// Campaign and other tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// One field of an edit: what its author saw, and what it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The value the author saw.
    #[serde(default)]
    pub from: Value,
    /// The value wanted.
    #[serde(default)]
    pub to: Value,
}

/// Field by field changes (protocol 7).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// By field name: category, severity, description, landmark, urgent_danger.
    #[serde(default)]
    pub changes: BTreeMap<String, FieldChange>,
}

/// A corrected place; the captured fix stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Relocate {
    /// The corrected point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// Or the duty grid, chosen by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridId>,
    /// Or a landmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landmark: Option<String>,
}

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
}

/// A photo that will never arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoLost {
    /// Which one.
    pub photo_id: PhotoId,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Words on a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The words.
    #[serde(default)]
    pub text: String,
}

/// Hides one photo or text and keeps the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A reason code and words, for moves that need no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// From the city's list.
    #[serde(default)]
    pub reason: String,
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whose word this is, when not the author's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_for: Option<EnteredFor>,
}

/// Merging 并案 into another case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeInto {
    /// The case that stays.
    pub into: CaseId,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

crate::open_enum! {
    /// How a case is to be handled.
    pub enum CaseKind {
        /// 即办件
        DoNow = "do_now",
        /// 承诺件
        Promised = "promised",
        /// 协调件
        Coordinated = "coordinated",
    }
}

/// Dispatch 派遣 to units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// 牵头单位
    pub lead: DeptKey,
    /// 配合单位
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assists: Vec<DeptKey>,
    /// 即办 / 承诺 / 协调
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_kind: Option<CaseKind>,
    /// Words to the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Feedback 处置反馈: what was done and seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeedBack {
    /// What was done.
    #[serde(default)]
    pub text: String,
    /// Where the handler stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// After photos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

/// Verification 核查 of one feedback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// The feed_back op that is judged.
    pub feed_back: OpId,
    /// Whether the problem is gone.
    pub passed: bool,
    /// What was seen.
    #[serde(default)]
    pub text: String,
    /// Where the verifier stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Fix>,
    /// Photos of the verification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
}

/// The second person's word on a void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmVoid {
    /// The void op.
    pub void: OpId,
    /// Whether it is to stand.
    #[serde(default = "yes")]
    pub agree: bool,
}

fn yes() -> bool {
    true
}

/// Photos that shall no longer be waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiveMedia {
    /// Which; empty means all that are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoId>,
    /// Why, shown.
    #[serde(default)]
    pub reason: String,
}

/// A person's choice between two values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolveConflict {
    /// The conflict row's id.
    pub conflict: String,
    /// The value to take.
    pub take: Value,
}

/// Why a payload cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandProblem {
    /// A kind or schema from a later version.
    #[error("unknown kind {kind} schema {schema}")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// The schema.
        schema: u32,
    },
    /// The payload does not fit its kind.
    #[error("payload of {kind}: {detail}")]
    Malformed {
        /// The kind.
        kind: String,
        /// What does not fit.
        detail: String,
    },
}

macro_rules! commands {
    ($($(#[$meta:meta])* $variant:ident($payload:ty) = $word:literal),+ $(,)?) => {
        /// What was done: one variant a kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Command { $($(#[$meta])* $variant($payload)),+ }
        impl Command {
            /// Every kind, as on the wire.
            pub const KINDS: &'static [&'static str] = &[$($word),+];
            /// The kind as on the wire.
            #[must_use]
            pub fn kind(&self) -> &'static str { match self { $(Command::$variant(_) => $word),+ } }
            /// Reads a payload by kind.
            ///
            /// # Errors
            /// `UnknownKind` for a later kind or schema, `Malformed` for a payload that does not fit.
            pub fn read(kind: &str, schema: u32, payload: &RawValue) -> Result<Self, CommandProblem> {
                if schema > OP_SCHEMA {
                    return Err(CommandProblem::UnknownKind { kind: kind.into(), schema });
                }
                let malformed = |e: serde_json::Error| CommandProblem::Malformed { kind: kind.into(), detail: e.to_string() };
                match kind {
                    $($word => serde_json::from_str::<$payload>(payload.get()).map(Command::$variant).map_err(malformed),)+
                    _ => Err(CommandProblem::UnknownKind { kind: kind.into(), schema }),
                }
            }
            /// The payload as JSON text.
            ///
            /// # Errors
            /// Only when serde cannot write a number, which no payload here holds.
            pub fn to_payload(&self) -> Result<Box<RawValue>, serde_json::Error> {
                match self { $(Command::$variant(p) => serde_json::value::to_raw_value(p)),+ }
            }
        }
    };
}

/// A payload with nothing in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

commands! {
    /// 上报
    Report(Report) = "report",
    /// 撤回, by the reporter before filing.
    Withdraw(Nothing) = "withdraw",
    /// 当场处理
    SelfFixed(Report) = "self_fixed",
    /// 巡查正常
    Look(Look) = "look",
    /// Fields changed.
    Edit(Edit) = "edit",
    /// Place corrected.
    Relocate(Relocate) = "relocate",
    /// A photo named.
    Photo(PhotoTaken) = "photo",
    /// A photo that will not come.
    PhotoLost(PhotoLost) = "photo_lost",
    /// Words.
    Comment(Comment) = "comment",
    /// Hide one photo or text.
    Redact(Redact) = "redact",
    /// 立案
    File(Reason) = "file",
    /// 不予立案
    Refuse(Reason) = "refuse",
    /// 并案
    Merge(MergeInto) = "merge",
    /// 派遣
    Dispatch(Dispatch) = "dispatch",
    /// 签收
    Accept(Nothing) = "accept",
    /// 处置反馈
    FeedBack(FeedBack) = "feed_back",
    /// 核查
    Verify(Verify) = "verify",
    /// 结案 without a field check.
    Close(Reason) = "close",
    /// 作废, first person.
    Void(Reason) = "void",
    /// 作废, second person.
    ConfirmVoid(ConfirmVoid) = "confirm_void",
    /// Stop waiting for photos.
    WaiveMedia(WaiveMedia) = "waive_media",
    /// 两处修改不一致, decided.
    ResolveConflict(ResolveConflict) = "resolve_conflict",
}
