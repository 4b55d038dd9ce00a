//! A phone with folders: several people, each with work of their own.

use super::*;

#[test]
fn two_people_share_a_phone_and_each_ones_work_keeps_its_author() {
    let home = tempfile::tempdir().unwrap();
    let phone = Phone::open(home.path()).unwrap();
    let mut rig = Rig::new();
    let (morning, mut a) = phone.add("王芳", Some("123456"), &mut rig.rnd).unwrap();
    let (evening, mut b) = phone.add("李强", Some("654321"), &mut rig.rnd).unwrap();
    rig.enrol(&mut a, 1, 1).unwrap();
    rig.enrol(&mut b, 2, 2).unwrap();
    let saved = rig.report(&mut a, vec![photo(1)]);
    drop(a);
    assert!(b.case(saved.case_id.unwrap()).unwrap().is_none());
    assert!(b.captures().unwrap().is_empty() && b.outbox().unwrap().is_empty());
    rig.report(&mut b, vec![]);
    drop(b);
    let wrong = phone.hand_over(&morning.slot, "654321", &rig.now).unwrap_err();
    assert!(matches!(wrong, ClientError::WrongPin { .. }));
    let mut a = phone.hand_over(&morning.slot, "123456", &rig.now).unwrap();
    rig.seal_all(&mut a);
    assert!(a.outbox().unwrap().iter().all(|o| o.device_id == device(1)));
    let b = phone.open_to_sync(&evening.slot).unwrap();
    assert_eq!(b.outbox().unwrap()[0].device_id, device(2));
    let names: Vec<_> = phone.people().unwrap().into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["王芳", "李强"]);
}

#[test]
fn guessing_a_pin_soon_takes_long_and_the_right_one_waits_too() {
    let home = tempfile::tempdir().unwrap();
    let phone = Phone::open(home.path()).unwrap();
    let mut rig = Rig::new();
    let (person, _) = phone.add("王芳", Some("123456"), &mut rig.rnd).unwrap();
    for _ in 0..5 {
        assert!(phone.hand_over(&person.slot, "000000", &rig.now).is_err());
    }
    let e = phone.hand_over(&person.slot, "123456", &rig.now).unwrap_err();
    assert!(matches!(e, ClientError::WrongPin { wait_s: 30 }), "{e}");
    rig.later(30_000);
    assert!(phone.hand_over(&person.slot, "123456", &rig.now).is_ok());
}

#[test]
fn six_people_and_no_more() {
    let home = tempfile::tempdir().unwrap();
    let phone = Phone::open(home.path()).unwrap();
    let mut rig = Rig::new();
    for n in 0..6 {
        phone.add(&n.to_string(), None, &mut rig.rnd).unwrap();
    }
    assert!(matches!(phone.add("七", None, &mut rig.rnd), Err(ClientError::PhoneFull)));
}

#[test]
fn the_key_is_its_owners_alone_and_photos_are_whole_files() {
    let home = tempfile::tempdir().unwrap();
    let mut rig = Rig::new();
    let mut r = open_native(home.path()).unwrap();
    rig.enrol(&mut r, 1, 1).unwrap();
    rig.report(&mut r, vec![photo(1)]);
    rig.seal_all(&mut r);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(home.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for upload in r.uploads().unwrap() {
        let bytes = std::fs::read(home.path().join("photos").join(&upload.file)).unwrap();
        assert_eq!(Sha256::of(&bytes).to_hex(), upload.sha256);
    }
    assert_eq!(std::fs::read_dir(home.path().join("photos")).unwrap().count(), 3, "no parts, no raws");
}

#[test]
fn a_newer_database_is_refused_and_not_touched() {
    let rig = Rig::new();
    drop(rig.open());
    let path = rig.dir.path().join("replica.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    let e = Replica::open(db, Box::new(rig.files.clone()), Box::new(rig.keys.clone())).unwrap_err();
    assert!(matches!(e, ClientError::DatabaseNewer { found: 99, .. }));
}
