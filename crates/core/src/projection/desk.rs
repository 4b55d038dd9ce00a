//! Desks, and what lies before each: the states whose cases it takes one after the other. Knows no lease.

use crate::access::{Grant, Role, policy};
use crate::case::CaseState;

crate::open_enum! {
    /// A desk that takes the next case.
    pub enum Desk {
        /// 受理席
        Filing = "filing",
        /// 派遣席
        Dispatch = "dispatch",
        /// 值班长: requests to return.
        Ruling = "ruling",
        /// 核查
        Verify = "verify",
    }
}

impl Desk {
    /// The Chinese word on screens.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            Desk::Filing => "受理席",
            Desk::Dispatch => "派遣席",
            Desk::Ruling => "裁定",
            Desk::Verify => "核查",
            Desk::Other(word) => word,
        }
    }

    /// States whose cases wait here.
    #[must_use]
    pub fn states(&self) -> &'static [CaseState] {
        match self {
            Desk::Filing => &[CaseState::Reported],
            Desk::Dispatch => &[CaseState::Filed],
            Desk::Ruling => &[CaseState::ReturnRequested],
            Desk::Verify => &[CaseState::FedBack, CaseState::Verifying],
            Desk::Other(_) => &[],
        }
    }

    /// The move that is made here.
    fn kind(&self) -> &'static str {
        match self {
            Desk::Filing => "file",
            Desk::Dispatch => "dispatch",
            Desk::Ruling => "rule_return",
            Desk::Verify => "verify",
            Desk::Other(_) => "",
        }
    }

    /// Grants by which somebody sits here now: those that give the power of its move.
    pub fn seats<'g>(&self, grants: &'g [Grant], now_ms: i64) -> impl Iterator<Item = &'g Grant> {
        let roles: &'static [Role] = policy(self.kind()).map_or(&[], |p| p.roles);
        grants.iter().filter(move |g| g.span.contains(now_ms) && roles.contains(&g.role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Area;
    use crate::case::{TABLE, op_kind};
    use crate::division::Span;

    #[test]
    fn what_lies_before_a_desk_can_be_moved_there() {
        for desk in Desk::KNOWN {
            for state in desk.states() {
                let moves = TABLE.iter().any(|m| m.from.contains(state) && op_kind(m.kind) == desk.kind());
                assert!(moves, "{desk}: {state}");
            }
        }
    }

    #[test]
    fn a_seat_is_a_grant_of_the_move_now() {
        let span = Span { from_ms: 10, to_ms: Some(20) };
        let grants = [Grant { role: Role::Dispatcher, area: Area::City, span }];
        assert_eq!(Desk::Dispatch.seats(&grants, 15).count(), 1);
        assert_eq!(Desk::Dispatch.seats(&grants, 25).count(), 0);
        assert_eq!(Desk::Filing.seats(&grants, 15).count(), 0);
        assert_eq!(Desk::from_word("tea").seats(&grants, 15).count(), 0);
    }
}
