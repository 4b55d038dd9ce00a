//! The machine: four lanes, each with at most one request out, each with its own back-off.
//!
//! Time and randomness come in as arguments. It holds no data: whether there is something to push or
//! upload is told by the client after each step.

use super::backoff::{backoff_ms, spread_ms};
use super::event::{Event, Lane, Reason, Want};
use super::reply::ReplyClass;
use crate::limits::{PUSH_BYTES_AIM, PUSH_OPS_AIM};
use std::collections::{BTreeMap, VecDeque};

/// Earlier than any clock: a wall clock may stand before 1970. Far enough from the end that a clock can be taken off it.
const AT_ONCE_MS: i64 = i64::MIN / 2;

#[derive(Clone, Copy, Debug)]
struct LaneState {
    /// There is something to send.
    work: bool,
    /// A request is out.
    busy: bool,
    /// Not before this time.
    not_before_ms: i64,
    /// Failures in a row.
    failures: u32,
}

impl Default for LaneState {
    fn default() -> Self {
        Self { work: false, busy: false, not_before_ms: AT_ONCE_MS, failures: 0 }
    }
}

/// See the module text.
#[derive(Clone, Debug)]
pub struct SyncMachine {
    lanes: BTreeMap<Lane, LaneState>,
    online: bool,
    /// No request but a refresh may leave.
    token_stale: bool,
    /// The family is over: nothing may leave until the person enrolled again.
    signed_out: bool,
    /// The device was revoked: what it holds may leave, by a token for that; nothing is pulled.
    handing_in: bool,
    ops_max: usize,
    wait_s: u32,
    /// Wait between pulls that found nothing new, when not long-polling.
    pull_every_ms: i64,
    events: VecDeque<Event>,
}

impl Default for SyncMachine {
    fn default() -> Self {
        Self::new()
    }
}

impl SyncMachine {
    /// A machine with a pull due at once.
    #[must_use]
    pub fn new() -> Self {
        let mut lanes: BTreeMap<Lane, LaneState> =
            Lane::ALL.iter().map(|l| (*l, LaneState::default())).collect();
        if let Some(pull) = lanes.get_mut(&Lane::Pull) {
            pull.work = true;
        }
        Self {
            lanes,
            online: true,
            token_stale: false,
            signed_out: false,
            handing_in: false,
            ops_max: PUSH_OPS_AIM,
            wait_s: 0,
            pull_every_ms: 60_000,
            events: VecDeque::new(),
        }
    }

    /// Long-poll for so many seconds (foreground), or pull every `pull_every_ms` (background).
    pub fn set_pull_pace(&mut self, wait_s: u32, pull_every_ms: i64) {
        self.wait_s = wait_s;
        self.pull_every_ms = pull_every_ms;
    }

    fn lane(&mut self, lane: Lane) -> &mut LaneState {
        self.lanes.entry(lane).or_default()
    }

    /// Something was captured: the push lane has work; a pause after success ends, a back-off does not.
    pub fn handle_captured(&mut self, now_ms: i64) {
        self.set_work(Lane::Push, true, now_ms);
    }

    /// Tells whether a lane has something to send.
    pub fn set_work(&mut self, lane: Lane, work: bool, now_ms: i64) {
        let state = self.lane(lane);
        state.work = work;
        if work && state.failures == 0 {
            state.not_before_ms = state.not_before_ms.min(now_ms);
        }
    }

    /// The access token is missing or known to be over.
    pub fn set_token_stale(&mut self) {
        self.token_stale = true;
        self.lane(Lane::Auth).work = true;
    }

    /// The device was revoked and may hand in what it holds; or that is over.
    pub fn set_handing_in(&mut self, on: bool) {
        self.handing_in = on;
        if on {
            // A token of the enrolment opens nothing any more.
            self.set_token_stale();
        }
    }

    /// Whether a revoked device hands in what it holds.
    #[must_use]
    pub fn hands_in(&self) -> bool {
        self.signed_out && self.handing_in
    }

    /// Whether requests of a lane may leave, as far as the enrolment goes.
    fn is_open(&self, lane: Lane) -> bool {
        !self.signed_out || (self.handing_in && lane != Lane::Pull)
    }

    /// The person enrolled again: everything may move.
    pub fn handle_enrolled(&mut self, now_ms: i64) {
        self.signed_out = false;
        self.handing_in = false;
        self.token_stale = false;
        for state in self.lanes.values_mut() {
            *state = LaneState { work: state.work, not_before_ms: now_ms, ..LaneState::default() };
        }
        self.lane(Lane::Auth).work = false;
        self.lane(Lane::Pull).work = true;
    }

    /// The network came or went. Coming back ends every back-off: a person who walks out of a cellar
    /// should not wait for a timer.
    pub fn handle_online(&mut self, online: bool, now_ms: i64) {
        self.online = online;
        if online {
            for state in self.lanes.values_mut() {
                state.not_before_ms = now_ms;
                state.failures = 0;
            }
        }
    }

    /// Asks for a pull now (pull to refresh, a hint by SSE).
    pub fn pull_now(&mut self, now_ms: i64) {
        self.set_work(Lane::Pull, true, now_ms);
    }

    /// The next request to send, if any may leave now. The caller must answer each with exactly one
    /// `handle_response`, `handle_failure` or `nothing_to_send`.
    pub fn poll_request(&mut self, now_ms: i64) -> Option<Want> {
        if !self.online {
            return None;
        }
        for lane in Lane::ALL {
            if !self.is_open(lane) {
                continue;
            }
            if self.token_stale && lane != Lane::Auth {
                return None;
            }
            let state = self.lane(lane);
            if state.busy || !state.work || state.not_before_ms > now_ms {
                continue;
            }
            state.busy = true;
            return Some(match lane {
                Lane::Auth => Want::Refresh,
                Lane::Push => Want::Push { ops_max: self.ops_max, bytes_max: PUSH_BYTES_AIM },
                Lane::Pull => Want::Pull { wait_s: self.wait_s },
                Lane::Photo => Want::Photo,
            });
        }
        None
    }

    /// The client found nothing for a want.
    pub fn nothing_to_send(&mut self, lane: Lane, next_ms: Option<i64>) {
        let state = self.lane(lane);
        state.busy = false;
        match next_ms {
            Some(at) => state.not_before_ms = at,
            None => state.work = false,
        }
    }

    /// An answer of ours to a request on a lane. `more` says whether the lane has more to send at once.
    pub fn handle_response(&mut self, lane: Lane, class: ReplyClass, more: bool, now_ms: i64, random: u64) {
        self.lane(lane).busy = false;
        match class {
            ReplyClass::Ok => self.succeeded(lane, more, now_ms),
            ReplyClass::Unauthorised if lane != Lane::Auth => {
                self.set_token_stale();
                self.events.push_back(Event::Failed { lane, class: Some(class) });
            }
            ReplyClass::EnrolAgain => {
                self.signed_out = true;
                self.events.push_back(Event::SignInAgain);
            }
            ReplyClass::TooLarge | ReplyClass::Refused if lane == Lane::Push => self.halve(now_ms),
            _ => self.failed(lane, Some(class), None, now_ms, random),
        }
    }

    /// A photo step was refused or repaired: other photos go on at once; the photo has its own back-off.
    pub fn photo_step_done(&mut self, more: bool, now_ms: i64) {
        let state = self.lane(Lane::Photo);
        state.busy = false;
        state.work = more;
        state.failures = 0;
        state.not_before_ms = now_ms;
    }

    /// Nothing answered, or not our server.
    pub fn handle_failure(&mut self, lane: Lane, retry_after_ms: Option<i64>, now_ms: i64, random: u64) {
        self.lane(lane).busy = false;
        self.failed(lane, None, retry_after_ms, now_ms, random);
    }

    fn succeeded(&mut self, lane: Lane, more: bool, now_ms: i64) {
        let (wait_s, every) = (self.wait_s, self.pull_every_ms);
        let state = self.lane(lane);
        state.failures = 0;
        state.not_before_ms = now_ms;
        state.work = more;
        match lane {
            Lane::Auth => {
                state.work = false;
                self.token_stale = false;
            }
            Lane::Push => {
                // A batch that got through lets the next grow again.
                self.ops_max = (self.ops_max * 2).min(PUSH_OPS_AIM);
                if !more {
                    self.events.push_back(Event::OutboxEmpty);
                }
                // New verdicts are waiting.
                self.set_work(Lane::Pull, true, now_ms);
            }
            Lane::Pull => {
                if !more {
                    state.work = true;
                    state.not_before_ms = if wait_s > 0 { now_ms } else { now_ms.saturating_add(every) };
                    self.events.push_back(Event::CaughtUp);
                }
            }
            Lane::Photo => {}
        }
    }

    /// Our own refusal of a batch: half of it, down to one, which then goes to the tray.
    fn halve(&mut self, now_ms: i64) {
        if self.ops_max <= 1 {
            self.events.push_back(Event::Unsendable);
            self.ops_max = PUSH_OPS_AIM;
        } else {
            self.ops_max = self.ops_max.div_ceil(2);
        }
        let state = self.lane(Lane::Push);
        state.work = true;
        state.not_before_ms = now_ms;
    }

    /// How many ops the refused batch held at most; one means that the op itself is refused.
    #[must_use]
    pub fn ops_max(&self) -> usize {
        self.ops_max
    }

    fn failed(
        &mut self,
        lane: Lane,
        class: Option<ReplyClass>,
        retry_after_ms: Option<i64>,
        now_ms: i64,
        random: u64,
    ) {
        let state = self.lane(lane);
        state.work = true;
        state.failures = state.failures.saturating_add(1);
        // Phones that were sent away together must not come back together either.
        let asked = retry_after_ms.map_or(0, |ms| ms.saturating_add(spread_ms(ms, random)));
        let wait = backoff_ms(state.failures, random).max(asked);
        state.not_before_ms = now_ms.saturating_add(wait);
        self.events.push_back(Event::Failed { lane, class });
    }

    /// When to ask again, and why, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(i64, Reason)> {
        if !self.online {
            return None;
        }
        self.lanes
            .iter()
            .filter(|(lane, s)| {
                self.is_open(**lane) && s.work && !s.busy && (!self.token_stale || **lane == Lane::Auth)
            })
            .map(|(lane, s)| {
                let reason = if s.failures > 0 { Reason::Backoff(*lane) } else { Reason::Due(*lane) };
                (s.not_before_ms, reason)
            })
            .min_by_key(|(at, _)| *at)
    }

    /// The next thing a screen may want to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
