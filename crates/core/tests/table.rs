//! Role x state x move, every cell: from the table and the policy, and again from an expectation written by hand.
#![allow(missing_docs, clippy::unwrap_used)]

mod story;

use blindspot_core::access::{POLICY, Role};
use blindspot_core::case::{CaseState as S, ClosedBy, Closing, FeedBackRef, Hanging, Part, TABLE};
use blindspot_core::catalogue::Deadline;
use blindspot_core::command::*;
use blindspot_core::deadline::Due;
use blindspot_core::testing::*;
use blindspot_core::verdict::{Verdict, Why};
use blindspot_core::{CaseId, OpId};
use std::collections::BTreeMap;
use story::*;

const ACTOR: u64 = 30;
const BACK: u8 = 9;

fn back_id() -> OpId {
    OpId::from_parts(1, [BACK; 10])
}

/// A move, with everything that it must say.
fn command(kind: &str) -> Command {
    let reason = || Reason { reason: "r".into(), ..Reason::default() };
    let verify =
        |passed| Verify { feed_back: back_id(), passed, text: String::new(), position: None, photos: vec![] };
    let (kind, outcome) = kind.split_once(':').unwrap_or((kind, ""));
    match kind {
        "withdraw" => Command::Withdraw(Nothing {}),
        "ask_more" => Command::AskMore(AskMore { lacks: vec![Lack::WrongPlace], note: None }),
        "supplement" => Command::Supplement(Supplement::default()),
        "check" => Command::Check(reason()),
        "checked" => {
            Command::Checked(Checked { found: true, text: String::new(), position: None, photos: vec![] })
        }
        "file" => Command::File(reason()),
        "refuse" => Command::Refuse(reason()),
        "merge" => Command::Merge(MergeInto { into: case_id(2), reason: "r".into() }),
        "dispatch" => dispatch(),
        "accept" => Command::Accept(Nothing {}),
        "hand_on" => Command::HandOn(HandOn { to: "三班".into(), note: None }),
        "take_back" => Command::TakeBack(reason()),
        "hang" => {
            Command::Hang(Hang { project: None, review_ms: Some(1), reason: "r".into(), photos: vec![] })
        }
        "unhang" => Command::Unhang(reason()),
        "request_return" => Command::RequestReturn(RequestReturn {
            reason: ReturnReason::OtherArea,
            basis: "b".into(),
            owner: None,
            photos: vec![],
        }),
        "rule_return" => Command::RuleReturn(Ruling {
            ruling: RulingKind::from_word(outcome),
            lead: Some("market".into()),
            assists: vec![],
            text: "t".into(),
            precedent: false,
            precedent_until_ms: None,
            by_ms: Some(1),
            entered_for: None,
            photos: vec![],
        }),
        "lapse" => Command::Lapse(Lapse { what: LapseKind::from_word(outcome), due_ms: 0 }),
        "draw" => Command::Draw(Draw {
            from: DrawnFrom::Grid,
            verifier: Some(person(WORKER)),
            eligible: 2,
            attempt: 1,
            seed_day: String::new(),
            open_by_ms: None,
        }),
        "feed_back" => Command::FeedBack(FeedBack::default()),
        "verify" => Command::Verify(verify(outcome == "pass")),
        "close" => Command::Close(reason()),
        "confirm_void" => Command::ConfirmVoid(ConfirmVoid { void: back_id(), agree: true }),
        other => panic!("{other}: a move without an example"),
    }
}

/// What becomes of a move that somebody with this one role, who reported the case and filed and dispatched it, makes of a
/// case in this state: the state after it, or why not.
fn outcome(role: &Role, state: &S, kind: &str) -> Result<S, Why> {
    let mut s = Story::new();
    let area = if *role == Role::UnitClerk { "dept:sanitation" } else { "city" };
    s.a.add_person(ACTOR, vec![grant(role.clone(), area)]);
    s.ok(WORKER, case_id(2), Command::Report(Report::default()));
    let c: CaseId = case_id(1);
    s.ok(ACTOR, c, Command::Report(Report::default()));
    let now_ms = s.a.now_ms;
    let mut file = (*s.a.world.cases[&c]).clone();
    file.case.state = state.clone();
    file.case.lead = Some("sanitation".into());
    file.case.void_asked = Some(back_id());
    (file.case.filed_ms, file.case.dispatched_ms) = (Some(now_ms), Some(now_ms));
    // Whatever a state waits for has come: long ago, on all clocks.
    let length = Deadline { value: 1, unit: "clock_hour".into() };
    file.case.due = Some(Due::by("test", &length, now_ms - 400_000_000));
    file.case.watch_until_ms = Some(1);
    file.case.hung =
        Some(Hanging { op_id: back_id(), project: None, review_ms: 1, at_ms: now_ms - 400_000_000 });
    file.case.closing = Some(Closing {
        by: ClosedBy::Verify,
        at_ms: now_ms - 400_000_000,
        reason: None,
        evidence_pending: false,
    });
    file.only_person(Part::Filer, person(ACTOR));
    file.only_person(Part::Dispatcher, person(ACTOR));
    file.case.feed_back = Some(FeedBackRef {
        op_id: back_id(),
        round: 0,
        at_ms: 1,
        text: String::new(),
        photos: vec![],
        by_link: None,
        erased: None,
    });
    s.a.world.cases.insert(c, file.into());
    match s.act(ACTOR, c, command(kind)).1 {
        Verdict::Applied => Ok(s.state(c)),
        Verdict::Noted { why } => Err(why),
        other => panic!("{kind}: {other:?}"),
    }
}

#[test]
fn shown_life_table() {
    let mut cells = 0;
    for role in Role::KNOWN {
        for state in S::KNOWN {
            for kind in TABLE.iter().map(|m| m.kind) {
                let line = POLICY.iter().find(|p| kind.split(':').next() == Some(p.kind)).unwrap();
                let row = TABLE.iter().find(|m| m.kind == kind && m.from.contains(state));
                // A report is taken back and completed by its reporter, whatever the role.
                let by_reporter = line.roles.is_empty();
                let want = match row {
                    _ if !by_reporter && !line.roles.contains(role) => Err(Why::NoPower),
                    None => Err(Why::StateMoved),
                    Some(row) => Ok(row.to.clone()),
                };
                assert_eq!(outcome(role, state, kind), want, "{role} {state} {kind}");
                cells += 1;
            }
        }
    }
    println!("{cells} cells");
    assert!(cells > 5_000);
}

/// Written by hand from domain 2.4 and field.md U8, U9, U17, without a look at the table: who, from, move, to; `-` where it
/// must not be.
const BY_HAND: &str = "
collector reported withdraw withdrawn
collector need_more withdraw withdrawn
collector checking withdraw withdrawn
collector filed withdraw -
collector closed withdraw -
collector need_more supplement reported
collector reported supplement -
collector filed supplement -
collector checking checked reported
inspector checking checked reported
unit_clerk checking checked -
collector reported checked -
filing_desk reported ask_more need_more
filing_desk checking ask_more need_more
filing_desk filed ask_more -
collector reported ask_more -
dispatcher reported ask_more -
filing_desk reported check checking
filing_desk need_more check checking
filing_desk dispatched check -
hotline_clerk reported check checking
hotline_clerk reported file -
filing_desk reported file filed
filing_desk need_more file filed
filing_desk checking file filed
filing_desk refused file -
collector reported file -
dispatcher reported file -
unit_clerk reported file -
administrator reported file -
filing_desk reported refuse refused
filing_desk filed refuse -
filing_desk reported merge merged
filing_desk dispatched merge merged
filing_desk closed merge -
unit_clerk dispatched merge -
dispatcher filed dispatch dispatched
duty_leader filed dispatch dispatched
dispatcher rework dispatch dispatched
filing_desk filed dispatch -
dispatcher reported dispatch -
dispatcher closed dispatch -
unit_clerk dispatched accept accepted
collector dispatched accept -
unit_clerk filed accept -
unit_clerk dispatched request_return return_requested
unit_clerk accepted request_return -
unit_clerk in_work request_return -
dispatcher dispatched request_return -
duty_leader return_requested rule_return:uphold dispatched
duty_leader return_requested rule_return:maintain accepted
duty_leader return_requested rule_return:site_visit return_requested
deputy_head return_requested rule_return:area_default dispatched
dispatcher return_requested rule_return:uphold -
unit_clerk return_requested rule_return:uphold -
duty_leader dispatched rule_return:uphold -
unit_clerk accepted hand_on in_work
unit_clerk in_work hand_on in_work
unit_clerk fed_back hand_on -
unit_clerk dispatched feed_back fed_back
unit_clerk in_work feed_back fed_back
unit_clerk rework feed_back fed_back
unit_clerk return_requested feed_back -
unit_clerk hung feed_back -
collector dispatched feed_back -
collector fed_back verify:pass closed
collector fed_back verify:fail rework
unit_clerk fed_back verify:pass -
dispatcher fed_back verify:pass -
filing_desk fed_back verify:pass -
collector dispatched verify:pass -
collector closed verify:fail -
deputy_head in_work hang hung
duty_leader in_work hang -
unit_clerk in_work hang -
deputy_head fed_back hang -
duty_leader hung unhang dispatched
unit_clerk hung unhang -
filing_desk filed take_back reported
dispatcher dispatched take_back filed
dispatcher accepted take_back -
unit_clerk dispatched take_back -
filing_desk filed close closed
filing_desk reported close -
unit_clerk in_work close -
filing_desk dispatched confirm_void voided
filing_desk closed confirm_void -
collector reported confirm_void -
system dispatched lapse:accept accepted
system in_work lapse:accept -
duty_leader dispatched lapse:accept -
system hung lapse:unhang dispatched
unit_clerk hung lapse:unhang -
system closed lapse:watch watch
system watch lapse:archive archived
supervisor watch lapse:archive -
system fed_back draw verifying
system verifying draw verifying
system dispatched draw -
collector fed_back draw -
administrator fed_back draw -
collector verifying verify:pass closed
collector verifying verify:fail rework
";

#[test]
fn what_was_written_by_hand_is_so() {
    let lines: Vec<Vec<&str>> =
        BY_HAND.lines().map(|l| l.split(' ').collect::<Vec<_>>()).filter(|l| l.len() == 4).collect();
    assert!(lines.len() >= 60);
    let mut wrong = BTreeMap::new();
    for line in &lines {
        let (role, state) = (Role::from_word(line[0]), S::from_word(line[1]));
        let found = outcome(&role, &state, line[2]).map_or("-".to_owned(), |to| to.to_string());
        if found != line[3] {
            wrong.insert(line.join(" "), found);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
