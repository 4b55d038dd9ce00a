//! Links on a clock that the test drives: who makes one, how long it is good, what is said by it.

use super::page::{Seen, Shut, open};
use super::submit::{BadPhoto, Prepared, done, not_ours};
use super::{link_of, list, make, revoke};
use crate::service::testing::{Phone, T0, case, desk, fix, grant, house, person, refusal};
use crate::service::{House, people};
use blindspot_core::access::Role;
use blindspot_core::{CaseId, OpId};
use serde_json::json;

const DAY: i64 = 24 * 3_600_000;

struct Town {
    house: House,
    worker: Phone,
    desk: Phone,
    unit: Phone,
}

fn town() -> Town {
    let house = house();
    let enrol = |n: u8| Phone::enrol(&house, person(n), n);
    let (worker, desk, unit) = (enrol(1), enrol(2), enrol(3));
    grant(&house, person(1), Role::Collector, "city");
    for role in [Role::FilingDesk, Role::Dispatcher, Role::DutyLeader, Role::DeputyHead] {
        grant(&house, person(2), role, "city");
    }
    grant(&house, person(3), Role::UnitClerk, "dept:sanitation");
    Town { house, worker, desk, unit }
}

impl Town {
    fn dispatched(&mut self, n: u32) -> CaseId {
        let report = json!({"position": fix(1), "description": "张三", "urgent_danger": true});
        let op = self.worker.op("report", Some(case(n)), &report);
        self.worker.push(&self.house, T0, &[&op]);
        self.desk.desk(&self.house, T0, case(n), "file", &json!({}));
        self.desk.desk(&self.house, T0, case(n), "dispatch", &json!({"lead": "sanitation"}));
        case(n)
    }
    fn token(&self, case: CaseId) -> String {
        let made = make(&self.house, self.unit.credential, case, "https://jg.example/", T0).unwrap();
        made.url.strip_prefix("https://jg.example/w/").unwrap().to_owned()
    }
}

/// A small picture, with a block of EXIF such as a phone writes.
fn jpeg() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
    encoder.add_app_segment(1, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0".to_vec()).unwrap();
    let pixels: Vec<u8> = (0..64 * 48 * 3).map(|n| (n / 7 % 251) as u8).collect();
    encoder.encode(&pixels, 64, 48, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

fn shut(house: &House, token: &str, now_ms: i64) -> Option<Shut> {
    match open(house, token, now_ms).unwrap() {
        Seen::Shut(why) => Some(why),
        Seen::Open(_) | Seen::Done(_) => None,
    }
}

#[test]
fn a_link_is_made_by_who_may_feed_back_and_is_good_for_three_days_after_the_deadline() {
    let mut town = town();
    let one = town.dispatched(1);
    let house = &town.house;
    for stranger in [town.desk.credential, town.worker.credential] {
        assert_eq!(refusal(make(house, stranger, one, "", T0)), "no_rights");
    }
    assert_eq!(refusal(make(house, town.unit.credential, case(9), "", T0)), "not_found");
    let token = town.token(one);
    // Urgent: four hours by the clock.
    let ends = T0 + 4 * 3_600_000 + 3 * DAY;
    assert_eq!(shut(house, &token, ends - 1), None);
    assert_eq!(shut(house, &token, ends), Some(Shut::Expired));
    let shown = list(house, town.unit.credential, one, T0).unwrap();
    assert_eq!((shown[0].opened, shown[0].expires_ms, shown[0].issuer.as_str()), (1, ends, "person 3"));
    for forged in ["", "x", &token[1..], &format!("B{}", &token[1..]), &token.to_lowercase()] {
        assert_eq!(link_of(house, forged), None, "{forged}");
    }
    revoke(house, town.unit.credential, one, shown[0].link_id, T0).unwrap();
    revoke(house, town.unit.credential, one, shown[0].link_id, T0).unwrap();
    assert_eq!(shut(house, &token, T0), Some(Shut::Revoked));
    assert_eq!(refusal(revoke(house, town.desk.credential, one, shown[0].link_id, T0)), "no_rights");
}

#[test]
fn a_link_ends_with_its_issuer_and_stands_still_with_its_case() {
    let mut town = town();
    let (one, two) = (town.dispatched(1), town.dispatched(2));
    let (first, second) = (town.token(one), town.token(two));
    town.desk.desk(&town.house, T0, two, "hang", &json!({"reason": "等施工", "review_ms": T0 + DAY}));
    assert_eq!(shut(&town.house, &second, T0), Some(Shut::Waits));
    town.desk.desk(&town.house, T0, two, "unhang", &json!({}));
    assert_eq!(shut(&town.house, &second, T0), None);
    people::set_active(&town.house, people::Actor::Cli, person(3), false, T0).unwrap();
    assert_eq!(shut(&town.house, &first, T0), Some(Shut::NoLonger));
    let form = OpId::from_parts(T0, [9; 10]);
    assert!(matches!(not_ours(&town.house, &first, form, "", T0).unwrap(), Prepared::Shut(Shut::NoLonger)));
}

#[test]
fn the_same_form_makes_the_same_ops_and_another_photo_makes_others() {
    let mut town = town();
    let one = town.dispatched(1);
    let token = town.token(one);
    let form = OpId::from_parts(T0, [9; 10]);
    let photo = jpeg();
    let ready = |form, photo: &[u8], words| match done(&town.house, &token, form, (photo, words), T0).unwrap()
    {
        Prepared::Ready(ready) => ready,
        _ => panic!("not ready"),
    };
    let ids = |form, words| {
        ready(form, &photo, words)
            .ops
            .iter()
            .map(|o| (o.op_id, o.payload.get().to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(form, "好了"), ids(form, "好了"));
    assert_ne!(ids(form, "好了")[1].0, ids(form, "别的")[1].0);
    assert_ne!(ids(form, "好了")[1].0, ids(OpId::from_parts(T0, [8; 10]), "好了")[1].0);
    let made = ready(form, &photo, &"长".repeat(500));
    assert!(made.ops[1].payload.get().chars().filter(|c| *c == '长').count() == super::submit::WORDS_MAX);
    assert!(made.files.iter().all(|(_, bytes)| !bytes.windows(4).any(|w| w == b"Exif")), "nobody is tracked");
    assert_eq!((made.credential.person, made.credential.desk), (person(3), true));
    for (bytes, why) in [
        (&b""[..], BadPhoto::None),
        (b"<svg/>", BadPhoto::NoPicture),
        (&vec![0; 16 << 20][..], BadPhoto::TooLarge),
    ] {
        let found = done(&town.house, &token, form, (bytes, ""), T0).unwrap();
        assert!(matches!(found, Prepared::Photo(found) if found == why), "{why:?}");
    }
    // Decided like any op of the clerk's, in the round of the link.
    let op = made.ops[1].clone();
    let entry = desk(&town.house, made.credential, T0, Some(one), op.clone()).unwrap();
    assert_eq!(entry.verdict.word(), "applied");
    let again = desk(&town.house, made.credential, T0 + 5, Some(one), op).unwrap();
    assert!(again.seen_before);
    assert!(matches!(open(&town.house, &token, T0).unwrap(), Seen::Done(_)));
}
