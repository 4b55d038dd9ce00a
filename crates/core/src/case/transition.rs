//! The table of moves: from, to, effect on the round. Data that reads like the page it came from.
//!
//! Who may make a move stands in `access::POLICY`; what a move needs stands in `apply`. What leaves a mark and moves nothing
//! (more time, supervision, a relapse, a pause of the city) has no row here.

use super::state::CaseState;

/// What a move does to the round of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Same round.
    Keep,
    /// A new round begins; work of the old one becomes notes.
    Raise,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Move {
    /// The op kind, with the outcome for `verify` and `rule_return`.
    pub kind: &'static str,
    /// States it starts from.
    pub from: &'static [CaseState],
    /// The state it leads to.
    pub to: CaseState,
    /// Its effect on the round.
    pub round: Round,
    /// Whether a phone may make it without signal.
    pub offline: bool,
}

use CaseState as S;

/// States in which a unit has the case in hand.
const IN_HAND: &[CaseState] = &[S::Dispatched, S::Accepted, S::InWork, S::Rework];
const UNDECIDED: &[CaseState] = &[S::Reported, S::NeedMore, S::Checking];
/// Everything still open, and what may be voided.
const OPEN: &[CaseState] = &[
    S::Reported,
    S::NeedMore,
    S::Checking,
    S::Filed,
    S::Dispatched,
    S::Accepted,
    S::ReturnRequested,
    S::InWork,
    S::FedBack,
    S::Verifying,
    S::Rework,
    S::Hung,
];
const FILED_ON: &[CaseState] = &[
    S::Filed,
    S::Dispatched,
    S::Accepted,
    S::ReturnRequested,
    S::InWork,
    S::FedBack,
    S::Verifying,
    S::Rework,
    S::Hung,
];

/// Every move there is.
pub const TABLE: &[Move] = &[
    Move { kind: "withdraw", from: UNDECIDED, to: S::Withdrawn, round: Round::Keep, offline: true },
    Move {
        kind: "ask_more",
        from: &[S::Reported, S::Checking],
        to: S::NeedMore,
        round: Round::Keep,
        offline: false,
    },
    Move { kind: "supplement", from: &[S::NeedMore], to: S::Reported, round: Round::Keep, offline: true },
    Move {
        kind: "check",
        from: &[S::Reported, S::NeedMore],
        to: S::Checking,
        round: Round::Keep,
        offline: false,
    },
    Move { kind: "checked", from: &[S::Checking], to: S::Reported, round: Round::Keep, offline: true },
    Move { kind: "file", from: UNDECIDED, to: S::Filed, round: Round::Keep, offline: false },
    Move { kind: "refuse", from: UNDECIDED, to: S::Refused, round: Round::Keep, offline: false },
    Move { kind: "merge", from: OPEN, to: S::Merged, round: Round::Keep, offline: false },
    Move {
        kind: "dispatch",
        from: &[S::Filed, S::Rework],
        to: S::Dispatched,
        round: Round::Raise,
        offline: false,
    },
    Move { kind: "accept", from: &[S::Dispatched], to: S::Accepted, round: Round::Keep, offline: true },
    Move { kind: "take_back", from: &[S::Filed], to: S::Reported, round: Round::Keep, offline: false },
    Move { kind: "take_back", from: &[S::Dispatched], to: S::Filed, round: Round::Keep, offline: false },
    Move { kind: "hand_on", from: IN_HAND, to: S::InWork, round: Round::Keep, offline: true },
    Move { kind: "hang", from: IN_HAND, to: S::Hung, round: Round::Keep, offline: false },
    Move { kind: "unhang", from: &[S::Hung], to: S::Dispatched, round: Round::Keep, offline: false },
    Move {
        kind: "request_return",
        from: &[S::Dispatched],
        to: S::ReturnRequested,
        round: Round::Keep,
        offline: true,
    },
    ruled("rule_return:uphold", S::Dispatched, Round::Raise),
    ruled("rule_return:maintain", S::Accepted, Round::Keep),
    ruled("rule_return:provisional", S::Dispatched, Round::Raise),
    ruled("rule_return:lead_and_assist", S::Dispatched, Round::Raise),
    ruled("rule_return:site_visit", S::ReturnRequested, Round::Keep),
    ruled("rule_return:area_default", S::Dispatched, Round::Raise),
    lapsed("lapse:accept", &[S::Dispatched], S::Accepted),
    lapsed("lapse:unhang", &[S::Hung], S::Dispatched),
    lapsed("lapse:watch", &[S::Closed], S::Watch),
    lapsed("lapse:archive", &[S::Watch], S::Archived),
    Move { kind: "feed_back", from: IN_HAND, to: S::FedBack, round: Round::Keep, offline: true },
    lapsed("draw", &[S::FedBack, S::Verifying], S::Verifying),
    Move {
        kind: "verify:pass",
        from: &[S::FedBack, S::Verifying],
        to: S::Closed,
        round: Round::Keep,
        offline: true,
    },
    Move {
        kind: "verify:fail",
        from: &[S::FedBack, S::Verifying],
        to: S::Rework,
        round: Round::Raise,
        offline: true,
    },
    Move { kind: "close", from: FILED_ON, to: S::Closed, round: Round::Keep, offline: false },
    Move { kind: "confirm_void", from: OPEN, to: S::Voided, round: Round::Keep, offline: false },
];

/// A ruling on a request to return.
const fn ruled(kind: &'static str, to: CaseState, round: Round) -> Move {
    Move { kind, from: &[S::ReturnRequested], to, round, offline: false }
}

/// What the server does when a time has come, or draws.
const fn lapsed(kind: &'static str, from: &'static [CaseState], to: CaseState) -> Move {
    Move { kind, from, to, round: Round::Keep, offline: false }
}

/// The kind of the op behind the name of a move: without the outcome.
#[must_use]
pub fn op_kind(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

/// Why a move is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The case is in another round than the author saw.
    OtherRound,
    /// The state does not allow it.
    State,
}

/// Finds the row for a move from a state.
///
/// # Errors
/// `OtherRound` before `State`: a late op of another round is a note whatever the state is.
pub fn find_move(
    kind: &str,
    state: &CaseState,
    round: u32,
    op_round: Option<u32>,
) -> Result<&'static Move, Refused> {
    if op_round.is_some_and(|r| r != round) {
        return Err(Refused::OtherRound);
    }
    TABLE.iter().find(|m| m.kind == kind && m.from.contains(state)).ok_or(Refused::State)
}

/// The kinds that are legal from a state, for the answer to a move that is not.
#[must_use]
pub fn legal_moves(state: &CaseState) -> Vec<&'static str> {
    let mut kinds: Vec<&str> =
        TABLE.iter().filter(|m| m.from.contains(state)).map(|m| op_kind(m.kind)).collect();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_answer_the_same_question() {
        for (i, a) in TABLE.iter().enumerate() {
            for b in &TABLE[i + 1..] {
                let overlap = a.kind == b.kind && a.from.iter().any(|s| b.from.contains(s));
                assert!(!overlap, "{} twice", a.kind);
            }
        }
    }

    #[test]
    fn another_round_is_named_before_the_state() {
        assert_eq!(find_move("feed_back", &S::Closed, 2, Some(1)).unwrap_err(), Refused::OtherRound);
        assert_eq!(find_move("feed_back", &S::Closed, 2, Some(2)).unwrap_err(), Refused::State);
        assert_eq!(find_move("feed_back", &S::Dispatched, 2, None).unwrap().to, S::FedBack);
    }

    #[test]
    fn legal_moves_are_told() {
        assert_eq!(legal_moves(&S::FedBack), ["merge", "draw", "verify", "close", "confirm_void"]);
        assert!(legal_moves(&S::Voided).is_empty());
    }
}
