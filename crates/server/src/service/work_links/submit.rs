//! What is said by a work link: 处理好了 with a photo, or 不是我们管. Becomes ops of whoever issued the link, made here and decided
//! like any: rights, round and rules are the same. Sent twice it is one. Knows no HTTP.

use super::page::{Found, Shut, find};
use crate::blob::Depot;
use crate::service::uploads::{self, Arrival, NewUpload};
use crate::service::{Credential, House, ServiceError};
use blindspot_core::command::{Comment, FeedBack, FormName, FormRef, MediaKind, PhotoRole, PhotoTaken};
use blindspot_core::id::Sha256;
use blindspot_core::wire::v1::DeskOp;
use blindspot_core::{CaseId, OpId, PhotoId};
use blindspot_photo::{Limits, OriginalPolicy, normalise, strip_metadata};
use serde_json::value::to_raw_value;
use std::collections::BTreeMap;

/// Longest words, characters.
pub const WORDS_MAX: usize = 200;
const FEED_BACK: &str = "work link: feed back";
const PHOTO: &str = "work link: photo";
const NOTE: &str = "work link: note";

/// Why a photo will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPhoto {
    /// None was chosen.
    None,
    /// Not a picture that can be read here.
    NoPicture,
    /// More than is taken.
    TooLarge,
}

/// Ops that are ready to be decided, one after the other.
pub struct Ready {
    /// In whose name.
    pub credential: Credential,
    /// On which case.
    pub case_id: CaseId,
    /// Forms to be stored first.
    pub files: Vec<(NewUpload, Vec<u8>)>,
    /// The ops in order; the last one is what was said.
    pub ops: Vec<DeskOp>,
}

/// What came of a form.
pub enum Prepared {
    /// To be decided.
    Ready(Box<Ready>),
    /// The link opens nothing.
    Shut(Shut),
    /// The photo will not do.
    Photo(BadPhoto),
}

/// An id that is the same whenever the same is sent.
fn derived(house: &House, purpose: &str, form: OpId, said: &[u8]) -> (i64, [u8; 10]) {
    let mac = house.keys.mac(purpose, &[form.as_bytes().as_slice(), said].concat());
    let mut random = [0; 10];
    random.copy_from_slice(&mac[..10]);
    // The time in an id is for locality alone; the form's own keeps it the same.
    let mut ms = [0; 8];
    ms[2..].copy_from_slice(&form.as_bytes()[..6]);
    (i64::from_be_bytes(ms), random)
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(WORDS_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn desk_op<T: serde::Serialize>(
    op_id: OpId,
    kind: &str,
    payload: &T,
    round: Option<u32>,
) -> Result<DeskOp, ServiceError> {
    Ok(DeskOp { op_id, kind: kind.to_owned(), payload: to_raw_value(payload)?, expected_state: None, round })
}

fn credential(found: &Found) -> Credential {
    Credential { person: found.link.issuer, device: found.link.device_id, desk: true }
}

/// 处理好了: makes photo and feedback.
///
/// # Errors
/// The database's.
pub fn done(
    house: &House,
    token: &str,
    form: OpId,
    (photo, words): (&[u8], &str),
    now_ms: i64,
) -> Result<Prepared, ServiceError> {
    let found = match house.store.read(|tx| find(tx, house, token, now_ms))? {
        Ok(found) => found,
        Err(why) => return Ok(Prepared::Shut(why)),
    };
    if photo.is_empty() {
        return Ok(Prepared::Photo(BadPhoto::None));
    }
    let limits = Limits::default();
    if photo.len() > limits.bytes_max {
        return Ok(Prepared::Photo(BadPhoto::TooLarge));
    }
    let words = cut(words);
    let said = [Sha256::of(photo).0.as_slice(), words.as_bytes(), found.link.link_id.as_bytes()].concat();
    let id = |purpose| derived(house, purpose, form, &said);
    let (ms, random) = id(PHOTO);
    let photo_id = PhotoId::from_parts(ms, random);
    let op = |purpose| {
        let (ms, random) = id(purpose);
        OpId::from_parts(ms, random)
    };
    let (feed_back_id, photo_op_id) = (op(FEED_BACK), op("work link: photo op"));
    let Some((mut taken, files)) = forms(photo, photo_id, &limits) else {
        return Ok(Prepared::Photo(BadPhoto::NoPicture));
    };
    taken.for_op = Some(feed_back_id);
    let by_link = Some(found.link.link_id);
    let said = FeedBack { text: words, photos: vec![photo_id], by_link, ..FeedBack::default() };
    let round = Some(found.link.round);
    let ops =
        vec![desk_op(photo_op_id, "photo", &taken, None)?, desk_op(feed_back_id, "feed_back", &said, round)?];
    let (credential, case_id) = (credential(&found), found.link.case_id);
    Ok(Prepared::Ready(Box::new(Ready { credential, case_id, files, ops })))
}

/// The photo as an op names it, and what is to be stored of it.
type Forms = (PhotoTaken, Vec<(NewUpload, Vec<u8>)>);

/// The forms of a photo as they are kept: without where and by which phone it was taken, nobody is tracked. `None` for what is
/// no picture that this server can read.
fn forms(raw: &[u8], photo_id: PhotoId, limits: &Limits) -> Option<Forms> {
    let made = normalise(raw, OriginalPolicy::Bounded, limits).ok()?;
    let (working, thumbnail) = (made.working?, made.thumbnail?);
    let original = strip_metadata(&made.original.bytes).ok()?;
    let sizes = [
        (FormName::Original, original, made.original.width, made.original.height),
        (FormName::Working, working.bytes, working.width, working.height),
        (FormName::Thumbnail, thumbnail.bytes, thumbnail.width, thumbnail.height),
    ];
    let (mut forms, mut files) = (BTreeMap::new(), Vec::new());
    for (name, bytes, width, height) in sizes {
        let (sha256, length) = (Sha256::of(&bytes), bytes.len() as u64);
        forms.insert(
            name.clone(),
            FormRef { sha256, bytes: length, width: Some(width), height: Some(height) },
        );
        let new = NewUpload { length, photo_id, form: name, media: MediaKind::Photo, sha256 };
        files.push((new, bytes));
    }
    let taken = PhotoTaken {
        photo_id,
        role: PhotoRole::After,
        media: MediaKind::Photo,
        origin: None,
        forms,
        raw_sha256: Some(Sha256(made.raw_sha256)),
        position: None,
        exif_time: None,
        phash: made.phash.map(|hash| format!("{hash:016x}")),
        for_op: None,
        duration_ms: None,
    };
    Some((taken, files))
}

/// 不是我们管: a note on the case for the unit's clerk. Moves nothing.
///
/// # Errors
/// The database's.
pub fn not_ours(
    house: &House,
    token: &str,
    form: OpId,
    words: &str,
    now_ms: i64,
) -> Result<Prepared, ServiceError> {
    let found = match house.store.read(|tx| find(tx, house, token, now_ms))? {
        Ok(found) => found,
        Err(why) => return Ok(Prepared::Shut(why)),
    };
    let words = cut(words);
    let text = format!("【处置链接】不是我们管{}{words}", if words.is_empty() { "" } else { "：" });
    let said = [words.as_bytes(), found.link.link_id.as_bytes()].concat();
    let (ms, random) = derived(house, NOTE, form, &said);
    let ops = vec![desk_op(OpId::from_parts(ms, random), "comment", &Comment { text }, None)?];
    let (credential, case_id) = (credential(&found), found.link.case_id);
    Ok(Prepared::Ready(Box::new(Ready { credential, case_id, files: vec![], ops })))
}

/// Stores a file by the same way as a phone's; what is to be acknowledged by the writer. Nothing when it is here already.
///
/// # Errors
/// As `uploads::create` and `uploads::Incoming::finish`.
pub fn store_file(
    house: &House,
    depot: &Depot,
    credential: Credential,
    (new, bytes): &(NewUpload, Vec<u8>),
    now_ms: i64,
) -> Result<Option<Arrival>, ServiceError> {
    let state = uploads::create(house, depot, credential, new, now_ms)?;
    if state.arrival.is_some() || state.offset == state.length {
        return Ok(state.arrival);
    }
    let at = (state.upload_id, 0);
    let mut incoming = uploads::begin(house, depot, credential, at, (Some(new.length), None), now_ms)?;
    incoming.write(bytes)?;
    Ok(incoming.finish(house, depot, true)?.arrival)
}
