//! A damaged database: noticed at opening, set aside, read out, and everything that was whole goes on.

use super::*;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const PAGE: usize = 4096;

/// A phone with work of every kind; closed as by a battery that falls out, so that the WAL stays.
pub(super) struct Worked {
    pub(super) home: tempfile::TempDir,
    pub(super) rig: Rig,
    pub(super) bodies: BTreeMap<OpId, String>,
    saved: Saved,
}

pub(super) fn worked(reports: usize) -> Worked {
    let (home, mut rig) = (tempfile::tempdir().unwrap(), Rig::new());
    let mut r = open_native(home.path()).unwrap();
    rig.enrol(&mut r, 1, 1).unwrap();
    for n in 0..reports {
        let report = Report { description: Some("积存垃圾".repeat(n % 60)), ..Report::default() };
        let draft = ReportDraft { report, ..ReportDraft::default() };
        r.capture_report(draft, &rig.now, &mut rig.rnd).unwrap();
    }
    rig.report(&mut r, vec![photo(1)]);
    rig.seal_all(&mut r);
    let saved = rig.report(&mut r, vec![photo(2), photo(3)]);
    let ops = r.outbox().unwrap();
    let bodies = ops.iter().map(|o| (o.op_id, r.op_body(o.op_id).unwrap().unwrap())).collect();
    // The copy keeps the WAL that closing would take away.
    let copy = tempfile::tempdir().unwrap();
    copy_all(home.path(), copy.path());
    Worked { home: copy, rig, bodies, saved }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Worked {
    /// Another phone with the same files.
    fn copy(&self) -> Self {
        let home = tempfile::tempdir().unwrap();
        copy_all(self.home.path(), home.path());
        let mut rig = Rig::new();
        rig.rnd = Seeded(7);
        Self { home, rig, bodies: self.bodies.clone(), saved: self.saved.clone() }
    }
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
    pub(super) fn checkpoint(&self) {
        let db = rusqlite::Connection::open(self.path("replica.db")).unwrap();
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    }
    pub(super) fn damage(&self, name: &str, f: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(name)).unwrap();
        f(&mut bytes);
        fs::write(self.path(name), bytes).unwrap();
    }
    pub(super) fn open(&self) -> Replica {
        open_native(self.home.path()).unwrap()
    }
    /// Everything is there, byte for byte, and nothing twice.
    pub(super) fn all_there(&self, r: &Replica) {
        let ops = r.outbox().unwrap();
        assert_eq!(ops.iter().map(|o| o.op_id).collect::<std::collections::BTreeSet<_>>().len(), ops.len());
        for (op, body) in &self.bodies {
            assert_eq!(r.op_body(*op).unwrap().as_ref(), Some(body));
        }
        let captures = r.captures().unwrap();
        assert_eq!(captures.iter().map(|c| c.capture_id).collect::<Vec<_>>(), [self.saved.capture_id]);
        assert_eq!(captures[0].photos.len(), 2);
        assert_eq!(r.uploads().unwrap().len(), 3);
    }
}

#[test]
fn a_sound_database_is_left_alone() {
    let w = worked(40);
    let r = w.open();
    assert!(r.recovered().unwrap().is_none());
    w.all_there(&r);
    assert!(!w.path("replica.db.damaged-1").exists());
}

#[test]
fn a_header_a_schema_and_inner_pages_cost_no_op() {
    // The magic, the page size, the text encoding, the version, a table's name, the inner page of the outbox.
    let whole = worked(150);
    whole.checkpoint();
    let root = |table: &str| {
        let db = rusqlite::Connection::open(whole.path("replica.db")).unwrap();
        let root = db.query_row("SELECT rootpage FROM sqlite_master WHERE name = ?1", [table], |r| r.get(0));
        (usize::try_from(root.unwrap_or(1i64)).unwrap() - 1) * PAGE
    };
    for at in [3, 17, 59, 63, 105, root("outbox"), root("outbox_unsent") + 3] {
        let mut w = whole.copy();
        w.damage("replica.db", |b| b[at] ^= 0x21);
        let mut r = w.open();
        let told = r.recovered().unwrap().unwrap_or_else(|| panic!("byte {at} is noticed"));
        w.all_there(&r);
        assert_eq!((told.ops, told.captures, told.photos, told.unreadable), (152, 1, 3, 0), "byte {at}");
        assert!(w.path(&told.set_aside).exists() && told.enrol_again, "byte {at}");
        assert!(told.to_string().starts_with("手机数据库损坏，已抢救"));
        assert!(r.status().unwrap().signed_out);
        // Nothing leaves before the enrolment, capturing goes on, and afterwards all goes verbatim.
        assert!(w.rig.poll(&mut r).is_none(), "byte {at}");
        w.rig.report(&mut r, vec![]);
        w.rig.enrol(&mut r, 9, 1).unwrap();
        let request = w.rig.poll_lane(&mut r, Lane::Push);
        let sent = pushed(&request).ops;
        assert!(sent.iter().take(100).all(|op| w.bodies.values().any(|b| b == op)), "byte {at}");
        r.recovered_told().unwrap();
        assert!(r.recovered().unwrap().unwrap().told);
    }
}

#[test]
fn an_op_whose_bytes_were_hit_is_not_sent_and_not_guessed_at() {
    let w = worked(200);
    w.checkpoint();
    // A letter of a description: still JSON, still an op, and not what the person said.
    let victim = w.bodies.iter().find(|(_, b)| b.len() > 800 && b.len() < 1_500).unwrap();
    let place = |b: &[u8]| b.windows(400).position(|p| p == &victim.1.as_bytes()[..400]).unwrap() + 380;
    w.damage("replica.db", |b| {
        let at = place(b);
        b[at] = if b[at] == b'0' { b'1' } else { b'0' };
    });
    let r = w.open();
    let told = r.recovered().unwrap().expect("noticed");
    assert_eq!((told.ops, told.unreadable >= 1), (201, true), "{told:?}");
    assert!(r.op_body(*victim.0).unwrap().is_none());
    assert_eq!(r.outbox().unwrap().len(), w.bodies.len() - 1);
}

#[test]
fn a_photo_whose_sealing_was_lost_is_made_again_from_its_original_form() {
    let mut w = worked(2);
    let mut r = w.open();
    w.rig.seal_all(&mut r);
    let before = r.uploads().unwrap();
    {
        // As when the commit of the sealing is gone, and the raw files with it.
        let undo = "DELETE FROM uploads WHERE photo_id IN (SELECT photo_id FROM shots WHERE capture_id = ?1)";
        let capture = w.saved.capture_id.to_string();
        r.db.execute(undo, [&capture]).unwrap();
        r.db.execute("UPDATE captures SET state = 0 WHERE capture_id = ?1", [&capture]).unwrap();
        r.db.execute("UPDATE shots SET state = 0, raw_kept = 1 WHERE capture_id = ?1", [&capture]).unwrap();
        r.db.execute("DELETE FROM outbox WHERE case_id = ?1", [w.saved.case_id.unwrap().to_string()])
            .unwrap();
    }
    w.rig.seal_all(&mut r);
    assert_eq!(r.uploads().unwrap(), before, "the same forms, and none is lost");
}

#[test]
fn what_a_truncated_file_still_holds_is_read_out() {
    let w = worked(150);
    w.checkpoint();
    w.damage("replica.db", |b| b.truncate(b.len() / 2 + 1_000));
    let r = w.open();
    let told = r.recovered().unwrap().expect("noticed");
    assert!(told.ops > 20 && told.ops < 152, "{told:?}");
    for entry in r.outbox().unwrap() {
        assert_eq!(r.op_body(entry.op_id).unwrap().as_ref(), w.bodies.get(&entry.op_id));
    }
    let empty = worked(3);
    empty.checkpoint();
    empty.damage("replica.db", |b| b.clear());
    assert!(empty.open().recovered().unwrap().is_some(), "no new phone without a word");
}

#[test]
fn a_hit_mirror_is_asked_for_again_and_nothing_else_changes() {
    let mut w = worked(2);
    let feed = Feed("ref".to_owned());
    {
        let mut r = w.open();
        let lines = [WireLine(
            RowKey { kind: blindspot_core::row::RowKind::Division, id: "330782".into() },
            Rev(100, 1),
            format!(r#"{{"name":"{}"}}"#, "义乌".repeat(50)),
        )];
        let request = w.rig.poll_lane(&mut r, Lane::Pull);
        w.rig.answer(&mut r, &request, &json(&page(&feed, &lines, true)));
        assert_eq!(r.status().unwrap().rows, 1);
    }
    w.checkpoint();
    w.damage("replica.db", |b| {
        let at = b.windows(12).position(|p| p == "义乌义乌".as_bytes()).unwrap();
        b[at + 5] ^= 1;
    });
    let r = w.open();
    assert!(r.recovered().unwrap().is_none());
    assert_eq!(r.status().unwrap().rows, 0);
    assert!(!r.status().unwrap().signed_out);
    w.all_there(&r);
}

#[test]
fn a_rescue_cut_off_anywhere_goes_on_at_the_next_opening() {
    let w = worked(20);
    w.checkpoint();
    w.damage("replica.db", |b| b[3] ^= 1);
    let after = tempfile::tempdir().unwrap();
    copy_all(w.home.path(), after.path());
    drop(open_native(after.path()).unwrap());
    let rescued = fs::read(after.path().join("replica.db")).unwrap();
    // Cut while the new file was written; once it stood; once half of the names were changed.
    fs::write(w.path("replica.db.part"), &rescued[..rescued.len() / 2]).unwrap();
    let cut = tempfile::tempdir().unwrap();
    copy_all(w.home.path(), cut.path());
    w.all_there(&w.open());
    for moved in [&[][..], &["-wal"], &["-wal", ""]] {
        let home = tempfile::tempdir().unwrap();
        copy_all(cut.path(), home.path());
        fs::write(home.path().join("replica.db-wal"), b"of the damaged one").unwrap();
        fs::write(home.path().join("replica.db.new"), &rescued).unwrap();
        for end in moved {
            let name = |n: &str| home.path().join(format!("{n}{end}"));
            fs::rename(name("replica.db"), name("replica.db.damaged-1")).unwrap();
        }
        let r = open_native(home.path()).unwrap();
        w.all_there(&r);
        drop(r);
        assert!(home.path().join("replica.db.damaged-1").exists(), "{moved:?}");
        assert!(home.path().join("replica.db.damaged-1-wal").exists(), "{moved:?}");
        assert!(!home.path().join("replica.db.damaged-2").exists(), "{moved:?}");
    }
}

#[test]
fn a_capture_whose_state_was_turned_over_becomes_ops_once() {
    for (turned, captures) in [("state = 0 WHERE state = 1", 1), ("state = 1 WHERE state = 0", 0)] {
        let mut w = worked(4);
        {
            let db = rusqlite::Connection::open(w.path("replica.db")).unwrap();
            db.execute_batch(&format!("UPDATE captures SET {turned}; PRAGMA wal_checkpoint(TRUNCATE)"))
                .unwrap();
        }
        // What is said to be sealed is found out only when something else is damaged as well.
        w.damage("replica.db", |b| b[3] ^= u8::from(captures == 0));
        let mut r = w.open();
        assert!(r.recovered().unwrap().is_some(), "{turned}");
        w.rig.seal_all(&mut r);
        assert!(r.captures().unwrap().is_empty(), "{turned}");
        let ids: Vec<_> = r.outbox().unwrap().iter().map(|o| o.op_id).collect();
        assert!(ids.contains(&w.saved.op_id.unwrap()), "{turned}");
        assert_eq!(r.uploads().unwrap().len(), 9, "{turned}");
        for (op, body) in &w.bodies {
            assert_eq!(r.op_body(*op).unwrap().as_ref(), Some(body));
        }
    }
}

#[test]
fn what_was_erased_for_everybody_is_not_brought_back() {
    let w = worked(3);
    let op = *w.bodies.keys().next().unwrap();
    {
        // As when its old page still holds it: noted as erased, and there.
        let db = rusqlite::Connection::open(w.path("replica.db")).unwrap();
        let erase =
            "INSERT INTO erased_ops SELECT op_id, device_id, device_seq, kind FROM outbox WHERE op_id = ?1";
        assert_eq!(db.execute(erase, [op.to_string()]).unwrap(), 1);
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    }
    w.damage("replica.db", |b| b[3] ^= 1);
    let r = w.open();
    assert_eq!(r.recovered().unwrap().unwrap().unreadable, 0, "its number is accounted for");
    assert!(r.op_body(op).unwrap().is_none());
    assert_eq!(r.outbox().unwrap().len(), w.bodies.len() - 1);
    let kept: i64 = r.db.query_row("SELECT count(*) FROM erased_ops", [], |r| r.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn no_number_is_given_twice_after_pages_of_different_times() {
    let mut w = worked(4);
    {
        let r = w.open();
        crate::store::meta::set_i64(&r.db, crate::store::meta::DEVICE_SEQ, 2).unwrap();
    }
    let mut r = w.open();
    assert!(r.recovered().unwrap().is_some_and(|told| told.enrol_again));
    w.all_there(&r);
    w.rig.report(&mut r, vec![]);
    w.rig.enrol(&mut r, 9, 1).unwrap();
    w.rig.report(&mut r, vec![]);
    assert_eq!(r.outbox().unwrap().len(), w.bodies.len() + 2);
}

#[test]
fn what_is_carried_for_others_and_a_revocation_are_not_forgotten() {
    let (_, file, _) = super::handed::exported(&mut Rig::new());
    let (home, mut rig) = (tempfile::tempdir().unwrap(), Rig::new());
    let mut r = open_native(home.path()).unwrap();
    rig.enrol(&mut r, 1, 1).unwrap();
    r.carry(file.as_slice(), &rig.now).unwrap();
    rig.report(&mut r, vec![]);
    let request = rig.poll_lane(&mut r, Lane::Push);
    rig.answer(&mut r, &request, &refusal(403, "device_revoked"));
    drop(r);
    let path = home.path().join("replica.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut r = open_native(home.path()).unwrap();
    assert!(r.recovered().unwrap().is_some());
    let carried = r.carried().unwrap();
    assert!(carried.len() == 1 && carried[0].waits(), "{carried:?}");
    assert!(r.status().unwrap().handing_in);
    let ask = rig.poll_lane(&mut r, Lane::Auth);
    assert_eq!(ask.path, "/v1/token/hand-in/nonce", "it goes on handing in");
}

#[test]
fn an_op_that_is_not_what_was_written_is_not_exported_under_its_authors_name() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.report(&mut r, vec![]);
    r.db.execute("UPDATE outbox SET body = replace(body, 'report', 'rEport')", []).unwrap();
    let refused = r.export_unsent(std::io::sink(), &rig.now).unwrap_err();
    assert!(refused.is_damage(), "{refused}");
}
