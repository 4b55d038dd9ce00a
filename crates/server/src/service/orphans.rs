//! The orphan tray (归属待定): ops of which nobody knows for certain whose work they are, and photos whose op never
//! came. A person says where they belong. Knows no HTTP.

use super::ingest::{self, Edit, EntryId, FoundPhoto};
use super::page::{Page, PageQuery};
use super::people::{Actor, note};
use super::pull::{open_text, seal_text};
use super::quarantine_desk::{self as desk, EntryView, audited};
use super::{Credential, House, ServiceError};
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::error::{BAD_CURSOR, BAD_REQUEST};
use blindspot_core::op::SealedOp;
use blindspot_core::row::RowKind;
use blindspot_core::verdict::Cause;
use blindspot_core::wire::v1::VerdictEntry;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId, PhotoId};
use blindspot_store::quarantine::Place;
use blindspot_store::{rows, uploads};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const LIST: &str = "page of orphans";
/// A photo's op goes ahead of its bytes: after so long without it nobody brings it any more, milliseconds (a day).
const ALONE_MS: i64 = 86_400_000;
/// Uploads that one page looks through: photos have no mark that says whether their op came.
const LOOK_MAX: i64 = 5_000;

/// What lies in the tray.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Orphan {
    /// An op in quarantine for the sake of its author.
    Op(EntryView),
    /// A photo whose op never came.
    Photo(OrphanPhoto),
}

/// A photo whose op never came.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OrphanPhoto {
    /// The photo.
    pub photo_id: PhotoId,
    /// Picture, voice note or document.
    pub media: MediaKind,
    /// The forms that are here.
    pub forms: Vec<FormName>,
    /// Who sent it.
    pub person_id: PersonId,
    /// By which device.
    pub device_id: DeviceId,
    /// Since when it is here, milliseconds since 1970.
    pub at_ms: i64,
}

/// Whose an op is.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrphanOpHome)]
pub struct OpHome {
    /// Made by the desk, so that sending again is harmless.
    pub op_id: OpId,
    /// The author, where nobody knows the device; else left out: it is whose device the op names.
    #[serde(default)]
    pub author: Option<PersonId>,
}

/// Where a photo belongs.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrphanPhotoHome)]
pub struct PhotoHome {
    /// Made by the desk, so that sending again is harmless.
    pub op_id: OpId,
    /// On which case.
    pub case_id: CaseId,
}

/// Where a page goes on: ops of one cause after the other, then photos.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum At {
    Ops(usize, Option<Place>),
    Photos(PhotoId),
}

const CAUSES: [Cause; 3] = [Cause::AuthorMismatch, Cause::UnknownDevice, Cause::RevokedDevice];

/// A page of the tray; one with few items, or none, may be followed by more. Costs a look at each photo of the city.
///
/// # Errors
/// `BAD_CURSOR`; the database's.
pub fn page(house: &House, query: &PageQuery, now_ms: i64) -> Result<Page<Orphan>, ServiceError> {
    let at = match &query.cursor {
        None => At::Ops(0, None),
        Some(text) => open_text(house, LIST, text).ok_or(ServiceError::Refused(&BAD_CURSOR, None))?,
    };
    let limit = query.limit();
    let (items, next) = match at {
        At::Ops(n, after) => {
            let most = i64::try_from(limit).unwrap_or(i64::MAX);
            let (found, last) = desk::list(house, CAUSES.get(n), after, most)?;
            let next = match last.filter(|_| found.len() == limit) {
                Some(place) => At::Ops(n, Some(place)),
                None if n + 1 < CAUSES.len() => At::Ops(n + 1, None),
                None => At::Photos(PhotoId::from_bytes([0; 16])),
            };
            (found.into_iter().map(Orphan::Op).collect(), Some(next))
        }
        At::Photos(after) => photos(house, after, limit, now_ms)?,
    };
    let next = next.map(|at| seal_text(house, LIST, &at)).transpose()?;
    Ok(Page { items, next })
}

fn photos(
    house: &House,
    after: PhotoId,
    limit: usize,
    now_ms: i64,
) -> Result<(Vec<Orphan>, Option<At>), ServiceError> {
    house.store.read(|tx| {
        let looked = uploads::load_verified_page(tx, &house.city, after, LOOK_MAX)?;
        let more = i64::try_from(looked.len()).is_ok_and(|n| n == LOOK_MAX);
        let mut by_photo: BTreeMap<PhotoId, Vec<uploads::Upload>> = BTreeMap::new();
        for upload in looked {
            by_photo.entry(upload.photo_id).or_default().push(upload);
        }
        let mut last = after;
        let mut items = vec![];
        for (photo_id, forms) in by_photo {
            if items.len() == limit {
                return Ok((items, Some(At::Photos(last))));
            }
            last = photo_id;
            let Some(first) = forms.iter().min_by_key(|u| u.created_ms) else { continue };
            let late = forms.iter().filter_map(|u| u.verified_ms).all(|at| now_ms - at > ALONE_MS);
            if !late || rows::load_row(tx, &house.city, &RowKind::Photo, &photo_id.to_string())?.is_some() {
                continue;
            }
            items.push(Orphan::Photo(OrphanPhoto {
                photo_id,
                media: first.media.clone(),
                forms: forms.iter().map(|u| u.form.clone()).collect(),
                person_id: first.person_id,
                device_id: first.device_id,
                at_ms: first.created_ms,
            }));
        }
        Ok((items, more.then_some(At::Photos(last))))
    })
}

/// Says whose an op is: of a known device it is decided as its person's, of an unknown one as the named author's.
///
/// # Errors
/// `NOT_FOUND`; `BAD_REQUEST` for an entry that is no op, or whose author nobody names; `CONFLICT` for one that is
/// decided already or would have to wait; the database's.
pub fn adopt_op(
    house: &House,
    who: Credential,
    entry: EntryId,
    home: OpHome,
    now_ms: i64,
) -> Result<VerdictEntry, ServiceError> {
    let whole = desk::show(house, entry)?;
    let detail = serde_json::json!({"author": home.author, "by": home.op_id}).to_string();
    let audited = audited(house, Actor::Person(who.person), ("orphan_adopted", entry.0, &detail), now_ms);
    if whole.entry.author.is_some() {
        return ingest::decide_again(house, entry, true, now_ms, audited);
    }
    let op = SealedOp::read(whole.body.as_str())
        .map_err(|p| ServiceError::because(&BAD_REQUEST, p.to_string()))?;
    let edit = Edit {
        op_id: home.op_id,
        kind: op.env.kind,
        case_id: op.env.case_id,
        payload: op.env.payload,
        author: home.author,
    };
    ingest::replace(house, who, entry, &edit, now_ms, audited)
}

/// Puts a photo whose op never came on a case.
///
/// # Errors
/// As `ingest::adopt_photo`.
pub fn adopt_photo(
    house: &House,
    who: Credential,
    photo_id: PhotoId,
    home: PhotoHome,
    now_ms: i64,
) -> Result<VerdictEntry, ServiceError> {
    let found = FoundPhoto { op_id: home.op_id, photo_id, case_id: home.case_id };
    let detail = serde_json::json!({"case": home.case_id, "by": home.op_id}).to_string();
    ingest::adopt_photo(house, who, &found, now_ms, |tx, _| {
        let object = format!("photo:{photo_id}");
        Ok(note(tx, house, Actor::Person(who.person), ("orphan_adopted", &object, &detail), now_ms)?)
    })
}

#[cfg(test)]
#[path = "orphans_tests.rs"]
mod tests;
