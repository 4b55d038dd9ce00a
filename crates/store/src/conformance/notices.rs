//! Promises about notices: a channel is told a thing once, what waits is found in time, what ended stays on the log.

use crate::jobs::{self, JobKey};
use crate::notices::{self, ChannelRecord, Ended, NewNotice};
use crate::work_links::{self, WorkLink};
use crate::{Result, Store, Tx};
use blindspot_core::id::{CityId, LinkId};
use blindspot_core::projection::notices::Quiet;
use blindspot_core::{CaseId, DeviceId, PersonId};

fn city() -> CityId {
    CityId::from("yiwu")
}

fn new(n: u8, channel: u8, mark: &str, ready_ms: i64) -> NewNotice {
    NewNotice {
        notice_id: [n; 16],
        channel_id: [channel; 16],
        about: "a case".into(),
        kind: "overdue".into(),
        mark: mark.into(),
        line: format!("line {n}"),
        urgent: n == 2,
        created_ms: 1,
        ready_ms,
    }
}

pub(super) fn a_notice_is_told_a_channel_once(store: &Store) {
    let put = |notice: &NewNotice| store.write(|tx| notices::append(tx, &city(), notice)).unwrap();
    assert!(put(&new(1, 1, "m", 10)));
    assert!(!put(&new(9, 1, "m", 99)), "the same again, whatever its id");
    assert!(put(&new(2, 1, "another time", 5)));
    assert!(put(&new(3, 2, "m", 5)), "another channel");
    std::thread::scope(|scope| {
        let twice: Vec<_> = (20..24).map(|n| scope.spawn(move || put(&new(n, 3, "m", 1)))).collect();
        let first = twice.into_iter().map(|t| t.join().unwrap()).filter(|put| *put).count();
        assert_eq!(first, 1, "put by four at once");
    });

    let ready = |now| store.read(|tx| notices::load_ready(tx, &city(), [1; 16], now, 10)).unwrap();
    let next = || store.read(|tx| notices::load_next(tx, &city(), [1; 16])).unwrap();
    let lines = |now| ready(now).iter().map(|n| n.line.clone()).collect::<Vec<_>>();
    assert_eq!(
        (next(), lines(4), lines(5), lines(10)),
        (Some(5), vec![], vec!["line 2".into()], vec!["line 1".into(), "line 2".into()])
    );
    assert!(ready(5)[0].urgent && !ready(10)[0].urgent);
    let end = |tx: &Tx<'_>, at_ms| {
        let how = Ended { state: "sent", tries: 1, batch: [7; 16], at_ms, problem: None };
        notices::end(tx, &city(), [2; 16], how)
    };
    store.write(|tx| notices::put_off(tx, &city(), [1; 16], 1, 50, Some("refused"))).unwrap();
    assert!(store.write(|tx| end(tx, 40)).unwrap());
    assert!(!store.write(|tx| end(tx, 41)).unwrap(), "it was sent already");
    assert_eq!((next(), lines(49).len()), (Some(50), 0));
    let log =
        |state| store.read(|tx| notices::load_log(tx, &city(), [255; 16], state, Some([1; 16]), 9)).unwrap();
    let stand = |n: &notices::NoticeRecord| (n.state.clone(), n.tries, n.ended_ms, n.problem.clone());
    let want =
        [("sent".to_owned(), 1, Some(40), None), ("waiting".to_owned(), 1, None, Some("refused".to_owned()))];
    assert_eq!(log(None).iter().map(stand).collect::<Vec<_>>(), want, "newest first");
    assert_eq!(log(Some("sent")).len(), 1);
    assert_eq!(store.write(|tx| notices::sweep(tx, &city(), 41)).unwrap(), 1);
    let elsewhere =
        store.read(|tx| notices::load_log(tx, &CityId::from("jinhua"), [255; 16], None, None, 9)).unwrap();
    assert!(elsewhere.is_empty());
    a_channel_comes_back_and_goes(store);
}

fn a_channel_comes_back_and_goes(store: &Store) {
    let channel = ChannelRecord {
        channel_id: [1; 16],
        shape: "wecom".into(),
        name: "环卫处".into(),
        targets: "[]".into(),
        kinds: "[]".into(),
        host: "qyapi.example".into(),
        sealed: vec![0, 255, 1],
        quiet: Some(Quiet { from_min: 1_300, to_min: 420 }),
        enabled: true,
        created_ms: 3,
    };
    let load = || store.read(|tx| notices::load_channels(tx, &city())).unwrap();
    store.write(|tx| notices::save_channel(tx, &city(), &channel)).unwrap();
    assert_eq!(load(), std::slice::from_ref(&channel));
    let off = ChannelRecord { enabled: false, quiet: None, ..channel };
    store.write(|tx| notices::save_channel(tx, &city(), &off)).unwrap();
    assert_eq!(load(), std::slice::from_ref(&off));
    assert!(store.write(|tx| notices::remove_channel(tx, &city(), off.channel_id, 60)).unwrap());
    let next = store.read(|tx| notices::load_next(tx, &city(), off.channel_id)).unwrap();
    assert_eq!((load(), next), (vec![], None), "what waited for it is dropped");
}

pub(super) fn a_job_is_due_sooner_and_its_lease_stands(store: &Store) {
    let job = JobKey { kind: "sooner", key: "k".into() };
    let put = |due| store.write(|tx| jobs::put_sooner(tx, &city(), &job, due, 0)).unwrap();
    let state = || store.read(|tx| jobs::load(tx, &city(), &job)).unwrap().unwrap();
    put(50);
    put(90);
    assert_eq!(state().due_ms, 50, "not later");
    put(20);
    let claimed = store.write(|tx| jobs::lease(tx, &city(), job.clone(), "a", 100, 20)).unwrap().unwrap();
    put(10);
    assert_eq!((state().due_ms, state().owner.as_deref(), state().tries), (10, Some("a"), 1));
    assert!(store.write(|tx| jobs::finish(tx, &city(), &claimed, None, 30)).unwrap());
    put(70);
    let again = state();
    assert_eq!((again.due_ms, again.tries, again.done_ms, again.owner), (70, 0, None, None), "a new one");
    store.write(|tx| jobs::remove(tx, &city(), &job)).unwrap();
    assert_eq!(store.read(|tx| jobs::load(tx, &city(), &job)).unwrap(), None);
}

pub(super) fn a_work_link_ends_once_and_counts(store: &Store) {
    let link = WorkLink {
        link_id: LinkId::from_parts(5, [1; 10]),
        case_id: CaseId::from_parts(5, [2; 10]),
        round: 2,
        issuer: PersonId::from_parts(5, [3; 10]),
        device_id: DeviceId::from_parts(5, [4; 10]),
        created_ms: 5,
        expires_ms: 500,
        revoked_ms: None,
        opened: 0,
    };
    let done: Result<()> = store.write(|tx| {
        work_links::append(tx, &city(), &link)?;
        work_links::count(tx, &city(), link.link_id)?;
        work_links::count(tx, &city(), link.link_id)
    });
    done.unwrap();
    let load = |of: &CityId| store.read(|tx| work_links::load(tx, of, link.link_id)).unwrap();
    assert_eq!(load(&city()), Some(WorkLink { opened: 2, ..link.clone() }));
    assert_eq!(load(&CityId::from("jinhua")), None);
    let other = CaseId::from_parts(5, [9; 10]);
    let revoke =
        |case, at| store.write(|tx| work_links::revoke(tx, &city(), case, link.link_id, at)).unwrap();
    assert!(!revoke(other, 6), "of another case");
    assert!(revoke(link.case_id, 7) && !revoke(link.case_id, 8));
    let all = store.read(|tx| work_links::load_of_case(tx, &city(), link.case_id)).unwrap();
    assert_eq!(all[0].revoked_ms, Some(7));
}
