//! Exported files taken in: whole, twice, cut, changed, of revoked and of unknown devices.

use super::*;
use crate::auth::secret::to_base64;
use crate::service::ingest;
use crate::service::page::PageQuery;
use crate::service::people::{Actor, revoke_device};
use crate::service::quarantine_desk::page;
use crate::service::testing::{Phone, T0, grant, house, person, refusal};
use blindspot_core::access::Role;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::Cause;
use blindspot_core::{DeviceId, PhotoId};
use ed25519_dalek::{Signer as _, SigningKey};
use std::io::{Error, Result as IoResult};
use tar::{Builder, EntryType, Header};

struct Scene {
    house: House,
    depot: Depot,
    phone: Phone,
    carrier: Phone,
    _dir: tempfile::TempDir,
}

fn scene() -> Scene {
    let house = house();
    let dir = tempfile::tempdir().expect("a folder");
    let depot = Depot::open(dir.path()).expect("open");
    grant(&house, person(1), Role::Collector, "city");
    grant(&house, person(2), Role::Collector, "city");
    let (phone, carrier) = (Phone::enrol(&house, person(1), 1), Phone::enrol(&house, person(2), 2));
    Scene { house, depot, phone, carrier, _dir: dir }
}

impl Scene {
    fn take(&self, file: impl Read) -> Result<HandInReply, ServiceError> {
        let submit = |job| {
            ingest::step(&self.house, vec![job]);
            Ok(())
        };
        let room = || Ok(());
        let (house, depot) = (&self.house, &self.depot);
        Intake { house, depot, submit: &submit, room: &room, now_ms: T0 }.take(self.carrier.credential, file)
    }
    fn waiting(&self) -> Vec<Cause> {
        let found = page(&self.house, &PageQuery::default(), None).expect("a page");
        found.items.into_iter().map(|e| e.cause).collect()
    }
}

fn jpeg(n: u8) -> Vec<u8> {
    let mut bytes = vec![n; 3_000];
    bytes[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
    bytes
}

fn add(tar: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut header = Header::new_ustar();
    header.set_path(name).expect("short");
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    tar.append(&header, bytes).expect("written");
}

/// A file of the device with this number, whose key is made of the same.
fn file(device: DeviceId, n: u8, ops: &[&SealedOp], photos: &[Vec<u8>]) -> Vec<u8> {
    let key = SigningKey::from_bytes(&[n; 32]);
    let photo = |(i, bytes): (usize, &Vec<u8>)| HandInPhoto {
        photo_id: PhotoId::from_parts(T0, [u8::try_from(i).expect("few"); 10]),
        form: FormName::Working,
        media: MediaKind::Photo,
        sha256: Sha256::of(bytes),
        bytes: bytes.len() as u64,
    };
    let manifest = HandInManifest {
        v: 1,
        city_id: house().city.clone(),
        device_id: device,
        person_id: person(n),
        key_alg: KeyAlg::EdDsa,
        public_key: to_base64(key.verifying_key().as_bytes()),
        made_ms: T0,
        ops: ops.iter().map(|op| op.hash).collect(),
        photos: photos.iter().enumerate().map(photo).collect(),
    };
    let text = serde_json::to_vec(&manifest).expect("JSON");
    let signature = to_base64(&key.sign(hand_in_file_text(&Sha256::of(&text)).as_bytes()).to_bytes());
    let lines: String = ops.iter().map(|op| serde_json::to_string(&*op.body).expect("JSON") + "\n").collect();
    let mut tar = Builder::new(vec![]);
    add(&mut tar, MANIFEST, &text);
    add(&mut tar, SIGNATURE, signature.as_bytes());
    add(&mut tar, OPS, lines.as_bytes());
    for bytes in photos {
        add(&mut tar, &format!("{BLOBS}{}", Sha256::of(bytes).to_hex()), bytes);
    }
    tar.into_inner().expect("written")
}

/// A body whose sender goes away after so many bytes.
struct Cut<'b>(&'b [u8], usize);

impl Read for Cut<'_> {
    fn read(&mut self, buf: &mut [u8]) -> IoResult<usize> {
        if self.1 == 0 {
            return Err(Error::from(ErrorKind::ConnectionAborted));
        }
        let n = self.0.len().min(self.1).min(buf.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        (self.0, self.1) = (&self.0[n..], self.1 - n);
        Ok(n)
    }
}

#[test]
fn a_file_is_its_authors_work_whoever_carries_it_and_twice_does_no_harm() {
    let mut s = scene();
    let ops = [s.phone.report(1, 1), s.phone.report(2, 1)];
    let file = file(s.phone.credential.device, 1, &[&ops[0], &ops[1]], &[jpeg(1), jpeg(2)]);
    for again in 0..2 {
        let reply = s.take(file.as_slice()).expect("taken in");
        assert_eq!(reply.ops, BTreeMap::from([("applied".to_owned(), 2)]));
        assert_eq!((reply.photos, reply.missing, reply.seen_before), (2, 0, again * 2));
        assert_eq!(reply.refused, vec![]);
    }
    let stored = s.house.store.read(|tx| {
        let ids = ops.iter().map(|op| op.env.op_id).collect();
        blindspot_store::ops::load_ops(tx, &s.house.city, &ids)
    });
    assert!(stored.expect("sound").values().all(|op| op.author == Some(person(1))));
    let verified = s.house.store.read(|tx| store::load_counts(tx, &s.house.city)).expect("sound");
    assert_eq!(verified, (2, 0), "one upload a form");
    // The phone comes back and has gone on meanwhile: its own numbers trip nothing.
    let later = s.phone.report(3, 1);
    s.phone.push(&s.house, T0 + 1, &[&ops[0], &ops[1], &later]);
    assert_eq!(s.take(file.as_slice()).expect("taken in").seen_before, 2);
    let device = s.house.store.read(|tx| devices::load_device(tx, &s.house.city, s.phone.credential.device));
    assert_eq!(device.expect("sound").expect("there").state.as_str(), "active");
}

#[test]
fn a_file_that_was_changed_or_is_none_is_refused_whole() {
    let mut s = scene();
    let op = s.phone.report(1, 1);
    let device = s.phone.credential.device;
    let good = file(device, 1, &[&op], &[]);
    let other_key = file(device, 3, &[&op], &[]);
    assert_eq!(refusal(s.take(other_key.as_slice())), HAND_IN_DAMAGED.code);
    let at = good.windows(9).position(|w| w == b"\"made_ms\"").expect("there");
    let mut changed = good.clone();
    changed[at + 12] ^= 1;
    assert_eq!(refusal(s.take(changed.as_slice())), HAND_IN_DAMAGED.code);
    for junk in [&b""[..], b"%PDF-1.7", &good[..700], &[0; 2_000]] {
        assert_eq!(refusal(s.take(junk)), HAND_IN_DAMAGED.code);
    }
    assert!(s.waiting().is_empty());
    assert_eq!(s.take(good.as_slice()).expect("taken in").ops["applied"], 1);
}

#[test]
fn what_passed_before_a_cut_or_damage_is_kept_and_the_rest_is_told_of() {
    let mut s = scene();
    let ops = [s.phone.report(1, 1), s.phone.report(2, 1)];
    let good = file(s.phone.credential.device, 1, &[&ops[0], &ops[1]], &[jpeg(1), jpeg(2)]);
    // What ends an archive is 1,024 zeros; nobody misses them.
    for at in (0..good.len() - 1_024 - 512).step_by(509) {
        assert_eq!(refusal(s.take(Cut(&good, at))), BUSY.code, "cut at {at}");
    }
    // Its second picture changed on the way from phone to phone.
    let mut damaged = good.clone();
    let at = good.len() - 3_000;
    damaged[at] ^= 0xFF;
    let reply = s.take(damaged.as_slice()).expect("the rest is good");
    assert_eq!((reply.photos + reply.refused.len() as u64, reply.missing), (2, 0));
    // Cut short by whoever copied it.
    let reply = s.take(&good[..good.len() - 5_000]).expect("the rest is good");
    assert_eq!(reply.seen_before, 2);
    assert!(s.take(good.as_slice()).expect("whole").refused.is_empty());
    assert_eq!(s.waiting(), vec![]);
}

#[test]
fn an_op_that_the_manifest_does_not_name_is_not_taken() {
    let mut s = scene();
    let (named, smuggled) = (s.phone.report(1, 1), s.phone.report(2, 1));
    let mut good = file(s.phone.credential.device, 1, &[&named, &named], &[]);
    let line = serde_json::to_string(&*smuggled.body).expect("JSON");
    let twice = serde_json::to_string(&*named.body).expect("JSON");
    assert_eq!(line.len(), twice.len());
    let at = good.windows(twice.len()).rposition(|w| w == twice.as_bytes()).expect("there");
    good[at..at + line.len()].copy_from_slice(line.as_bytes());
    let reply = s.take(good.as_slice()).expect("the rest is good");
    assert_eq!((reply.ops["applied"], reply.missing), (1, 1));
}

#[test]
fn the_work_of_revoked_and_unknown_devices_waits_for_a_person() {
    let mut s = scene();
    let device = s.phone.credential.device;
    let op = s.phone.report(1, 1);
    revoke_device(&s.house, Actor::Cli, device, T0).expect("revoked");
    let reply = s.take(file(device, 1, &[&op], &[jpeg(1)]).as_slice()).expect("taken in");
    assert_eq!((reply.ops["quarantined"], reply.photos), (1, 1));
    let mut elsewhere = Phone::enrol(&crate::service::testing::house(), person(7), 7);
    let foreign = elsewhere.report(9, 1);
    let reply = s.take(file(elsewhere.credential.device, 7, &[&foreign], &[]).as_slice()).expect("taken in");
    assert_eq!(reply.ops["quarantined"], 1);
    assert_eq!(s.waiting(), vec![Cause::RevokedDevice, Cause::UnknownDevice]);
}
