//! The view's rules: mirror plus own undecided ops, replayed by the same `apply` as the server's.
//!
//! A panic of the rules marks the op and shows the rest (protocol 5).

use crate::error::ClientError;
use crate::replica::Replica;
use crate::store::{mirror, outbox};
use blindspot_core::access::{Area, Grant, Role};
use blindspot_core::case::CaseFile;
use blindspot_core::catalogue::{self, Catalogue};
use blindspot_core::clock::{CaptureTime, ClockClass};
use blindspot_core::deadline::CityCalendar;
use blindspot_core::division::{Places, Span};
use blindspot_core::op::SealedOp;
use blindspot_core::row::RowKind;
use blindspot_core::world::{Author, Ctx, World};
use blindspot_core::{CaseId, apply};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Places and catalogue as the mirror has them.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) places: Places,
    pub(crate) catalogue: Option<Catalogue>,
    pub(crate) calendars: Vec<CityCalendar>,
}

/// Runs the rules where a panic is a value.
pub(crate) fn guarded<T>(rules: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(rules)).ok()
}

impl Replica {
    pub(crate) fn all<T: DeserializeOwned>(&self, kind: &RowKind) -> Result<Vec<T>, ClientError> {
        let bodies = mirror::bodies(&self.db, kind)?;
        // A row of a later version that cannot be read is left out, not fatal.
        Ok(bodies.iter().filter_map(|b| serde_json::from_str(b).ok()).collect())
    }

    pub(crate) fn reference(&self) -> Result<&Reference, ClientError> {
        if let Some(ready) = self.reference.get() {
            return Ok(ready);
        }
        let (divisions, cells) = (self.all(&RowKind::Division)?, self.all(&RowKind::Cell)?);
        let (grids, sites) = (self.all(&RowKind::DutyGrid)?, self.all(&RowKind::Site)?);
        // Places that contradict themselves locate nothing; the server's rows say where a case is.
        let places = Places::build(divisions, cells, grids, sites).unwrap_or_else(|_| Places::empty());
        let catalogues = mirror::bodies(&self.db, &RowKind::Catalogue)?;
        let catalogue = catalogues.iter().rev().find_map(|text| catalogue::load(text).ok());
        let calendars = self.all(&RowKind::Calendar)?;
        Ok(self.reference.get_or_init(|| Reference { places, catalogue, calendars }))
    }

    /// Divisions, cells, duty grids and sites in this replica's scope.
    ///
    /// # Errors
    /// `Db`.
    pub fn places(&self) -> Result<&Places, ClientError> {
        Ok(&self.reference()?.places)
    }

    /// The catalogue, once it has arrived.
    ///
    /// # Errors
    /// `Db`.
    pub fn catalogue(&self) -> Result<Option<&Catalogue>, ClientError> {
        Ok(self.reference()?.catalogue.as_ref())
    }

    /// A case file from the mirror, and whether it is pinned. One that this version cannot read is not there.
    pub(crate) fn mirrored(&self, case: CaseId) -> Result<Option<(CaseFile, bool)>, ClientError> {
        let (rows, pinned) = mirror::of_case(&self.db, case)?;
        let file = CaseFile::from_bodies(rows.iter().map(|(kind, body)| (kind, body.as_str())));
        Ok(file.ok().flatten().map(|f| (f, pinned)))
    }

    /// The case files that own undecided ops touch, as those ops leave them.
    pub(crate) fn replayed(&self) -> Result<World, ClientError> {
        let mut world = World::default();
        let ops: Vec<SealedOp> =
            outbox::overlay(&self.db)?.into_iter().filter_map(|body| SealedOp::read(body).ok()).collect();
        if ops.is_empty() {
            return Ok(world);
        }
        for case in ops.iter().flat_map(apply::touched).collect::<BTreeSet<_>>() {
            self.load_with_roots(case, &mut world)?;
        }
        let grants = self.own_grants()?;
        let identity = self.enrolled()?;
        let reference = self.reference()?;
        for op in &ops {
            let at_ms = op.env.captured.wall_ms.saturating_add(op.env.captured.offset_ms.unwrap_or(0));
            let ctx = Ctx {
                now_ms: at_ms,
                places: &reference.places,
                catalogue: reference.catalogue.as_ref(),
                calendars: &reference.calendars,
                author: Author {
                    person: identity.person_id,
                    device: op.env.device_id,
                    enrolled_ms: at_ms.min(identity.enrolled_ms),
                    grants: &grants,
                },
                time: CaptureTime {
                    at_ms,
                    class: ClockClass::Estimated,
                    claimed_ms: op.env.captured.wall_ms,
                },
            };
            match guarded(|| apply::apply(&world, op, &ctx)) {
                Some(outcome) => world.absorb(outcome),
                None => outbox::set_problem(&self.db, op.env.op_id, "panic")?,
            }
        }
        Ok(world)
    }

    /// The phone predicts its own evidence as held: whether it was is the server's word, and what a
    /// worker shot shows on the phone either way. Powers are predicted by the grants as last heard.
    fn own_grants(&self) -> Result<Vec<Grant>, ClientError> {
        let mut grants = self.grants()?;
        let word = "self".to_owned();
        let span = Span { from_ms: 0, to_ms: None };
        grants.push(Grant { role: Role::Other(word.clone()), area: Area::Other(word), span });
        Ok(grants)
    }

    fn load_with_roots(&self, case: CaseId, world: &mut World) -> Result<(), ClientError> {
        let mut next = Some(case);
        while let Some(id) = next {
            if world.cases.contains_key(&id) {
                break;
            }
            next = None;
            if let Some((file, _)) = self.mirrored(id)? {
                next = file.case.merged_into;
                world.cases.insert(id, Box::new(file));
            }
        }
        Ok(())
    }
}
