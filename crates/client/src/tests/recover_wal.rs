//! A damaged write-ahead log: nothing that it still holds is left out, and a torn end costs no enrolment.

use super::recover::{PAGE, worked};
use super::*;
use std::fs;

#[test]
fn a_damaged_frame_of_the_wal_costs_nothing_behind_it() {
    for (byte, commits) in [(5, true), (32 + 8, true), (32 + 24 + 60, true)] {
        let w = worked(30);
        assert!(fs::metadata(w.path("replica.db-wal")).unwrap().len() > 100_000, "the work lies in the WAL");
        w.damage("replica.db-wal", |b| b[byte] ^= 0x10);
        let r = w.open();
        assert_eq!(r.recovered().unwrap().is_some_and(|t| t.enrol_again), commits, "byte {byte}");
        w.all_there(&r);
        assert!(w.path("replica.db.damaged-1-wal").exists());
    }
}

#[test]
fn a_commit_torn_by_a_power_cut_is_kept_without_a_new_enrolment() {
    let w = worked(5);
    // The last frame, which commits, did not reach the disk whole; those in front of it did.
    w.damage("replica.db-wal", |b| {
        let end = b.len();
        b[end - PAGE..].fill(0);
    });
    let mut r = w.open();
    assert!(r.recovered().unwrap().is_none_or(|told| !told.enrol_again));
    assert!(!r.status().unwrap().signed_out);
    let mut rig = w.rig;
    let request = rig.poll_lane(&mut r, Lane::Push);
    assert_eq!(pushed(&request).ops.len(), w.bodies.len());
}

/// Found by `corrupt-phone`: what the file already held of a commit that the WAL had lost was taken for what the engine
/// sees. It sees the older image that the WAL still has.
#[test]
fn a_commit_that_was_copied_back_and_is_damaged_in_the_wal_is_kept() {
    let w = worked(30);
    let wal = fs::read(w.path("replica.db-wal")).unwrap();
    w.checkpoint();
    fs::write(w.path("replica.db-wal"), &wal).unwrap();
    let commits = |n: usize| wal[32 + n * (24 + PAGE) + 4..][..4] != [0; 4];
    let last = (wal.len() - 32) / (24 + PAGE) - 1;
    assert!(commits(last) && !commits(last - 1), "the last commit, that of the capture, has several frames");
    w.damage("replica.db-wal", |b| {
        let end = b.len();
        b[end - (24 + PAGE) - 100] ^= 1;
    });
    w.all_there(&w.open());
}

#[test]
fn what_the_last_commit_held_in_front_of_the_damage_is_not_taken_for_kept() {
    let w = worked(3);
    let mut whole = fs::read(w.path("replica.db-wal")).unwrap();
    let frames = (whole.len() - 32) / (24 + PAGE);
    let commit = |b: &[u8], n: usize| b[32 + n * (24 + PAGE) + 4..][..4] != [0; 4];
    // The last frame of a commit of several that is not the last one of all.
    let last = (1..frames - 1).rev().find(|n| commit(&whole, *n) && !commit(&whole, n - 1)).unwrap();
    whole.truncate(32 + (last + 1) * (24 + PAGE));
    let end = whole.len();
    whole[end - 100] ^= 1;
    let wal = crate::store::carve::Wal::read(&whole);
    assert_eq!(wal.dropped, 1);
    let all = crate::store::recover::Salvage::read(&fs::read(w.path("replica.db")).unwrap(), &wal).ids();
    fs::write(w.path("replica.db-wal"), &whole).unwrap();
    let r = w.open();
    let captures = r.captures().unwrap().into_iter().map(|c| c.capture_id);
    let kept: Vec<_> = r.outbox().unwrap().iter().map(|o| o.op_id.0).chain(captures).collect();
    assert!(all.len() > 3 && all.iter().all(|id| kept.contains(id)), "{all:?} of {kept:?}");
}
