//! What somebody sees who opens a work link: the case as far as the work needs it, or why there is nothing to be done. Shows no
//! names, no description and no other case. Knows no HTTP.

use super::{link_of, may_feed_back};
use crate::blob::Depot;
use crate::service::{House, ServiceError, case_files};
use blindspot_core::OpId;
use blindspot_core::PhotoId;
use blindspot_core::case::{CaseFile, CaseState, PhotoRow, find_move};
use blindspot_core::command::{FormName, MediaKind, PhotoRole};
use blindspot_core::geo::Point;
use blindspot_core::limits::UPLOAD_BYTES_MAX;
use blindspot_core::local::shown;
use blindspot_store::work_links::{self as store, WorkLink};
use blindspot_store::{Tx, accounts};
use std::collections::BTreeSet;
use std::io::Read as _;

/// Most photos of the problem on the page.
const PHOTOS_MAX: usize = 3;

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Not one of this server's.
    Unknown,
    /// Its unit ended it.
    Revoked,
    /// Its time is over.
    Expired,
    /// The case was dispatched anew since, here or elsewhere.
    OtherRound,
    /// Whoever made it may no longer act for the unit.
    NoLonger,
    /// The case is closed, or goes on without the unit.
    Closed,
    /// The case waits: it hangs, or its unit has asked to return it.
    Waits,
}

/// What a link opens.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Work to be done.
    Open(Box<Task>),
    /// Fed back in this round: it is being verified.
    Done(String),
    /// Nothing.
    Shut(Shut),
}

/// Work to be done.
#[derive(Clone, Debug)]
pub struct Task {
    /// 短号
    pub short_no: String,
    /// 紧急·有危险
    pub urgent: bool,
    /// The catalogue's word for what is wrong.
    pub problem: Option<String>,
    /// The duty grid's name.
    pub grid: Option<String>,
    /// The line by which it is found.
    pub landmark: Option<String>,
    /// Where, WGS-84.
    pub point: Option<Point>,
    /// Until when, in words.
    pub due: Option<String>,
    /// Whether that is over.
    pub overdue: bool,
    /// Photos of the problem.
    pub photos: Vec<PhotoId>,
    /// Names the form, so that sent twice it is one.
    pub form: OpId,
}

/// A link with its case, however they stand.
pub(super) struct Found {
    pub(super) link: WorkLink,
    pub(super) file: CaseFile,
}

/// What stands behind a token now, or why nothing does.
pub(super) fn find(
    tx: &Tx<'_>,
    house: &House,
    token: &str,
    now_ms: i64,
) -> Result<Result<Found, Shut>, ServiceError> {
    let Some(id) = link_of(house, token) else { return Ok(Err(Shut::Unknown)) };
    let Some(link) = store::load(tx, &house.city, id)? else { return Ok(Err(Shut::Unknown)) };
    if link.revoked_ms.is_some() {
        return Ok(Err(Shut::Revoked));
    }
    if link.expires_ms <= now_ms {
        return Ok(Err(Shut::Expired));
    }
    let file = case_files::load(tx, house, &BTreeSet::from([link.case_id]))?.remove(&link.case_id);
    let Some(file) = file else { return Ok(Err(Shut::Unknown)) };
    if !file.case.state.is_open() {
        return Ok(Err(Shut::Closed));
    }
    if file.case.round != link.round {
        return Ok(Err(Shut::OtherRound));
    }
    let active = accounts::load_person(tx, &house.city, link.issuer)?.is_some_and(|p| p.active);
    if !active || !may_feed_back(tx, house, link.issuer, &file.case, now_ms)? {
        return Ok(Err(Shut::NoLonger));
    }
    Ok(Ok(Found { link, file }))
}

/// Opens a link; counts that it was opened.
///
/// # Errors
/// The database's.
pub fn open(house: &House, token: &str, now_ms: i64) -> Result<Seen, ServiceError> {
    let form = OpId::from_parts(now_ms, house.id_bytes());
    let found = house.store.write(|tx| {
        let found = find(tx, house, token, now_ms)?;
        if let Ok(found) = &found {
            store::count(tx, &house.city, found.link.link_id)?;
        }
        Ok::<_, ServiceError>(found)
    })?;
    Ok(match found {
        Ok(found) => seen(house, &found.file, form, now_ms),
        Err(why) => Seen::Shut(why),
    })
}

/// How a case stands for who works on it.
pub(super) fn seen(house: &House, file: &CaseFile, form: OpId, now_ms: i64) -> Seen {
    let case = &file.case;
    let short_no = case.short_no.as_ref().map_or_else(String::new, blindspot_core::case::ShortNo::text);
    if find_move("feed_back", &case.state, case.round, None).is_err() {
        return match case.state {
            CaseState::FedBack | CaseState::Verifying => Seen::Done(short_no),
            CaseState::ReturnRequested | CaseState::Hung => Seen::Shut(Shut::Waits),
            _ => Seen::Shut(Shut::Closed),
        };
    }
    let reference = house.reference();
    let text = |key: &str| case.fields.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    let catalogue = reference.catalogue.as_ref();
    let problem = case.fields.get("category").and_then(|c| c["problem"].as_str());
    let problem = problem.and_then(|code| catalogue?.problem(code)).map(|p| p.zh.clone());
    let item = || case.item(catalogue).and_then(|code| catalogue?.item(&code)).map(|i| i.title_zh.clone());
    let photos = file.photos.values().filter(|p| shows_problem(p)).take(PHOTOS_MAX).map(|p| p.photo_id);
    Seen::Open(Box::new(Task {
        short_no,
        urgent: case.urgent_danger,
        problem: problem.or_else(item).filter(|w| !w.is_empty()),
        grid: case.place.grid.as_ref().and_then(|g| reference.places.grid(g)).map(|g| g.name_zh.clone()),
        landmark: text("landmark").filter(|l| !l.trim().is_empty()),
        point: case.place.point,
        due: case.due.as_ref().map(|d| shown(d.due_ms)),
        overdue: case.due.as_ref().is_some_and(|d| d.is_overdue(now_ms)),
        photos: photos.collect(),
        form,
    }))
}

/// Whether a photo is of the problem, here, and to be seen.
fn shows_problem(photo: &PhotoRow) -> bool {
    let of_problem = matches!(photo.role, PhotoRole::Before | PhotoRole::Wide | PhotoRole::Close);
    let here = photo.media == MediaKind::Photo && photo.verified.contains(&FormName::Working);
    of_problem && here && photo.redacted.is_none() && photo.erased.is_none()
}

/// The working copy of a photo of the problem, by the link's own right: media type and bytes. Nothing for any other photo.
///
/// # Errors
/// The database's, the storage's.
pub fn photo(
    house: &House,
    depot: &Depot,
    token: &str,
    photo: PhotoId,
    now_ms: i64,
) -> Result<Option<(&'static str, Vec<u8>)>, ServiceError> {
    let found = house.store.read(|tx| find(tx, house, token, now_ms))?;
    let Ok(found) = found else { return Ok(None) };
    let row = found.file.photos.get(&photo).filter(|p| shows_problem(p));
    let Some(form) = row.and_then(|p| p.forms.get(&FormName::Working)) else { return Ok(None) };
    let Some(bytes) = depot.blobs.open(&form.sha256)? else { return Ok(None) };
    let mut all = Vec::new();
    bytes.take(UPLOAD_BYTES_MAX).read_to_end(&mut all)?;
    Ok(blindspot_photo::sniff(&all).map(|format| (format.media_type(), all)))
}
