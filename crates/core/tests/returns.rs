//! Before filing and after dispatch: asking for more, a look first, requests to return and the six rulings, each cell
//! written by hand from field.md U8 and U17.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::case::CaseState as S;
use blindspot_core::command::*;
use blindspot_core::testing::*;
use blindspot_core::verdict::{Cause, Verdict, Why};
use blindspot_core::{CaseId, PhotoId};
use proptest::prelude::*;
use story::*;

fn noted(why: Why) -> Verdict {
    Verdict::Noted { why }
}
fn ask_more(lacks: &[Lack]) -> Command {
    Command::AskMore(AskMore { lacks: lacks.to_vec(), note: None })
}
fn supplement(text: &str) -> Command {
    Command::Supplement(Supplement { text: text.into(), photos: vec![PhotoId::from_parts(1, [1; 10])] })
}
fn checked(found: bool) -> Command {
    Command::Checked(Checked { found, text: "在后巷".into(), position: None, photos: vec![] })
}
fn request() -> Command {
    Command::RequestReturn(RequestReturn {
        reason: ReturnReason::OtherDuty,
        basis: "市场管理办法第八条".into(),
        owner: Some("market".into()),
        photos: vec![],
    })
}
fn ruling(kind: RulingKind, lead: Option<&str>) -> Ruling {
    Ruling {
        ruling: kind,
        lead: lead.map(Into::into),
        assists: vec![],
        text: "现场归市场".into(),
        precedent: false,
        precedent_until_ms: None,
        by_ms: Some(5),
        entered_for: None,
        photos: vec![],
    }
}
fn rule(kind: RulingKind, lead: Option<&str>) -> Command {
    Command::RuleReturn(ruling(kind, lead))
}
fn reported() -> (Story, CaseId) {
    let (mut s, c) = (Story::new(), case_id(1));
    s.ok(WORKER, c, Command::Report(Report::default()));
    (s, c)
}
fn returning() -> (Story, CaseId) {
    let (mut s, c) = (Story::new(), case_id(1));
    s.dispatched(c);
    s.ok(UNIT, c, request());
    (s, c)
}

#[test]
fn the_reporter_is_asked_for_more_and_answers() {
    let (mut s, c) = reported();
    assert_eq!(s.act(DESK, c, ask_more(&[])).1, noted(Why::ReasonNeeded));
    assert_eq!(s.act(UNIT, c, ask_more(&[Lack::NoWideShot])).1, noted(Why::NoPower));
    s.ok(DESK, c, ask_more(&[Lack::NoWideShot, Lack::UnclearPhoto]));
    assert_eq!(s.state(c), S::NeedMore);
    assert_eq!(s.case(c).more_asked.as_ref().unwrap().lacks, [Lack::NoWideShot, Lack::UnclearPhoto]);
    // Another's words stay and do not answer.
    assert_eq!(s.act(OTHER_WORKER, c, supplement("我路过")).1, noted(Why::NotYours));
    assert_eq!(s.state(c), S::NeedMore);
    s.ok(WORKER, c, supplement("补拍远景"));
    assert_eq!((s.state(c), s.case(c).more_asked.clone()), (S::Reported, None));
    assert_eq!(s.a.world.cases[&c].comments.len(), 2);
}

#[test]
fn an_answer_that_comes_after_the_decision_is_kept_and_moves_nothing() {
    let (mut s, c) = reported();
    s.ok(DESK, c, ask_more(&[Lack::UnclearPhoto]));
    s.ok(DESK, c, Command::File(Reason::default()));
    assert_eq!(s.act(WORKER, c, supplement("补拍")).1, noted(Why::StateMoved));
    assert_eq!(s.state(c), S::Filed);
    let note = s.a.world.cases[&c].comments.values().next().unwrap();
    assert_eq!((note.text.as_deref(), note.photos.len()), (Some("补拍"), 1));
}

#[test]
fn somebody_looks_before_the_desk_decides() {
    let (mut s, c) = reported();
    assert_eq!(s.act(WORKER, c, Command::Check(Reason::default())).1, noted(Why::NoPower));
    s.ok(DESK, c, Command::Check(Reason::default()));
    assert_eq!(s.state(c), S::Checking);
    assert_eq!(s.act(UNIT, c, checked(true)).1, noted(Why::NoPower));
    s.ok(OTHER_WORKER, c, checked(false));
    assert_eq!((s.state(c), s.case(c).checked.as_ref().unwrap().found), (S::Reported, false));
    assert_eq!(s.act(OTHER_WORKER, c, checked(true)).1, noted(Why::StateMoved));
    // Sent once more: what was found before no longer stands for the new look.
    s.ok(DESK, c, Command::Check(Reason::default()));
    assert_eq!(s.case(c).checked, None);
    s.ok(DESK, c, ask_more(&[Lack::WrongPlace]));
    assert_eq!(s.state(c), S::NeedMore);
}

#[test]
fn only_the_unit_that_leads_asks_to_return_and_only_when_it_is_dispatched() {
    let (mut s, c) = (Story::new(), case_id(1));
    s.dispatched(c);
    assert_eq!(s.act(OTHER_UNIT, c, request()).1, noted(Why::NoPower));
    s.ok(UNIT, c, request());
    assert_eq!((s.state(c), s.case(c).returns), (S::ReturnRequested, 1));
    assert_eq!(s.case(c).lead, Some("sanitation".into()), "it stays its own until the ruling");
    assert_eq!(s.act(UNIT, c, request()).1, noted(Why::StateMoved));
    assert_eq!(s.act(UNIT, c, Command::Accept(Nothing {})).1, noted(Why::StateMoved));
    s.ok(LEADER, c, rule(RulingKind::Maintain, None));
    assert_eq!(s.act(UNIT, c, request()).1, noted(Why::StateMoved), "accepted is accepted");
}

#[test]
fn each_ruling_leads_where_it_says() {
    for (kind, lead, state, after, round) in [
        (RulingKind::Uphold, Some("market"), S::Dispatched, "market", 2),
        (RulingKind::Maintain, None, S::Accepted, "sanitation", 1),
        (RulingKind::Provisional, Some("sanitation"), S::Dispatched, "sanitation", 2),
        (RulingKind::LeadAndAssist, Some("market"), S::Dispatched, "market", 2),
        (RulingKind::SiteVisit, None, S::ReturnRequested, "sanitation", 1),
        (RulingKind::AreaDefault, Some("market"), S::Dispatched, "market", 2),
    ] {
        let (mut s, c) = returning();
        s.ok(LEADER, c, rule(kind.clone(), lead));
        let case = s.case(c);
        assert_eq!(
            (&case.state, case.lead.as_ref().unwrap().as_str(), case.round),
            (&state, after, round),
            "{kind}"
        );
        assert_eq!(case.return_asked.is_some(), kind == RulingKind::SiteVisit, "{kind}");
        let given = case.rulings.last().unwrap();
        assert_eq!((&given.ruling, given.from.as_ref().unwrap().as_str()), (&kind, "sanitation"));
    }
}

#[test]
fn a_ruling_says_who_leads_in_words_and_until_when() {
    let (mut s, c) = returning();
    let say = |r: Ruling| Command::RuleReturn(r);
    assert_eq!(s.act(DESK, c, rule(RulingKind::Maintain, None)).1, noted(Why::NoPower));
    assert_eq!(s.act(LEADER, c, rule(RulingKind::Uphold, None)).1, noted(Why::LeadNeeded));
    let mute = Ruling { text: " ".into(), ..ruling(RulingKind::Maintain, None) };
    assert_eq!(s.act(LEADER, c, say(mute)).1, noted(Why::ReasonNeeded));
    for kind in [RulingKind::Provisional, RulingKind::SiteVisit] {
        let open = Ruling { by_ms: None, ..ruling(kind, Some("market")) };
        assert_eq!(s.act(LEADER, c, say(open)).1, noted(Why::ReasonNeeded));
    }
    assert_eq!(s.state(c), S::ReturnRequested);
    // Nobody assists himself.
    let both = vec!["market".into(), "water".into()];
    let shared = Ruling { assists: both, ..ruling(RulingKind::LeadAndAssist, Some("market")) };
    s.ok(LEADER, c, say(shared));
    assert_eq!(s.case(c).assists, ["water".into()]);
}

#[test]
fn a_ruling_by_telephone_leaves_whose_word_the_report_was_and_a_later_versions_ruling_waits() {
    let word = |name: &str| Some(EnteredFor { name: name.into(), ..EnteredFor::default() });
    let (mut s, c) = (Story::new(), case_id(1));
    s.ok(WORKER, c, Command::Report(Report { entered_for: word("张主任"), ..Report::default() }));
    s.ok(DESK, c, Command::File(Reason::default()));
    s.ok(DESK, c, dispatch());
    s.ok(UNIT, c, request());
    let later = Command::RuleReturn(ruling(RulingKind::Other("by_lot".into()), Some("market")));
    assert!(
        matches!(s.act(LEADER, c, later).1, Verdict::Quarantined { cause: Cause::UnknownKind, .. }),
        "not lost to the server that will know it"
    );
    let told = Ruling { entered_for: word("王主任"), ..ruling(RulingKind::Maintain, None) };
    s.ok(LEADER, c, Command::RuleReturn(told));
    assert_eq!(
        (&s.case(c).entered_for, &s.case(c).rulings[0].entered_for),
        (&word("张主任"), &word("王主任"))
    );
}

#[test]
fn the_third_request_is_the_deputy_heads() {
    let (mut s, c) = returning();
    s.ok(LEADER, c, rule(RulingKind::Uphold, Some("market")));
    s.ok(OTHER_UNIT, c, request());
    s.ok(LEADER, c, rule(RulingKind::Uphold, Some("sanitation")));
    s.ok(UNIT, c, request());
    assert_eq!(s.act(LEADER, c, rule(RulingKind::Maintain, None)).1, noted(Why::DeputyNeeded));
    s.ok(DEPUTY, c, rule(RulingKind::AreaDefault, Some("market")));
    assert_eq!((s.case(c).rulings.len(), s.case(c).returns), (3, 3));
}

#[test]
fn what_the_old_unit_still_sends_is_a_note() {
    let (mut s, c) = returning();
    s.ok(LEADER, c, rule(RulingKind::Uphold, Some("market")));
    let late = Command::FeedBack(FeedBack { text: "已清理".into(), ..FeedBack::default() });
    assert_eq!(s.act_in(UNIT, c, late, Some(1)).1, noted(Why::NoPower));
    assert_eq!(s.state(c), S::Dispatched);
    assert!(s.a.world.cases[&c].comments.values().any(|n| n.text.as_deref() == Some("已清理")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is tried in whatever order: from dispatch to the end a case has one unit that leads, which does not assist
    /// itself; an end is an end; a round never falls; only a case that waits for a ruling has a request.
    #[test]
    fn after_dispatch_exactly_one_unit_is_responsible(moves in prop::collection::vec((0usize..12, 0u64..16), 1..40)) {
        let (mut s, c) = reported();
        let people = [WORKER, OTHER_WORKER, DESK, SECOND, UNIT, OTHER_UNIT, LEADER, DEPUTY];
        let (mut round, mut ended) = (0, None);
        for (what, dice) in moves {
            let unit = ["sanitation", "market"][usize::try_from(dice % 2).unwrap()];
            let back = s.case(c).feed_back.as_ref().map(|f| f.op_id);
            let command = match what {
                0 => ask_more(&[Lack::WrongPlace]),
                1 => supplement("补充"),
                2 => Command::Check(Reason::default()),
                3 => checked(dice % 3 == 0),
                4 => Command::File(Reason::default()),
                5 => Command::Dispatch(Dispatch { lead: unit.into(), assists: vec![], case_kind: None, note: None }),
                6 => Command::Accept(Nothing {}),
                7 | 8 => request(),
                9 => rule(RulingKind::KNOWN[usize::try_from(dice % 6).unwrap()].clone(), Some(unit)),
                10 => Command::FeedBack(FeedBack::default()),
                _ => match back {
                    Some(feed_back) => Command::Verify(Verify { feed_back, passed: dice % 2 == 0, text: String::new(),
                        position: None, photos: vec![] }),
                    None => Command::Withdraw(Nothing {}),
                },
            };
            for who in people {
                s.act(who, c, command.clone());
            }
            let case = s.case(c);
            let before = matches!(case.state, S::Reported | S::NeedMore | S::Checking | S::Withdrawn | S::Filed);
            prop_assert_eq!(case.lead.is_some(), !before, "{}", case.state);
            prop_assert!(case.lead.as_ref().is_none_or(|lead| !case.assists.contains(lead)));
            prop_assert!(case.round >= round);
            prop_assert_eq!(case.return_asked.is_some(), case.state == S::ReturnRequested);
            prop_assert!(ended.as_ref().is_none_or(|end| *end == case.state), "an end is an end");
            round = case.round;
            if !case.state.is_open() {
                ended = Some(case.state.clone());
            }
        }
    }
}
