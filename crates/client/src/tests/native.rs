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
    assert_eq!(b.unsent().unwrap().ops, 1);
    let current: Vec<_> = phone.people().unwrap().into_iter().filter(|p| p.current).map(|p| p.slot).collect();
    assert_eq!(current, [morning.slot]);
    assert!(phone.open_current().unwrap().outbox().unwrap().iter().all(|o| o.device_id == device(1)));
    phone.put_down().unwrap();
    assert!(matches!(phone.open_current(), Err(ClientError::NotHandedOver)));
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
fn ten_wrong_pins_lock_what_only_the_same_persons_enrolment_opens() {
    let home = tempfile::tempdir().unwrap();
    let phone = Phone::open(home.path()).unwrap();
    let mut rig = Rig::new();
    let (person, mut replica) = phone.add("王芳", Some("123456"), &mut rig.rnd).unwrap();
    rig.enrol(&mut replica, 1, 1).unwrap();
    rig.report(&mut replica, vec![]);
    drop(replica);
    let mut last = None;
    for _ in 0..10 {
        last = phone.hand_over(&person.slot, "654321", &rig.now).err();
        rig.later(3_600_000);
        // Another process of the same phone: what was counted is on disk.
        assert!(Phone::open(home.path()).unwrap().people().unwrap()[0].has_pin());
    }
    assert!(matches!(last, Some(ClientError::PinSpent)), "{last:?}");
    assert!(phone.people().unwrap()[0].is_locked());
    assert!(matches!(phone.hand_over(&person.slot, "123456", &rig.now), Err(ClientError::PinSpent)));
    let spent = phone.set_pin(&person.slot, "123456", "246801", &rig.now, &mut rig.rnd);
    assert!(matches!(spent, Err(ClientError::PinSpent)));
    // What waits is still sent.
    assert_eq!(phone.open_to_sync(&person.slot).unwrap().unsent().unwrap().ops, 1);
    let locked = phone.open_to_enrol(&person.slot).unwrap();
    let unlocked = phone.unlock(&person.slot, locked, Some("246801"), &mut rig.rnd);
    assert!(matches!(unlocked, Err(ClientError::NotEnrolled)), "not without an enrolment");
    let mut locked = phone.open_to_enrol(&person.slot).unwrap();
    rig.enrol_locked(&mut locked, 2, 2).unwrap_err();
    rig.enrol_locked(&mut locked, 3, 1).unwrap();
    let open = phone.unlock(&person.slot, locked, Some("246801"), &mut rig.rnd).unwrap();
    assert_eq!(open.outbox().unwrap()[0].device_id, device(1), "untouched");
    assert!(phone.hand_over(&person.slot, "246801", &rig.now).is_ok());
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
