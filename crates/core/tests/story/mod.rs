//! One small city for the tests of cases.
#![allow(missing_docs, dead_code, unreachable_pub, clippy::unwrap_used)]

use blindspot_core::access::Role;
use blindspot_core::case::{Case, CaseState};
use blindspot_core::command::*;
use blindspot_core::division::Places;
use blindspot_core::testing::*;
use blindspot_core::verdict::Verdict;
use blindspot_core::{CaseId, OpId};

pub const WORKER: u64 = 1;
pub const OTHER_WORKER: u64 = 2;
pub const DESK: u64 = 10;
pub const SECOND: u64 = 11;
pub const UNIT: u64 = 12;
pub const OTHER_UNIT: u64 = 13;
pub const LEADER: u64 = 14;
pub const DEPUTY: u64 = 15;

/// A city with people, and ops one after the other.
pub struct Story {
    pub a: Authority,
    n: u64,
}

impl Story {
    pub fn new() -> Self {
        let mut a = Authority::new(Places::empty());
        a.add_person(WORKER, vec![grant(Role::Collector, "city")]);
        a.add_person(OTHER_WORKER, vec![grant(Role::Collector, "city")]);
        for desk in [DESK, SECOND] {
            let roles = [Role::FilingDesk, Role::Supervisor, Role::Dispatcher];
            a.add_person(desk, roles.map(|r| grant(r, "city")).to_vec());
        }
        a.add_person(UNIT, vec![grant(Role::UnitClerk, "dept:sanitation")]);
        a.add_person(OTHER_UNIT, vec![grant(Role::UnitClerk, "dept:market")]);
        a.add_person(LEADER, vec![grant(Role::DutyLeader, "city")]);
        a.add_person(DEPUTY, vec![grant(Role::DeputyHead, "city")]);
        Self { a, n: 0 }
    }
    pub fn act(&mut self, author: u64, case: CaseId, command: Command) -> (OpId, Verdict) {
        self.act_in(author, case, command, None)
    }
    pub fn act_in(
        &mut self,
        author: u64,
        case: CaseId,
        command: Command,
        round: Option<u32>,
    ) -> (OpId, Verdict) {
        self.n += 1;
        let op = sealed_in_round(self.n, author, Some(case), &command, vec![], round);
        (op.env.op_id, self.a.receive(&op))
    }
    pub fn ok(&mut self, author: u64, case: CaseId, command: Command) -> OpId {
        let (id, verdict) = self.act(author, case, command);
        assert_eq!(verdict, Verdict::Applied);
        id
    }
    pub fn state(&self, case: CaseId) -> CaseState {
        self.a.world.cases[&case].case.state.clone()
    }
    pub fn dispatched(&mut self, case: CaseId) {
        self.ok(WORKER, case, Command::Report(Report::default()));
        self.ok(DESK, case, Command::File(Reason::default()));
        self.ok(DESK, case, dispatch());
    }
    pub fn fed_back(&mut self, case: CaseId) -> OpId {
        self.dispatched(case);
        self.ok(UNIT, case, Command::FeedBack(FeedBack::default()))
    }
    pub fn case(&self, case: CaseId) -> &Case {
        &self.a.world.cases[&case].case
    }
}

pub fn dispatch() -> Command {
    Command::Dispatch(Dispatch { lead: "sanitation".into(), assists: vec![], case_kind: None, note: None })
}
