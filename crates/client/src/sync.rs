//! Stepping the sync machine: requests out, answers in. No lock or transaction is held in between.

use crate::error::ClientError;
use crate::event::ClientEvent;
use crate::host::{NetworkKind, Now, Random, number};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::stale;
use crate::photo_step::Step;
use crate::replica::Replica;
use crate::store::uploads::Offered;
use crate::store::{meta, mirror, outbox, staging};
use blindspot_core::feed::Feed;
use blindspot_core::limits::{BACKOFF_MS_MAX, PUSH_OPS_AIM};
use blindspot_core::mutant;
use blindspot_core::sync::{Lane, Reason, ReplyClass, Want};
use blindspot_core::wire::account::{HandInToken, Tokens};
use blindspot_core::wire::v1::Common;
use rusqlite::Connection;
use serde::de::DeserializeOwned;

/// A request that is out.
#[derive(Clone, Debug)]
pub(crate) enum Flight {
    Refresh,
    HandInNonce,
    HandInToken,
    /// Places in the outbox, in order.
    Push(Vec<i64>),
    Pull {
        reread: Vec<Feed>,
    },
    Me,
    Photo(Step),
    /// Forms that were acknowledged in a past that may be lost.
    Offer(Vec<Offered>),
    /// A carried file, by the hash of its manifest.
    Carry(String),
}

impl Flight {
    fn lane(&self) -> Lane {
        match self {
            Flight::Refresh | Flight::HandInNonce | Flight::HandInToken => Lane::Auth,
            Flight::Push(_) => Lane::Push,
            Flight::Pull { .. } | Flight::Me => Lane::Pull,
            Flight::Photo(_) | Flight::Offer(_) | Flight::Carry(_) => Lane::Photo,
        }
    }
}

type Built = Option<(HttpRequest, Flight)>;

impl Replica {
    /// The next request to send, if any may leave now. Ask until it says none: lanes run side by side.
    ///
    /// # Errors
    /// `Db`, `Stored` or `Files`; the lane backs off.
    pub fn poll_request(
        &mut self,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Option<HttpRequest>, ClientError> {
        if meta::get(&self.db, meta::IDENTITY)?.is_none() {
            return Ok(None);
        }
        if now.wall_ms < self.last_wall_ms {
            // The clock was put back: waits counted on the old one would last for ever.
            self.machine.handle_online(self.online, now.wall_ms);
        }
        self.last_wall_ms = now.wall_ms;
        self.find_work(now)?;
        while let Some(want) = self.machine.poll_request(now.wall_ms) {
            match self.build(want, now, rnd) {
                Ok(Some((mut request, flight))) => {
                    self.last_request += 1;
                    request.id = self.last_request;
                    self.flights.insert(request.id, flight);
                    return Ok(Some(request));
                }
                Ok(None) => {
                    let next = if want == Want::Photo { self.next_photo_ms(now)? } else { None };
                    self.machine.nothing_to_send(want.lane(), next);
                }
                Err(e) => {
                    self.machine.handle_failure(want.lane(), None, now.wall_ms, number(rnd));
                    return Err(e);
                }
            }
        }
        Ok(None)
    }

    fn find_work(&mut self, now: &Now) -> Result<(), ClientError> {
        let push = outbox::any_unsent(&self.db)?
            || meta::get(&self.db, meta::REOFFER)?.is_some()
            || meta::get(&self.db, meta::GONE)?.is_some();
        self.machine.set_work(Lane::Push, push, now.wall_ms);
        let photo = self.next_photo_ms(now)?.is_some_and(|at| at <= now.wall_ms);
        if photo {
            self.machine.set_work(Lane::Photo, true, now.wall_ms);
        }
        // A revoked device asks for a token only when there is something to hand in.
        if !self.machine.hands_in() || push || photo {
            let until_ms = self.access()?.map(|(_, until_ms)| until_ms);
            let server_now = self.server_now(now)?;
            if until_ms.is_none_or(|until| stale(until, server_now)) {
                self.machine.set_token_stale();
            }
        }
        Ok(())
    }

    fn build(&mut self, want: Want, now: &Now, rnd: &mut dyn Random) -> Result<Built, ClientError> {
        match want {
            Want::Refresh if self.machine.hands_in() => self.build_hand_in(now),
            Want::Refresh => self.build_refresh(rnd),
            Want::Push { ops_max, bytes_max } => self.build_push(ops_max, bytes_max, now),
            Want::Pull { wait_s } => self.build_pull(wait_s, now),
            Want::Photo => self.build_photo(now),
        }
    }

    /// The access token in use and its end.
    fn access(&self) -> Result<Option<(String, i64)>, ClientError> {
        if self.machine.hands_in() {
            let token: Option<HandInToken> = meta::get_json(&self.db, meta::HAND_IN_TOKEN)?;
            return Ok(token.map(|t| (t.access, t.access_until_ms)));
        }
        let tokens: Option<Tokens> = meta::get_json(&self.db, meta::TOKENS)?;
        Ok(tokens.map(|t| (t.access, t.access_until_ms)))
    }

    /// Adds the access token.
    pub(crate) fn authorised(&self, request: HttpRequest) -> Result<HttpRequest, ClientError> {
        let access = self.access()?.map(|(access, _)| access).unwrap_or_default();
        Ok(request.header("authorization", format!("Bearer {access}")))
    }

    /// Takes an answer. One to a request that is not out is ignored.
    ///
    /// # Errors
    /// `Db`, `Stored` or `Files`; the lane backs off and the request will be made again.
    pub fn handle_response(
        &mut self,
        id: u64,
        response: &HttpResponse,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<(), ClientError> {
        let Some(flight) = self.flights.remove(&id) else { return Ok(()) };
        let random = number(rnd);
        let lane = flight.lane();
        let class = response.class();
        let done = match class {
            ReplyClass::NotOurs => self.failed(&flight, now, random),
            ReplyClass::EnrolAgain => self.sign_out(lane, response.code().as_deref(), now, random),
            ReplyClass::Unauthorised if lane != Lane::Auth => self.unauthorised(&flight, now, random),
            _ => self.dispatch(flight, response, class, now, rnd),
        };
        if done.is_err() {
            self.machine.handle_failure(lane, None, now.wall_ms, random);
        }
        done
    }

    fn dispatch(
        &mut self,
        flight: Flight,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<(), ClientError> {
        let random = number(rnd);
        // A refresh that works proves nothing yet; an answer to its token does.
        if class == ReplyClass::Ok && flight.lane() != Lane::Auth {
            self.strikes = 0;
        }
        match flight {
            Flight::Refresh => self.handle_refreshed(response, class, now, random),
            Flight::HandInNonce => self.handle_hand_in_nonce(response, class, now, random),
            Flight::HandInToken => self.handle_hand_in_token(response, class, now, random),
            Flight::Push(places) => self.handle_pushed(&places, response, class, now, random),
            Flight::Pull { reread } => self.handle_pulled(&reread, response, class, now, random),
            Flight::Me => self.handle_me(response, class, now, random),
            Flight::Photo(step) => self.handle_photo(&step, response, class, now, rnd),
            Flight::Offer(forms) => self.handle_offered(&forms, response, class, now, random),
            Flight::Carry(file) => self.handle_carried(&file, response, class, now, random),
        }
    }

    /// Nothing answered a request.
    ///
    /// # Errors
    /// `Db`.
    pub fn handle_failure(&mut self, id: u64, now: &Now, rnd: &mut dyn Random) -> Result<(), ClientError> {
        let Some(flight) = self.flights.remove(&id) else { return Ok(()) };
        self.failed(&flight, now, number(rnd))
    }

    fn failed(&mut self, flight: &Flight, now: &Now, random: u64) -> Result<(), ClientError> {
        self.machine.handle_failure(flight.lane(), None, now.wall_ms, random);
        match flight {
            Flight::Photo(step) => self.photo_unanswered(step, now)?,
            Flight::Carry(file) => self.carry_unanswered(file, now, random)?,
            _ => {}
        }
        Ok(())
    }

    /// An answer that asks to be left alone for a while, or that the machine alone understands.
    pub(crate) fn back_off(
        &mut self,
        lane: Lane,
        class: ReplyClass,
        response: &HttpResponse,
        now: &Now,
        random: u64,
    ) {
        match response.retry_after_ms() {
            Some(wait) => self.machine.handle_failure(lane, Some(wait), now.wall_ms, random),
            // `Refused` and `TooLarge` mean another thing on the push lane; here they are just failures.
            None if lane == Lane::Push => self.machine.handle_failure(lane, None, now.wall_ms, random),
            None => self.machine.handle_response(lane, class, false, now.wall_ms, random),
        }
    }

    /// What a good answer says; any other makes its lane wait, and gives nothing.
    pub(crate) fn said<T: DeserializeOwned>(
        &mut self,
        lane: Lane,
        (response, class): (&HttpResponse, ReplyClass),
        now: &Now,
        random: u64,
    ) -> Result<Option<T>, ClientError> {
        if class != ReplyClass::Ok {
            self.back_off(lane, class, response, now, random);
            return Ok(None);
        }
        let read = response.read().map_err(|e| ClientError::BadReply(format!("{lane:?}: {e}")));
        read.map(Some)
    }

    /// A token that was good a moment ago: refresh; if that does not help, back off as well.
    fn unauthorised(&mut self, flight: &Flight, now: &Now, random: u64) -> Result<(), ClientError> {
        self.strikes += 1;
        self.machine.set_token_stale();
        if self.strikes > 1 {
            return self.failed(flight, now, random);
        }
        let lane = flight.lane();
        self.machine.handle_response(lane, ReplyClass::Unauthorised, false, now.wall_ms, random);
        Ok(())
    }

    /// Keeps what every reply carries. A new epoch means that the server lost its past.
    pub(crate) fn note_common(
        &self,
        db: &Connection,
        common: &Common,
        now: &Now,
    ) -> Result<Option<ClientEvent>, ClientError> {
        meta::set_i64(db, meta::OFFSET, common.server_ms.saturating_sub(now.wall_ms))?;
        if let Some(safe) = common.safe_through {
            meta::set_i64(db, meta::SAFE_THROUGH, safe)?;
        }
        if !common.receipt.is_empty() {
            meta::set(db, meta::RECEIPT, &common.receipt)?;
        }
        let known = meta::get_i64(db, meta::EPOCH)?;
        meta::set_i64(db, meta::EPOCH, common.epoch)?;
        if known.is_some_and(|k| k != common.epoch) {
            meta::set(db, meta::REOFFER, "1")?;
            // What was read of the past that is lost may be newer than what is true now: every row is
            // replaced by what comes, and pages not yet applied are void.
            staging::clear(db)?;
            if !mutant::is("mirror_keeps_lost_past") {
                mirror::forget_revisions(db)?;
            }
            return Ok(Some(ClientEvent::NewEpoch { epoch: common.epoch }));
        }
        Ok(None)
    }

    /// When to ask again (phone wall clock, milliseconds) and why, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(i64, Reason)> {
        self.machine.poll_timeout()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        while let Some(event) = self.machine.poll_event() {
            if let Some(event) = ClientEvent::from_machine(event) {
                return Some(event);
            }
        }
        None
    }

    /// The network came or went; coming back ends every back-off.
    pub fn set_online(&mut self, online: bool, now: &Now) {
        self.online = online;
        self.machine.handle_online(online, now.wall_ms);
    }

    /// What the network is like; `Offline` is the same as not being online.
    pub fn set_network(&mut self, kind: NetworkKind, now: &Now) {
        self.network = kind;
        let online = kind != NetworkKind::Offline;
        if online != self.online {
            self.set_online(online, now);
        }
    }

    /// Long-poll for `wait_s` seconds (foreground), or pull every `pull_every_ms` (background, 0 waiting).
    pub fn set_pull_pace(&mut self, wait_s: u32, pull_every_ms: i64) {
        self.machine.set_pull_pace(wait_s, pull_every_ms);
    }

    /// Pulls now, by the person's wish or a hint.
    pub fn pull_now(&mut self, now: &Now) {
        self.machine.pull_now(now.wall_ms);
    }

    /// Gives what lies in the tray another try.
    ///
    /// # Errors
    /// `Db`.
    pub fn retry_unsendable(&mut self, now: &Now) -> Result<usize, ClientError> {
        let moved = outbox::retry_unsendable(&self.db)?;
        self.push_limit = PUSH_OPS_AIM;
        self.machine.handle_captured(now.wall_ms);
        Ok(moved)
    }
}

/// A stored wait further off than this was set by a clock that has since been put right.
pub(crate) const HORIZON_MS: i64 = 2 * 3_600_000 + BACKOFF_MS_MAX;
