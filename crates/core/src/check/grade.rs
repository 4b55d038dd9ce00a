//! What the evidence of a feedback or a check is worth: A, B or C, with reasons. A grade never blocks (domain 6E): weak phones
//! must still work, and a person decides.

use crate::case::PhotoRow;
use crate::command::{Fix, Origin};
use crate::geo::{self, Point};
use crate::id::PhotoId;
use serde::{Deserialize, Serialize};

/// Within this distance, or its accuracy, a photo is of the place, metres.
const AT_PLACE_M: f64 = 50.0;
/// Beyond it is of another, metres.
const ELSEWHERE_M: f64 = 300.0;

/// The grade: A is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Grade {
    /// Nothing speaks against it.
    A,
    /// Something is not known.
    B,
    /// Something speaks against it.
    C,
}

crate::open_enum! {
    /// What lowers a grade.
    pub enum GradeReason {
        /// No photo has come.
        NoPhoto = "no_photo",
        /// 相册: chosen from the album, without a time of its own.
        AlbumWithoutTime = "album_without_time",
        /// From the album, with a time.
        Album = "album",
        /// Nobody knows where it was taken.
        NoPosition = "no_position",
        /// Farther from the place than the fix can be wrong.
        Far = "far",
        /// Somewhere else.
        Elsewhere = "elsewhere",
        /// The phone says that the position was made up.
        MockLocation = "mock_location",
        /// The time cannot be told for certain.
        ClockUnsure = "clock_unsure",
        /// Taken before the case was dispatched.
        BeforeDispatch = "before_dispatch",
        /// The very bytes of an earlier photo.
        SameBytes = "same_bytes",
        /// It looks like an earlier photo.
        LooksAlike = "looks_alike",
        /// The working copy does not look like its original.
        Mismatch = "mismatch",
        /// Came by a work link, without a device of its own.
        ByLink = "by_link",
    }
}

impl GradeReason {
    /// The best grade that is left.
    #[must_use]
    pub fn at_best(&self) -> Grade {
        match self {
            GradeReason::Album
            | GradeReason::NoPosition
            | GradeReason::Far
            | GradeReason::ClockUnsure
            | GradeReason::ByLink => Grade::B,
            _ => Grade::C,
        }
    }

    /// In words: Chinese, English.
    #[must_use]
    pub fn text(&self) -> (&str, &str) {
        match self {
            GradeReason::NoPhoto => ("没有照片", "no photo"),
            GradeReason::AlbumWithoutTime => ("相册照片，无拍摄时间", "from the album, without a time"),
            GradeReason::Album => ("相册照片", "from the album"),
            GradeReason::NoPosition => ("没有定位", "no position"),
            GradeReason::Far => ("拍摄位置偏远", "some way from the place"),
            GradeReason::Elsewhere => ("不在现场拍摄", "taken elsewhere"),
            GradeReason::MockLocation => ("模拟定位", "mock location"),
            GradeReason::ClockUnsure => ("拍摄时间不能确定", "capture time uncertain"),
            GradeReason::BeforeDispatch => ("派遣前拍摄", "taken before the dispatch"),
            GradeReason::SameBytes => ("与以前的照片相同", "the bytes of an earlier photo"),
            GradeReason::LooksAlike => ("与以前的照片相似", "looks like an earlier photo"),
            GradeReason::Mismatch => ("工作图与原图不符", "working copy and original differ"),
            GradeReason::ByLink => ("经处置链接上传", "by a work link"),
            GradeReason::Other(word) => (word, word),
        }
    }
}

/// What is known of one photo besides its row.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its row.
    pub photo: &'a PhotoRow,
    /// An earlier photo of the city with the same bytes.
    pub same_bytes: Option<PhotoId>,
    /// An earlier photo that it looks like.
    pub looks_alike: Option<PhotoId>,
}

/// A grade with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Graded {
    /// The grade.
    pub grade: Grade,
    /// Why it is no better.
    pub reasons: Vec<GradeReason>,
    /// Earlier photos that speak against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<PhotoId>,
}

/// Judges the photos of one feedback or check. `said` is where its author stood, `since_ms` the dispatch.
#[must_use]
pub fn grade(
    photos: &[Seen<'_>],
    place: Option<Point>,
    said: Option<&Fix>,
    since_ms: Option<i64>,
    by_link: bool,
) -> Graded {
    let mut reasons = vec![];
    let mut matches = vec![];
    if photos.is_empty() {
        reasons.push(GradeReason::NoPhoto);
    }
    for seen in photos {
        reasons.extend(of_photo(seen.photo, since_ms));
        reasons.extend(of_place(place, seen.photo.position.as_ref().or(said)));
        reasons.extend(seen.same_bytes.map(|_| GradeReason::SameBytes));
        reasons
            .extend(seen.looks_alike.filter(|_| seen.same_bytes.is_none()).map(|_| GradeReason::LooksAlike));
        matches.extend(seen.same_bytes.or(seen.looks_alike));
    }
    if by_link {
        reasons.push(GradeReason::ByLink);
    }
    reasons.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    reasons.dedup();
    let grade = reasons.iter().map(GradeReason::at_best).max().unwrap_or(Grade::A);
    Graded { grade, reasons, matches }
}

fn of_photo(photo: &PhotoRow, since_ms: Option<i64>) -> Vec<GradeReason> {
    let mut reasons = vec![];
    if photo.origin == Some(Origin::Album) {
        let timed = photo.exif_time.is_some();
        reasons.push(if timed { GradeReason::Album } else { GradeReason::AlbumWithoutTime });
    }
    let dated = photo.captured.class.dates_rights();
    if !dated {
        reasons.push(GradeReason::ClockUnsure);
    }
    if dated && since_ms.is_some_and(|since| photo.captured.at_ms < since) {
        reasons.push(GradeReason::BeforeDispatch);
    }
    if photo.mismatch {
        reasons.push(GradeReason::Mismatch);
    }
    reasons
}

/// A place that has no point of its own asks for none: a document, a case placed by hand.
fn of_place(place: Option<Point>, fix: Option<&Fix>) -> Option<GradeReason> {
    let place = place?;
    let Some(fix) = fix else { return Some(GradeReason::NoPosition) };
    if fix.mock == Some(true) {
        return Some(GradeReason::MockLocation);
    }
    let Some(point) = fix.wgs84() else { return Some(GradeReason::NoPosition) };
    let apart = geo::distance_m(place, point);
    let reach = AT_PLACE_M.max(fix.accuracy_m.unwrap_or(0.0).min(ELSEWHERE_M));
    if apart <= reach {
        None
    } else if apart <= ELSEWHERE_M {
        Some(GradeReason::Far)
    } else {
        Some(GradeReason::Elsewhere)
    }
}
