//! A case file: everything of one case that is needed to decide an op on it, and its rows.
//!
//! Must not know how rows are stored. `images` and `from_bodies` are inverses.

use super::children::{CommentRow, ConflictRow, Part, PersonRow, PhotoRow};
use super::erasure::ErasureRow;
use super::rows::{Case, Media};
use crate::command::FormName;
use crate::feed::Feed;
use crate::id::{CaseId, OpId, PersonId, PhotoId, Sha256};
use crate::row::{RowImage, RowKey, RowKind};
use std::collections::{BTreeMap, BTreeSet};

/// A case with its children.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    /// The case itself.
    pub case: Case,
    /// People in their parts.
    pub people: BTreeSet<PersonRow>,
    /// Photos by id.
    pub photos: BTreeMap<PhotoId, PhotoRow>,
    /// Comments and notes by op.
    pub comments: BTreeMap<OpId, CommentRow>,
    /// Conflicts by id.
    pub conflicts: BTreeMap<String, ConflictRow>,
    /// Erasures asked for and done, by the op that asked.
    pub erasures: BTreeMap<OpId, ErasureRow>,
}

/// Bytes that were verified on the server for a form of a photo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhotoArrival {
    /// The photo.
    pub photo_id: PhotoId,
    /// SHA-256 of the bytes.
    pub sha256: Sha256,
}

impl CaseFile {
    /// A file with nothing but its case.
    #[must_use]
    pub fn new(case: Case) -> Self {
        Self {
            case,
            people: BTreeSet::new(),
            photos: BTreeMap::new(),
            comments: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            erasures: BTreeMap::new(),
        }
    }

    /// The case's id.
    #[must_use]
    pub fn id(&self) -> CaseId {
        self.case.case_id
    }

    /// Builds a file from stored rows. Rows of other kinds, and child rows of another case, are left out.
    ///
    /// # Errors
    /// When there is no case row, or a row cannot be read.
    pub fn from_bodies<'a>(
        rows: impl IntoIterator<Item = (&'a RowKind, &'a str)>,
    ) -> Result<Option<Self>, serde_json::Error> {
        let mut case = None;
        let (mut people, mut photos, mut comments) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let (mut conflicts, mut erasures) = (BTreeMap::new(), BTreeMap::new());
        for (kind, body) in rows {
            match kind {
                RowKind::Case => case = Some(serde_json::from_str::<Case>(body)?),
                RowKind::Person => {
                    people.insert(serde_json::from_str::<PersonRow>(body)?);
                }
                RowKind::Photo => {
                    let row: PhotoRow = serde_json::from_str(body)?;
                    photos.insert(row.photo_id, row);
                }
                RowKind::Comment => {
                    let row: CommentRow = serde_json::from_str(body)?;
                    comments.insert(row.op_id, row);
                }
                RowKind::Conflict => {
                    let row: ConflictRow = serde_json::from_str(body)?;
                    conflicts.insert(row.id.clone(), row);
                }
                RowKind::Erasure => {
                    let row: ErasureRow = serde_json::from_str(body)?;
                    erasures.insert(row.op_id, row);
                }
                _ => {}
            }
        }
        Ok(case.map(|case| Self { case, people, photos, comments, conflicts, erasures }))
    }

    /// The people in a part.
    pub fn in_part(&self, part: Part) -> impl Iterator<Item = PersonId> + '_ {
        self.people.iter().filter(move |p| p.part == part).map(|p| p.person)
    }

    /// Writes a person into a part.
    pub fn add_person(&mut self, part: Part, person: PersonId) {
        self.people.insert(PersonRow { case_id: self.id(), part, person });
    }

    /// Writes a person into a part that only one has.
    pub fn only_person(&mut self, part: Part, person: PersonId) {
        self.people.retain(|p| p.part != part);
        self.add_person(part, person);
    }

    /// Membership (protocol 8): the feeds of the case and of its children. People rows have their own.
    #[must_use]
    pub fn feeds(&self) -> BTreeSet<Feed> {
        let mut feeds = BTreeSet::new();
        let place = &self.case.place;
        if let Some(grid) = &place.grid {
            feeds.insert(Feed::grid(grid));
        }
        if let Some(town) = &place.town {
            feeds.insert(Feed::town(town));
        }
        if place.grid.is_none() && place.town.is_none() {
            feeds.insert(Feed::unplaced());
        }
        feeds.extend(self.case.lead.iter().chain(&self.case.assists).map(Feed::dept));
        // Who sits at a desk reads by the desk's rights.
        let of_field = |p: &&PersonRow| !matches!(p.part, Part::Voider | Part::Filer | Part::Dispatcher);
        feeds.extend(self.people.iter().filter(of_field).map(|p| Feed::user(p.person)));
        feeds
    }

    /// The rows as they are now, with the feeds of each (`feeds_of` of protocol 8).
    ///
    /// # Errors
    /// When a row cannot be written as JSON (a float that is no number).
    pub fn images(&self) -> Result<Vec<RowImage>, serde_json::Error> {
        let feeds = self.feeds();
        let mut images = Vec::with_capacity(1 + self.people.len() + self.photos.len() + self.comments.len());
        let id = self.id().to_string();
        let mut push = |kind, id: String, body: String, feeds: &BTreeSet<Feed>| {
            images.push(RowImage { key: RowKey::new(kind, id), body, feeds: feeds.clone() });
        };
        push(RowKind::Case, id, text(&self.case)?, &feeds);
        for row in self.photos.values() {
            push(RowKind::Photo, row.photo_id.to_string(), text(row)?, &feeds);
        }
        for row in self.comments.values() {
            push(RowKind::Comment, row.op_id.to_string(), text(row)?, &feeds);
        }
        for row in self.conflicts.values() {
            push(RowKind::Conflict, row.id.clone(), text(row)?, &feeds);
        }
        for row in &self.people {
            let mut own = BTreeSet::from([Feed::supervision()]);
            if !matches!(row.part, Part::Filer | Part::Dispatcher) {
                own.insert(Feed::user(row.person));
            }
            push(RowKind::Person, row.id(), text(row)?, &own);
        }
        for row in self.erasures.values() {
            let own = BTreeSet::from([Feed::supervision(), Feed::user(row.asked_by)]);
            push(RowKind::Erasure, row.op_id.to_string(), text(row)?, &own);
        }
        Ok(images)
    }

    /// Photos that it names and that are on another case: one photo of after for many of one wall or lane (field.md U22).
    #[must_use]
    pub fn photos_elsewhere(&self) -> BTreeSet<PhotoId> {
        let back = self.case.feed_back.iter().flat_map(|back| &back.photos);
        let said = self.comments.values().flat_map(|comment| &comment.photos);
        back.chain(said).copied().filter(|photo| !self.photos.contains_key(photo)).collect()
    }

    /// Whether it shows a photo of another case: it names it, and whoever took it has a part in this one. A name alone
    /// must not become a right to read.
    #[must_use]
    pub fn shows(&self, photo: PhotoId, taken_by: PersonId) -> bool {
        self.people.iter().any(|p| p.person == taken_by) && self.photos_elsewhere().contains(&photo)
    }

    /// Recounts what is derived: media, open conflicts, evidence pending. Run after every change.
    pub fn settle(&mut self) {
        let mut media = Media::default();
        for photo in self.photos.values().filter(|p| p.awaited()) {
            media.m += 1;
            media.n += u32::from(photo.verified.contains(&photo.evidence_form()));
            media.k += u32::from(photo.verified.contains(&FormName::Original));
        }
        self.case.media = media;
        self.case.conflicts_open =
            u32::try_from(self.conflicts.values().filter(|c| c.resolved.is_none()).count())
                .unwrap_or(u32::MAX);
        if let Some(closing) = &mut self.case.closing {
            closing.evidence_pending = media.n < media.m;
        }
    }

    /// Links verified bytes to the forms that name them; says whether anything changed.
    pub fn photo_arrived(&mut self, arrival: &PhotoArrival, now_ms: i64) -> bool {
        let Some(photo) = self.photos.get_mut(&arrival.photo_id) else { return false };
        let names: Vec<FormName> = photo
            .forms
            .iter()
            .filter(|(_, form)| form.sha256 == arrival.sha256)
            .map(|(n, _)| n.clone())
            .collect();
        let mut changed = false;
        for name in names {
            changed |= photo.verified.insert(name);
        }
        if changed {
            // Bytes that did arrive were not lost after all.
            if photo.lost.is_some() && photo.verified.contains(&photo.evidence_form()) {
                photo.lost = None;
            }
            self.case.updated_ms = now_ms;
            self.settle();
        }
        changed
    }
}

/// A row's bytes. Most are 200 to 900 long: the first buffer is not grown again and again.
fn text<T: serde::Serialize>(row: &T) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::with_capacity(1024);
    serde_json::to_writer(&mut bytes, row)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}
