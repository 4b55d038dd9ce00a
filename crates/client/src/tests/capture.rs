//! Saved means saved: captures survive being cut off anywhere.

use super::*;
use blindspot_core::command::{Command, Comment, Look};
use blindspot_core::op::SealedOp;
use blindspot_core::verdict::Cause;

fn ops(r: &Replica) -> Vec<SealedOp> {
    let list = r.outbox().unwrap();
    list.iter().map(|o| SealedOp::read(r.op_body(o.op_id).unwrap().unwrap()).unwrap()).collect()
}

#[test]
fn a_capture_is_durable_and_its_sealing_survives_a_failure_at_every_write() {
    // Three forms of two photos: six writes, each the one that fails once.
    for survives in 0..6 {
        let mut rig = Rig::new();
        let mut r = rig.enrolled(1);
        let saved = rig.report(&mut r, vec![photo(1), photo(2)]);
        drop(r);
        let mut r = rig.open();
        assert_eq!(r.captures().unwrap().len(), 1);
        rig.files.0.lock().unwrap().writes_left = Some(survives);
        let step = r.seal_next(&rig.now, &mut rig.rnd).unwrap();
        assert!(matches!(step, SealStep::Failed { .. }), "{survives}: {step:?}");
        assert!(r.outbox().unwrap().is_empty(), "nothing is sealed by half");
        drop(r);
        rig.files.0.lock().unwrap().writes_left = None;
        let mut r = rig.open();
        let steps = rig.seal_all(&mut r);
        assert!(matches!(&steps[..], [SealStep::Sealed { ops: 3, photos_failed: 0, .. }]), "{steps:?}");
        let kinds: Vec<_> = r.outbox().unwrap().into_iter().map(|o| o.kind).collect();
        assert_eq!(kinds, ["report", "photo", "photo"]);
        assert_eq!(r.uploads().unwrap().len(), 6);
        let view = r.case(saved.case_id.unwrap()).unwrap().unwrap();
        assert_eq!((view.file.photos.len(), view.number.as_deref()), (2, Some("37-0001")));
        let raws = rig.files.0.lock().unwrap().files.keys().filter(|n| n.ends_with(".raw")).count();
        assert_eq!(raws, 0, "raw files go once their forms are in an op");
    }
}

#[test]
fn bytes_that_cannot_be_saved_are_an_error_and_leave_nothing_behind() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    rig.files.0.lock().unwrap().writes_left = Some(1);
    let draft = ReportDraft { photos: vec![photo(1), photo(2)], ..ReportDraft::default() };
    let e = r.capture_report(draft, &rig.now, &mut rig.rnd).unwrap_err();
    assert!(matches!(e, ClientError::Files(FileProblem::Full)));
    assert!(r.captures().unwrap().is_empty());
}

#[test]
fn a_photo_that_cannot_be_made_into_forms_is_lost_on_the_case_and_kept_here() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let bad = RawPhoto { bytes: b"not a picture".to_vec(), ..RawPhoto::default() };
    let saved = rig.report(&mut r, vec![bad, photo(3)]);
    rig.seal_all(&mut r);
    let kinds: Vec<_> = r.outbox().unwrap().into_iter().map(|o| o.kind).collect();
    assert_eq!(kinds, ["report", "photo", "photo_lost", "photo"]);
    let file = r.case(saved.case_id.unwrap()).unwrap().unwrap().file;
    assert_eq!(file.case.media.m, 1, "the case waits for the good one only");
    assert_eq!(file.photos[&saved.photo_ids[0]].lost.as_deref(), Some("unsupported_type"));
    let kept = r.captures().unwrap()[0].photos[0].clone();
    assert_eq!(kept.problem.as_deref(), Some("unsupported_type"));
    assert_eq!(rig.files.read(&kept.raw_file.unwrap()).unwrap(), b"not a picture");
}

#[test]
fn an_op_names_its_own_latest_undecided_op_on_the_case() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let saved = rig.report(&mut r, vec![]);
    let case = saved.case_id.unwrap();
    let comment = |t: &str| Command::Comment(Comment { text: t.into() });
    r.capture_op(case, comment("一"), &rig.now, &mut rig.rnd).unwrap();
    r.capture_look(Look::default(), &rig.now, &mut rig.rnd).unwrap();
    let last = r.capture_op(case, comment("二"), &rig.now, &mut rig.rnd).unwrap();
    let ops = ops(&r);
    let seqs: Vec<_> = ops.iter().map(|o| o.env.device_seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    assert_eq!(ops[1].env.depends_on, [ops[0].env.op_id]);
    assert!(ops[2].env.depends_on.is_empty());
    assert_eq!(ops[3].env.depends_on, [ops[1].env.op_id]);
    assert_eq!(last.op_id, Some(ops[3].env.op_id));
    assert_eq!(ops[0].env.captured.offset_ms, Some(5_000));
    assert_eq!(ops[0].env.captured.mono_ms, Some(1_000));
}

#[test]
fn an_op_on_a_report_that_still_waits_for_sealing_comes_after_it() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let case = rig.report(&mut r, vec![photo(1)]).case_id.unwrap();
    let comment = Command::Comment(Comment { text: "在桥下".into() });
    let saved = r.capture_op(case, comment, &rig.now, &mut rig.rnd).unwrap();
    assert!(!saved.sealed);
    rig.seal_all(&mut r);
    let ops = ops(&r);
    let kinds: Vec<_> = ops.iter().map(|o| o.env.kind.as_str()).collect();
    assert_eq!(kinds, ["report", "photo", "comment"]);
    assert_eq!(ops[2].env.depends_on, [ops[1].env.op_id]);
}

#[test]
fn words_that_do_not_fit_are_told_at_capture() {
    let mut rig = Rig::new();
    let mut r = rig.enrolled(1);
    let case = rig.report(&mut r, vec![]).case_id.unwrap();
    for (text, cause) in [("x".repeat(17_000), Cause::TooLarge), ("a\0b".into(), Cause::NulText)] {
        let command = Command::Comment(Comment { text });
        let e = r.capture_op_with_photos(case, command, &[photo(1)], &rig.now, &mut rig.rnd).unwrap_err();
        assert!(matches!(e, ClientError::Op(p) if p.cause == cause));
    }
    assert!(r.captures().unwrap().is_empty());
}

#[test]
fn a_panic_of_the_rules_is_a_value() {
    assert_eq!(crate::overlay::guarded(|| -> u8 { panic!("planted by a test") }), None);
    assert_eq!(crate::overlay::guarded(|| 7), Some(7));
}

#[test]
fn a_replica_can_be_handed_to_another_thread() {
    fn sendable<T: Send>(_: &T) {}
    sendable(&Rig::new().open());
}
