//! A backup holds everything, is checked, is thinned out, and comes back as a house of a new epoch.

use super::restore::restore;
use super::*;
use crate::blob::FsBlobs;
use crate::blob::Place;
use crate::service::people::{self, Actor, NewPerson};
use crate::state::DataFolder;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::{DeviceId, PersonId, PhotoId};
use blindspot_store::counters;
use blindspot_store::meta;
use blindspot_store::uploads::Upload;

const NOW: i64 = 1_800_000_000_000;

fn folder(data: &Path, now_ms: i64) -> DataFolder {
    DataFolder::open(data, Some(("yiwu", "义乌")), now_ms).expect("a folder")
}

fn epoch_of(house: &crate::service::House) -> i64 {
    house.store.read(|tx| meta::load_int(tx, &house.city, meta::EPOCH)).expect("read").expect("an epoch")
}

fn order<'a>(data: &'a Path, to: &'a Path) -> Order<'a> {
    Order { data, to, keep: None, keep_days: None, verify_blobs: true }
}

fn make_quietly(folder: &DataFolder, order: &Order<'_>, now_ms: i64) -> Result<Made> {
    make(&folder.house.store, &folder.house.city, order, now_ms, &mut |_, _, _| {})
}

/// A verified upload with its bytes in the depot.
fn photo(data: &Path, folder: &DataFolder, bytes: &[u8]) -> Sha256 {
    let (house, sha) = (&folder.house, Sha256::of(bytes));
    let part = data.join("finished");
    fs::write(&part, bytes).expect("write");
    folder.depot.blobs.put(&sha, &part).expect("put");
    let id: [u8; 16] = sha.0[..16].try_into().expect("16 bytes");
    let upload = Upload {
        upload_id: id,
        photo_id: PhotoId::from_bytes(id),
        form: FormName::from_word("working"),
        media: MediaKind::from_word("photo"),
        sha256: sha,
        length: bytes.len() as u64,
        received: bytes.len() as u64,
        device_id: DeviceId::from_bytes(id),
        person_id: PersonId::from_bytes(id),
        created_ms: NOW,
        expires_ms: NOW,
        verified_ms: None,
    };
    let city = &house.city;
    let saved = house.store.write(|tx| {
        uploads::save_upload(tx, city, &upload)?;
        uploads::save_verified(tx, city, id, NOW)
    });
    assert!(saved.expect("saved"));
    sha
}

#[test]
fn a_backup_comes_back_with_a_new_epoch_and_moved_numbers() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, to, back) = (dir.path().join("data"), dir.path().join("backups"), dir.path().join("back"));
    let live = folder(&data, NOW);
    let house = &live.house;
    let new = NewPerson { login: "zhang".into(), name: "张".into(), password: None };
    people::create_person(house, Actor::Cli, &new, NOW).expect("a person");
    house.store.write(|tx| counters::save_counter(tx, &house.city, "short:all:2027", 7)).expect("saved");
    let sha = photo(&data, &live, b"a photo");
    let made = make_quietly(&live, &order(&data, &to), NOW + 5).expect("made");
    assert_eq!((made.manifest.blobs, made.new_blobs, made.manifest.counts.people), (1, 1, 1));
    assert_eq!(newest(&house.store, &house.city).expect("read").map(|n| n.snapshot_ms), Some(NOW + 5));
    let safe = house.store.read(|tx| meta::load_int(tx, &house.city, meta::SAFE_THROUGH)).expect("read");
    assert_eq!(safe, Some(NOW + 5));
    let restored = restore(&made.folder, (&back, &Place::Disk), true, NOW + 65_000, &mut |_, _, _| {})
        .expect("restored");
    assert!(restored.epoch > epoch_of(house));
    assert_eq!(restored.behind_ms, 64_995);
    assert!(matches!(
        restore(&made.folder, (&back, &Place::Disk), true, NOW, &mut |_, _, _| {}),
        Err(BackupError::NotEmpty(_))
    ));
    let again = DataFolder::open(&back, None, NOW + 70_000).expect("opens");
    assert_eq!(
        (epoch_of(&again.house), again.house.keys.identity_public()),
        (restored.epoch, house.keys.identity_public())
    );
    assert_eq!(people::list(&again.house).expect("listed").len(), 1);
    let (city, store) = (&again.house.city, &again.house.store);
    assert_eq!(store.read(|tx| counters::load_counter(tx, city, "short:all:2027")).expect("read"), 10_007);
    assert!(store.read(|tx| audit::verify(tx, city)).expect("read").ok);
    assert_eq!(again.depot.blobs.len(&sha).expect("len"), Some(7));
}

#[test]
fn what_is_not_whole_is_not_restored() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, to, back) = (dir.path().join("data"), dir.path().join("backups"), dir.path().join("back"));
    let live = folder(&data, NOW);
    let sha = photo(&data, &live, b"a photo");
    let made = make_quietly(&live, &order(&data, &to), NOW).expect("made");
    let refused =
        || restore(&made.folder, (&back, &Place::Disk), true, NOW, &mut |_, _, _| {}).expect_err("refused");
    // A copy of its own: a link would damage the live photo too.
    let blob = FsBlobs::open(&to.join("blobs")).expect("open").path_of(&sha);
    fs::remove_file(&blob).expect("unlink");
    assert!(matches!(refused(), BackupError::File(..)));
    fs::write(&blob, b"a phota").expect("write");
    assert!(matches!(refused(), BackupError::Damaged(1, _)));
    fs::write(&blob, b"a photo").expect("write");
    let database = made.folder.join("blindspot.db");
    let mut bytes = fs::read(&database).expect("read");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&database, bytes).expect("write");
    assert!(matches!(refused(), BackupError::NotWhole(_)));
    fs::remove_file(made.folder.join(manifest::NAME)).expect("removed");
    assert!(matches!(refused(), BackupError::NotWhole(_)));
    assert!(!back.exists(), "nothing was begun");
}

#[test]
fn a_lost_photo_stops_no_backup_and_frees_no_phone() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, to, back) = (dir.path().join("data"), dir.path().join("backups"), dir.path().join("back"));
    let live = folder(&data, NOW);
    let (lost, _) = (photo(&data, &live, b"lost"), photo(&data, &live, b"there"));
    live.depot.blobs.remove(&lost).expect("removed");
    let made = make_quietly(&live, &order(&data, &to), NOW).expect("made");
    assert_eq!(made.manifest.missing, [lost.to_hex()]);
    assert_eq!(newest(&live.house.store, &live.house.city).expect("read"), None);
    restore(&made.folder, (&back, &Place::Disk), true, NOW, &mut |_, _, _| {}).expect("the rest comes back");
}

#[test]
fn old_ones_go_with_the_photos_that_only_they_held() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, to) = (dir.path().join("data"), dir.path().join("backups"));
    let live = folder(&data, NOW);
    photo(&data, &live, b"a photo");
    let stray = FsBlobs::open(&to.join("blobs")).expect("open").path_of(&Sha256::of(b"stray"));
    fs::create_dir_all(stray.parent().expect("a folder")).expect("made");
    fs::write(&stray, b"stray").expect("write");
    fs::create_dir_all(to.join(".blindspot-x.part")).expect("made");
    for n in 0..4 {
        let order = Order { keep: Some(2), ..order(&data, &to) };
        make_quietly(&live, &order, NOW + n * 1_000).expect("made");
    }
    let left = list(&to).expect("listed");
    assert_eq!(left.len(), 2);
    assert!(left[1].ends_with(format!("blindspot-{}", manifest::utc(NOW + 3_000))));
    assert!(!stray.exists() && !to.join(".blindspot-x.part").exists());
    let order = Order { keep_days: Some(1), ..order(&data, &to) };
    let made = make_quietly(&live, &order, NOW + 3 * 86_400_000).expect("made");
    assert_eq!((made.removed, list(&to).expect("listed").len()), (2, 1));
}
