//! What single ops ask the database for, asked for all of a group at once: who may do what, photos and their bytes, looks,
//! what waits, what is erased. Whatever was not foreseen is asked for when it is needed. Decides nothing.

use super::group::Group;
use super::task::{OpTask, Source, Task};
use crate::service::system;
use blindspot_core::access::Grant;
use blindspot_core::case::{CaseFile, PhotoArrival, PhotoRow};
use blindspot_core::clock::recover;
use blindspot_core::command::{Command, Fix, Look, PhotoTaken};
use blindspot_core::division::{CellCode, GridId};
use blindspot_core::limits::LOOK_GAP_MS;
use blindspot_core::op::SealedOp;
use blindspot_core::row::{RowKey, RowKind};
use blindspot_core::world::Freshness;
use blindspot_core::{CaseId, OpId, PersonId, PhotoId};
use blindspot_store::erased::{ErasedId, Item};
use blindspot_store::{Result, accounts, erased, looks, rows, uploads, waiting};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An op or a case that is waited for.
type Awaited = [u8; 16];

/// What was asked for already, and what has been there.
#[derive(Default)]
pub(super) struct AtHand {
    /// The case and the op of each photo that is on a case.
    photos: BTreeMap<PhotoId, (CaseId, OpId)>,
    asked_photos: BTreeSet<PhotoId>,
    verified: BTreeMap<PhotoId, Vec<(PhotoArrival, PersonId)>>,
    /// From and to of the looks asked for.
    looks: looks::Stretches,
    waiters: BTreeMap<Awaited, BTreeSet<OpId>>,
    /// The same the other way round.
    awaits: BTreeMap<OpId, BTreeSet<Awaited>>,
    on_list: BTreeMap<ErasedId, Item>,
    asked_list: BTreeSet<ErasedId>,
}

impl AtHand {
    /// Photos of a case that came to hand or was changed.
    pub(super) fn note_photos(&mut self, file: &CaseFile) {
        self.photos.extend(file.photos.values().map(|p| (p.photo_id, (p.case_id, p.op_id))));
    }

    /// Who brought the bytes of a photo is to be asked again.
    pub(super) fn forget_bytes(&mut self, photo: PhotoId) {
        self.verified.remove(&photo);
    }

    /// What is erased is to be asked again.
    pub(super) fn forget_list(&mut self) {
        self.asked_list.clear();
        self.on_list.clear();
    }
}

/// What all ops of a group ask for.
#[derive(Default)]
struct Asked {
    people: BTreeSet<PersonId>,
    photos: BTreeSet<PhotoId>,
    looks: looks::Stretches,
    cells: BTreeSet<CellCode>,
    awaited: BTreeSet<Awaited>,
    list: BTreeSet<ErasedId>,
}

impl Asked {
    fn op(&mut self, op: OpId) {
        self.awaited.insert(*op.as_bytes());
        self.list.insert(ErasedId::Op(op));
    }

    fn photo(&mut self, photo: &PhotoTaken) {
        self.photos.insert(photo.photo_id);
        self.list.extend(names_of(photo));
    }

    fn look(&mut self, person: PersonId, at_ms: i64, (cell, grid): (Option<CellCode>, Option<GridId>)) {
        self.cells.extend(cell);
        let Some(grid) = grid else { return };
        let (from, to) = around(at_ms);
        let stretch = self.looks.entry((person, grid)).or_insert((from, to));
        *stretch = (stretch.0.min(from), stretch.1.max(to));
    }
}

/// Under which names a photo may stand on the list of what was erased: its own, and those of its bytes.
pub(super) fn names_of(photo: &PhotoTaken) -> impl Iterator<Item = ErasedId> {
    let blobs = photo.forms.values().map(|form| ErasedId::Blob(form.sha256));
    std::iter::once(ErasedId::Photo(photo.photo_id)).chain(blobs)
}

/// The times around a look in which another one counts for it.
fn around(at_ms: i64) -> (i64, i64) {
    (at_ms.saturating_sub(LOOK_GAP_MS), at_ms.saturating_add(LOOK_GAP_MS))
}

impl Group<'_, '_> {
    /// Foresees what the tasks will ask for. Ops and devices are at hand.
    pub(super) fn foresee(&mut self, tasks: &[Task]) -> Result<()> {
        let mut asked = Asked::default();
        for task in tasks {
            match task {
                Task::Op(op) => match &op.source {
                    Source::Sealed(sealed) => self.foresee_op(&mut asked, op, sealed),
                    Source::Desk { op: acted, .. } => {
                        asked.people.insert(op.credential.person);
                        asked.op(acted.op_id);
                    }
                    Source::Broken { .. } => {}
                },
                Task::Arrived { photo_id, sha256, .. } => {
                    asked.photos.insert(*photo_id);
                    asked.list.extend([ErasedId::Photo(*photo_id), ErasedId::Blob(*sha256)]);
                }
                Task::Mismatch { photo_id } => drop(asked.photos.insert(*photo_id)),
                Task::Frame { .. } => {}
            }
        }
        self.need_grants(asked.people)?;
        self.need_photos(&asked.photos)?;
        self.need_bytes(&asked.photos)?;
        self.need_looks(asked.looks)?;
        self.need_freshness(asked.cells)?;
        self.need_waiters(asked.awaited)?;
        self.need_list(asked.list)
    }

    fn foresee_op(&self, asked: &mut Asked, task: &OpTask, op: &SealedOp) {
        // What came before is answered from what was decided then.
        let Some(device) = self.device(op.env.device_id).filter(|_| !self.ops.contains_key(&op.env.op_id))
        else {
            return;
        };
        asked.people.insert(device.person_id);
        asked.op(op.env.op_id);
        asked.awaited.extend(op.env.case_id.map(|case| *case.as_bytes()));
        // Only these kinds ask for more.
        match matches!(op.env.kind.as_str(), "look" | "photo").then(|| op.command()) {
            Some(Ok(Command::Look(look))) => {
                let time = recover(&op.env.captured, &task.sent, task.received_ms, device.enrolled_ms);
                asked.look(device.person_id, time.at_ms, self.place_of(&look, time.at_ms));
            }
            Some(Ok(Command::Photo(photo))) => asked.photo(&photo),
            _ => {}
        }
    }

    /// The cell that a look was made in, and the grid that it is for.
    pub(super) fn place_of(&self, look: &Look, at_ms: i64) -> (Option<CellCode>, Option<GridId>) {
        let fix = look.position.as_ref().and_then(Fix::wgs84);
        let at = fix.map(|p| self.reference.places.locate(p, at_ms));
        let (cell, stood) = at.map_or((None, None), |l| (l.cell, l.grid));
        (cell, look.grid.clone().or(stood))
    }

    fn need_grants(&mut self, mut people: BTreeSet<PersonId>) -> Result<()> {
        people.retain(|p| !self.grants.contains_key(p));
        let system = system::person(self.house);
        if people.remove(&system) {
            self.grants.insert(system, Arc::new(system::grants()));
        }
        if people.is_empty() {
            return Ok(());
        }
        let mut found = accounts::load_grants_of_each(self.tx, &self.house.city, &people)?;
        let of = people.into_iter().map(|p| (p, Arc::new(found.remove(&p).unwrap_or_default())));
        self.grants.extend(of);
        Ok(())
    }

    /// All grants a person ever had.
    pub(super) fn grants_of(&mut self, person: PersonId) -> Result<Arc<Vec<Grant>>> {
        self.need_grants(BTreeSet::from([person]))?;
        Ok(self.grants.get(&person).cloned().unwrap_or_default())
    }

    /// Makes sure that the cases are at hand which these photos are on.
    pub(super) fn need_photos(&mut self, photos: &BTreeSet<PhotoId>) -> Result<()> {
        let known =
            |p: &&PhotoId| self.at_hand.photos.contains_key(*p) || self.at_hand.asked_photos.contains(*p);
        let ask: BTreeSet<PhotoId> = photos.iter().filter(|p| !known(p)).copied().collect();
        if ask.is_empty() {
            return Ok(());
        }
        let keys = ask.iter().map(|p| RowKey::new(RowKind::Photo, p.to_string())).collect();
        let mut cases = BTreeSet::new();
        for row in rows::load_rows(self.tx, &self.house.city, &keys)? {
            let photo: PhotoRow = serde_json::from_str(&row.body)?;
            self.at_hand.photos.insert(photo.photo_id, (photo.case_id, photo.op_id));
            cases.insert(photo.case_id);
        }
        self.at_hand.asked_photos.extend(ask);
        self.need_cases(cases)
    }

    /// The case and the op of a photo, if it is on a case; the case is at hand then.
    pub(super) fn find_photo(&mut self, photo: PhotoId) -> Result<Option<(CaseId, OpId)>> {
        self.need_photos(&BTreeSet::from([photo]))?;
        Ok(self.at_hand.photos.get(&photo).copied())
    }

    fn need_bytes(&mut self, photos: &BTreeSet<PhotoId>) -> Result<()> {
        let known = &self.at_hand.verified;
        let ask: BTreeSet<PhotoId> = photos.iter().filter(|p| !known.contains_key(p)).copied().collect();
        if ask.is_empty() {
            return Ok(());
        }
        let found = uploads::load_verified_for(self.tx, &self.house.city, &ask)?;
        self.at_hand.verified.extend(ask.into_iter().map(|p| (p, vec![])));
        for (arrival, who) in found {
            self.at_hand.verified.entry(arrival.photo_id).or_default().push((arrival, who));
        }
        Ok(())
    }

    /// Verified bytes of a photo that a person brought.
    pub(super) fn bytes_of(&mut self, photo: PhotoId, person: PersonId) -> Result<BTreeSet<PhotoArrival>> {
        self.need_bytes(&BTreeSet::from([photo]))?;
        let all = self.at_hand.verified.get(&photo).into_iter().flatten();
        Ok(all.filter(|(_, who)| *who == person).map(|(arrival, _)| arrival.clone()).collect())
    }

    /// Makes sure that looks that counted are at hand.
    fn need_looks(&mut self, mut ask: looks::Stretches) -> Result<()> {
        let known = &self.at_hand.looks;
        ask.retain(|of, (from, to)| known.get(of).is_none_or(|(a, b)| *from < *a || *to > *b));
        if ask.is_empty() {
            return Ok(());
        }
        let mut found = looks::load_counted(self.tx, &self.house.city, &ask)?;
        for (of, stretch) in ask {
            // What this group added itself stays.
            let more = found.remove(&of).unwrap_or_default();
            self.world.counted_looks.entry(of.clone()).or_default().extend(more);
            self.at_hand.looks.insert(of, stretch);
        }
        Ok(())
    }

    /// Makes sure that looks of a person in a grid are at hand, around a time.
    pub(super) fn need_looks_near(&mut self, person: PersonId, grid: GridId, at_ms: i64) -> Result<()> {
        self.need_looks(BTreeMap::from([((person, grid), around(at_ms))]))
    }

    /// Makes sure that the freshness of cells is at hand.
    pub(super) fn need_freshness(&mut self, mut cells: BTreeSet<CellCode>) -> Result<()> {
        cells.retain(|cell| !self.fresh_before.contains_key(cell));
        if cells.is_empty() {
            return Ok(());
        }
        let keys = cells.iter().map(|cell| RowKey::new(RowKind::Freshness, cell.to_string())).collect();
        let mut found = BTreeMap::new();
        for row in rows::load_rows(self.tx, &self.house.city, &keys)? {
            let fresh: Freshness = serde_json::from_str(&row.body)?;
            found.insert(fresh.cell.clone(), fresh);
        }
        self.world.freshness.extend(found.clone());
        for cell in cells {
            let was = found.remove(&cell);
            self.fresh_before.insert(cell, was);
        }
        Ok(())
    }

    fn need_waiters(&mut self, mut awaited: BTreeSet<Awaited>) -> Result<()> {
        awaited.retain(|a| !self.at_hand.waiters.contains_key(a));
        if awaited.is_empty() {
            return Ok(());
        }
        let found = match self.any_waiting {
            true => waiting::load_waiting(self.tx, &self.house.city, &awaited)?,
            false => vec![],
        };
        self.at_hand.waiters.extend(awaited.into_iter().map(|a| (a, BTreeSet::new())));
        for (awaited, op) in found {
            self.at_hand.waiters.entry(awaited).or_default().insert(op);
            self.at_hand.awaits.entry(op).or_default().insert(awaited);
        }
        Ok(())
    }

    /// The ops that wait for any of some ops and cases.
    pub(super) fn waiting_for(&mut self, awaited: BTreeSet<Awaited>) -> Result<BTreeSet<OpId>> {
        self.need_waiters(awaited.clone())?;
        Ok(awaited.iter().filter_map(|a| self.at_hand.waiters.get(a)).flatten().copied().collect())
    }

    /// An op waits from now on.
    pub(super) fn begin_waiting(&mut self, op: OpId, awaited: &[Awaited], since_ms: i64) -> Result<()> {
        // What else waits for these is asked before: later on the answer would be taken for the whole.
        self.need_waiters(awaited.iter().copied().collect())?;
        waiting::append_waiting(self.tx, &self.house.city, op, awaited, since_ms)?;
        self.any_waiting = true;
        for a in awaited {
            self.at_hand.waiters.entry(*a).or_default().insert(op);
            self.at_hand.awaits.entry(op).or_default().insert(*a);
        }
        Ok(())
    }

    /// An op waits no more. One that is new and was not held by this group has never waited.
    pub(super) fn end_waiting(&mut self, op: OpId) -> Result<()> {
        let awaited = self.at_hand.awaits.remove(&op);
        if !self.any_waiting || (awaited.is_none() && self.new_ops.contains(&op)) {
            return Ok(());
        }
        for a in awaited.into_iter().flatten() {
            self.at_hand.waiters.entry(a).or_default().remove(&op);
        }
        waiting::end_waiting(self.tx, &self.house.city, op)
    }

    fn need_list(&mut self, mut names: BTreeSet<ErasedId>) -> Result<()> {
        names.retain(|name| !self.at_hand.asked_list.contains(name));
        if names.is_empty() || !self.any_erased {
            return Ok(());
        }
        let found = erased::load_each(self.tx, &self.house.city, &names)?;
        self.at_hand.on_list.extend(found);
        self.at_hand.asked_list.extend(names);
        Ok(())
    }

    /// The line of something on the list of what was erased.
    pub(super) fn listed(&mut self, name: ErasedId) -> Result<Option<Item>> {
        if !self.any_erased {
            return Ok(None);
        }
        self.need_list(BTreeSet::from([name.clone()]))?;
        Ok(self.at_hand.on_list.get(&name).cloned())
    }
}
