//! Oracles: what must hold after a run. Each names the promise it guards; those of work that stands still are in
//! `standing`.

use crate::order::in_order;
use crate::phone::SimPhone;
use crate::scenario::World;
use crate::sim::Sim;
use crate::standing::{apart, check_rest, check_waiting};
use blindspot_client::OutboxEntry;
use blindspot_core::case::{CaseFile, Part};
use blindspot_core::clock::ClockClass;
use blindspot_core::feed::Feed;
use blindspot_core::id::Sha256;
use blindspot_core::op::SealedOp;
use blindspot_core::row::RowKind;
use blindspot_core::testing::Authority;
use blindspot_core::{CaseId, OpId};
use blindspot_server::service::{Credential, pull};
use blindspot_store::devices::DeviceState;
use blindspot_store::ops::OpRecord;
use blindspot_store::{StoreError, accounts, devices, feed, ops, rows};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

/// Everything that is wrong, in words; empty when all promises were kept.
#[must_use]
pub(crate) fn check(world: &mut World) -> Vec<String> {
    let mut wrong = vec![];
    check_rest(&mut world.sim, &mut wrong);
    if !wrong.is_empty() {
        // The rest can only be judged at rest.
        return wrong;
    }
    check_mirrors(&mut world.sim, &mut wrong);
    if !wrong.is_empty() {
        // Who has not pulled yet will; all else is looked at once.
        return wrong;
    }
    let found = Found::gather(&mut world.sim);
    check_ops(&mut world.sim, &found, &mut wrong);
    check_digests(&world.sim, &mut wrong);
    check_photos(&world.sim, &found, &mut wrong);
    check_model(&mut world.sim, &found, &world.desk_ops, &mut wrong);
    check_authors(&world.sim, &found, &mut wrong);
    check_numbers(&found, &mut wrong);
    check_verdicts(&found, &mut wrong);
    check_waiting(&world.sim, &found.here, &mut wrong);
    check_copies(world, &mut wrong);
    for (n, phone) in world.sim.phones.iter().enumerate().filter(|(_, p)| p.mismatches > 0) {
        wrong.push(format!("P3: phone {n} found {} digests that differed", phone.mismatches));
    }
    wrong
}

/// What phones and server hold when all is at rest, read once for all the oracles.
pub(crate) struct Found {
    /// What people did, and what their phones made of it.
    done: BTreeSet<OpId>,
    /// Of that, what the server has.
    here: BTreeMap<OpId, OpRecord>,
    /// Each phone's outbox, with the bytes of its ops.
    outboxes: Vec<Vec<(OutboxEntry, Option<String>)>>,
    files: BTreeMap<CaseId, CaseFile>,
}

impl Found {
    fn gather(sim: &mut Sim) -> Self {
        let outboxes: Vec<Vec<_>> = sim.phones.iter_mut().map(read_outbox).collect();
        let mut done: BTreeSet<OpId> = sim.phones.iter().flat_map(|p| p.done.iter().copied()).collect();
        done.extend(outboxes.iter().flatten().map(|(entry, _)| entry.op_id));
        Self { here: load_ops(sim, &done), done, outboxes, files: case_files(sim) }
    }
}

fn read_outbox(phone: &mut SimPhone) -> Vec<(OutboxEntry, Option<String>)> {
    let entries = phone.app().outbox().expect("the outbox is read").into_iter();
    entries
        .map(|entry| {
            let body = phone.app().op_body(entry.op_id).expect("an op is read");
            (entry, body)
        })
        .collect()
}

/// What people did, and what their phones made of it (an op for each photo).
pub(crate) fn all_done(sim: &mut Sim) -> BTreeSet<OpId> {
    let mut all = BTreeSet::new();
    for phone in &mut sim.phones {
        all.extend(phone.done.iter().copied());
        all.extend(phone.app().outbox().expect("the outbox is read").iter().map(|e| e.op_id));
    }
    all
}

pub(crate) fn load_ops(sim: &Sim, ids: &BTreeSet<OpId>) -> BTreeMap<OpId, OpRecord> {
    let house = sim.server.house();
    house.store.read(|tx| ops::load_ops(tx, &house.city, ids)).expect("ops are read")
}

/// P1, P2, P4: whatever a person did is on the server, with the bytes a phone captured.
fn check_ops(sim: &mut Sim, found: &Found, wrong: &mut Vec<String>) {
    for id in found.done.iter().filter(|id| !found.here.contains_key(id)) {
        let why = apart(sim, *id);
        wrong.push(format!("P1/P4: op {id} is not on the server, put aside for {why:?}"));
    }
    // A capture that was copied before it was sealed is sealed by both copies; one of the two stands.
    let mut captured: BTreeMap<OpId, BTreeSet<&str>> = BTreeMap::new();
    for (entry, body) in found.outboxes.iter().flatten() {
        if let Some(body) = body {
            captured.entry(entry.op_id).or_default().insert(body);
        }
    }
    for (id, bodies) in &captured {
        if found.here.get(id).is_some_and(|record| !bodies.contains(&*record.body)) {
            wrong.push(format!("P1: op {id} has other bytes on the server"));
        }
    }
}

/// Authorship: an op is the word of the person whose app made it, whoever carried it.
fn check_authors(sim: &Sim, found: &Found, wrong: &mut Vec<String>) {
    for (n, phone) in sim.phones.iter().enumerate() {
        let mut ids: BTreeSet<OpId> = phone.done.iter().copied().collect();
        ids.extend(found.outboxes[n].iter().map(|(entry, _)| entry.op_id));
        for record in ids.iter().filter_map(|id| found.here.get(id)) {
            if record.author != Some(phone.person) {
                wrong.push(format!("P2: op {} of phone {n} has another author", record.op_id));
            }
        }
    }
}

/// P2, P4: a device on two phones is marked as copied and not revoked, and both were told to enrol again.
fn check_copies(world: &mut World, wrong: &mut Vec<String>) {
    let house = world.sim.server.house();
    for (device, n, k) in &world.copies {
        let record = house.store.read(|tx| devices::load_device(tx, &house.city, *device)).expect("a device");
        let state = record.map(|r| r.state);
        if state != Some(DeviceState::Cloned) {
            wrong.push(format!("P2: device {device} is on phones {n} and {k}, and is {state:?}"));
        }
        for phone in [n, k] {
            if world.sim.phones[*phone].sign_outs == 0 {
                wrong.push(format!("P2: phone {phone} is a copy and was not told to enrol again"));
            }
        }
    }
}

/// P3: every feed of a phone holds exactly the server's rows, and none outside its scope.
fn check_mirrors(sim: &mut Sim, wrong: &mut Vec<String>) {
    let now = sim.now_ms;
    let mut scopes = Vec::with_capacity(sim.phones.len());
    for n in 0..sim.phones.len() {
        let person = sim.phones[n].person;
        let device = sim.phones[n].device();
        let house = sim.server.house();
        let scope = pull::scope(house, Credential { person, device, desk: false }, now).expect("a scope");
        let heads = house.store.read(|tx| feed::load_heads(tx, &house.city, &scope)).expect("heads");
        let mine = sim.phones[n].app().digests().expect("digests");
        for name in mine.keys().filter(|f| !scope.contains(*f)) {
            wrong.push(format!("P3: phone {n} holds {name}, which is not its to read"));
        }
        for name in &scope {
            let theirs = heads.get(name).map(|h| h.digest).unwrap_or_default();
            let own = mine.get(name).copied().unwrap_or_default();
            if theirs != own {
                wrong.push(format!("P3: phone {n}, {name}: {own:?} there, {theirs:?} on the server"));
            }
        }
        scopes.push(scope);
    }
    // Rows are counted once no digest is left to wait for.
    if wrong.is_empty() {
        scopes.iter().enumerate().for_each(|(n, scope)| check_rows(sim, n, scope, wrong));
    }
}

/// P3: a phone keeps no row that none of its feeds holds.
fn check_rows(sim: &mut Sim, n: usize, scope: &BTreeSet<Feed>, wrong: &mut Vec<String>) {
    let house = sim.server.house();
    let keys = house
        .store
        .read(|tx| {
            let mut keys = BTreeSet::new();
            for name in scope {
                let items = feed::load_items(tx, &house.city, name, 0, usize::from(u16::MAX))?;
                keys.extend(items.into_iter().filter(|i| i.row.is_some()).map(|i| i.key));
            }
            Ok::<_, StoreError>(keys)
        })
        .expect("feeds are read");
    let app = sim.phones[n].app();
    let kept = app.status().expect("a status").rows;
    // What own undecided work is about stays on the screen.
    let pinned = || app.outbox().expect("the outbox is read").iter().any(|e| e.overlay);
    if kept != keys.len() as u64 && !(kept > keys.len() as u64 && pinned()) {
        wrong.push(format!("P3: phone {n} keeps {kept} rows, its feeds hold {}", keys.len()));
    }
}

/// The digests that the server keeps are those of its rows.
fn check_digests(sim: &Sim, wrong: &mut Vec<String>) {
    let house = sim.server.house();
    let checks = house.store.read(|tx| feed::recompute_digests(tx, &house.city)).expect("digests");
    for check in checks.iter().filter(|c| c.stored != c.recomputed) {
        wrong.push(format!("P3: the server's digest of {} is not that of its rows", check.feed));
    }
}

fn case_files(sim: &Sim) -> BTreeMap<CaseId, CaseFile> {
    let house = sim.server.house();
    let mut by_case: BTreeMap<CaseId, Vec<(RowKind, String)>> = BTreeMap::new();
    house
        .store
        .read(|tx| {
            for kind in [RowKind::Case, RowKind::Person, RowKind::Photo, RowKind::Comment, RowKind::Conflict]
            {
                rows::each_of_kind(tx, &house.city, &kind, |row| {
                    if let Some(case) = row.case_id {
                        by_case.entry(case).or_default().push((row.key.kind.clone(), row.body));
                    }
                    Ok(())
                })?;
            }
            Ok::<_, StoreError>(())
        })
        .expect("rows are read");
    by_case
        .into_iter()
        .filter_map(|(id, rows)| {
            let file =
                CaseFile::from_bodies(rows.iter().map(|(k, b)| (k, b.as_str()))).expect("rows are sound");
            file.map(|f| (id, f))
        })
        .collect()
}

/// P5: the bytes under every verified form are those of the hash taken at capture.
fn check_photos(sim: &Sim, found: &Found, wrong: &mut Vec<String>) {
    for file in found.files.values() {
        for photo in file.photos.values() {
            if photo.awaited() && !photo.verified.contains(&photo.evidence_form()) {
                wrong.push(format!("P5: photo {} never arrived", photo.photo_id));
            }
            for (name, form) in photo.forms.iter().filter(|(name, _)| photo.verified.contains(name)) {
                let mut bytes = vec![];
                let blob = sim.server.depot().blobs.open(&form.sha256).ok().flatten();
                let read = blob.is_some_and(|mut f| f.read_to_end(&mut bytes).is_ok());
                if !read || Sha256::of(&bytes) != form.sha256 {
                    wrong.push(format!("P5: {name} of photo {} is not what was captured", photo.photo_id));
                }
            }
        }
    }
}

/// A spoken number names one case.
fn check_numbers(found: &Found, wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (id, file) in &found.files {
        if let Some(short) = &file.case.short_no
            && !seen.insert((&short.town, short.n))
        {
            wrong.push(format!("case {id} has a number that another has too"));
        }
    }
}

/// What a phone shows of its ops is what became of them.
fn check_verdicts(found: &Found, wrong: &mut Vec<String>) {
    for (n, outbox) in found.outboxes.iter().enumerate() {
        for (entry, body) in outbox {
            let stands = found.here.get(&entry.op_id);
            if stands.is_some_and(|r| body.as_deref().is_some_and(|b| b != &*r.body)) {
                // The other copy's bytes of this op stand; that is told, in one way or another.
                continue;
            }
            let told = entry.verdict.as_ref().map(|v| v.word());
            let stands = stands.map(|r| r.verdict.word());
            if told != stands {
                let id = entry.op_id;
                wrong.push(format!("P3: phone {n} shows op {id} as {told:?}, it is {stands:?}"));
            }
        }
    }
}

/// What a case is, without what only the server gives: numbers, times of receipt, arrived bytes.
fn essence(file: &CaseFile) -> Value {
    let case = &file.case;
    let parts = |part| file.in_part(part).map(|p| p.to_string()).collect::<BTreeSet<_>>();
    json!({
        "state": case.state, "round": case.round, "fields": case.fields, "lead": case.lead, "assists": case.assists,
        "merged_into": case.merged_into, "merged_from": case.merged_from, "void_asked": case.void_asked,
        "feed_back": case.feed_back.as_ref().map(|f| f.op_id), "verify": case.verify.as_ref().map(|v| v.op_id),
        "closed_by": case.closing.as_ref().map(|c| &c.by), "urgent": case.urgent_danger,
        "reporters": parts(Part::Reporter), "handlers": parts(Part::Handler), "verifiers": parts(Part::Verifier),
        "asked": case.more_asked.as_ref().map(|a| a.op_id), "checked": case.checked.as_ref().map(|c| (c.op_id, c.found)),
        "return_asked": case.return_asked.as_ref().map(|r| r.op_id), "returns": case.returns,
        "rulings": case.rulings.iter().map(|r| json!([r.op_id, r.from, r.to])).collect::<Vec<_>>(),
        "handed_on": case.handed_on.as_ref().map(|h| h.op_id), "hung": case.hung.as_ref().map(|h| h.op_id),
        "supervised": case.supervised.as_ref().map(|s| s.op_id),
        "photos": file.photos.keys().collect::<Vec<_>>(),
        "notes": file.comments.values().map(|c| json!([c.op_id, c.kind, c.text, c.why])).collect::<Vec<_>>(),
        "conflicts": file.conflicts.values().map(|c| json!([c.id, c.kept, c.lost, c.proposal, c.resolved])).collect::<Vec<_>>(),
    })
}

/// P2, P8: the reference model, fed the server's own order, ends where the server ended.
fn check_model(sim: &mut Sim, found: &Found, desk_ops: &[OpId], wrong: &mut Vec<String>) {
    let mut ids = found.done.clone();
    ids.extend(desk_ops);
    let house = sim.server.house();
    let reference = house.reference();
    let mut model = Authority::new(reference.places.clone());
    let read = house.store.read(|tx| {
        for device in devices::load_all_devices(tx, &house.city)? {
            model.people.insert(device.device_id, device.person_id);
            model.enrolled.insert(device.device_id, device.enrolled_ms);
            model.grants.insert(device.person_id, accounts::load_grants(tx, &house.city, device.person_id)?);
        }
        Ok::<_, StoreError>(())
    });
    read.expect("devices are read");
    let records = in_order(sim, &ids);
    model.received = records.iter().map(|r| (r.op_id, r.n)).collect();
    for record in &records {
        if record.time.class == ClockClass::Exact && record.time.at_ms > record.received_ms {
            wrong.push(format!("P8: op {} is dated after its receipt", record.op_id));
        }
        if record.author != model.people.get(&record.device_id).copied() {
            wrong.push(format!("op {} has another author than its device", record.op_id));
        }
        model.times.insert(record.op_id, record.time.clone());
        // Receiving counts on by one.
        model.now_ms = record.received_ms - 1;
        model.receive(&SealedOp::read(record.body.clone()).expect("stored ops are ops"));
    }
    let files = &found.files;
    for record in &records {
        let said = model.verdicts.get(&record.op_id).map(|v| v.word());
        // Whether the bytes came all the same is not known to the model.
        if said != Some(record.verdict.word()) && record.kind != "photo_lost" {
            wrong.push(format!(
                "P2: op {} ({}) is {:?} on the server and {said:?} in the model",
                record.op_id, record.kind, record.verdict
            ));
        }
    }
    if files.len() != model.world.cases.len() {
        wrong.push(format!(
            "P2: {} cases on the server, {} in the model",
            files.len(),
            model.world.cases.len()
        ));
    }
    for (id, file) in files {
        let Some(theirs) = model.world.cases.get(id) else { continue };
        let (own, theirs) = (essence(file), essence(theirs));
        if own != theirs {
            wrong.push(format!("P2: case {id} differs:\n server {own}\n model  {theirs}"));
        }
    }
}
