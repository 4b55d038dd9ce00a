//! Ops up: a batch out of the outbox, and what its verdicts mean. Refusals of a batch are halved.

use crate::error::ClientError;
use crate::event::ClientEvent;
use crate::host::Now;
use crate::http::{HttpRequest, HttpResponse};
use crate::replica::Replica;
use crate::store::{erased, meta, mirror, outbox, signed, unsigned, uploads, write};
use crate::sync::Flight;
use blindspot_core::clock::Sent;
use blindspot_core::limits::{PUSH_OPS_AIM, PUSH_OPS_MAX};
use blindspot_core::mutant;
use blindspot_core::row::{RowKey, RowKind};
use blindspot_core::sync::{Lane, ReplyClass};
use blindspot_core::verdict::{Verdict, VerdictRow};
use blindspot_core::wire::v1::{PushReply, PushRequest};
use std::collections::BTreeMap;

impl Replica {
    pub(crate) fn build_push(
        &mut self,
        ops_max: usize,
        bytes_max: usize,
        now: &Now,
    ) -> Result<Option<(HttpRequest, Flight)>, ClientError> {
        let batch = outbox::unsent(&self.db, ops_max.min(self.push_limit), bytes_max)?;
        let gone: Vec<u64> = meta::get_json(&self.db, meta::GONE)?.unwrap_or_default();
        if batch.is_empty() && gone.is_empty() && meta::get(&self.db, meta::REOFFER)?.is_none() {
            return Ok(None);
        }
        let (mut places, mut ops, mut former) = (Vec::new(), Vec::new(), BTreeMap::new());
        for unsent in batch {
            places.push(unsent.n);
            ops.push(unsent.body);
            former.extend(unsent.former.map(|verdict| (unsent.op_id, verdict)));
        }
        if mutant::is("reencoded") {
            ops.iter_mut().for_each(|op| op.push(' '));
        }
        if mutant::is("acked_when_sent") {
            for op_id in places.iter().filter_map(|n| outbox::op_id(&self.db, *n).transpose()) {
                outbox::acknowledge(&self.db, op_id?, &Verdict::Applied, now.wall_ms)?;
            }
        }
        let frame = PushRequest {
            sent: Sent {
                wall_ms: now.wall_ms,
                mono_ms: now.boot_id.as_ref().and(now.mono_ms),
                boot_id: now.mono_ms.and(now.boot_id.clone()),
            },
            next_seq: unsigned(meta::get_i64(&self.db, meta::DEVICE_SEQ)?.unwrap_or(0) + 1),
            receipt: meta::get(&self.db, meta::RECEIPT)?,
            gone,
            former,
            ops,
        };
        let request = HttpRequest::new(Lane::Push, "POST", "/v1/sync/push").json(&frame)?;
        Ok(Some((self.authorised(request)?, Flight::Push(places))))
    }

    pub(crate) fn handle_pushed(
        &mut self,
        places: &[i64],
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        match class {
            ReplyClass::Ok => self.take_verdicts(places, response, now, random),
            ReplyClass::TooLarge | ReplyClass::Refused if !places.is_empty() => {
                self.refused_batch(places, response, class, now, random)
            }
            _ => {
                self.back_off(Lane::Push, class, response, now, random);
                Ok(())
            }
        }
    }

    fn take_verdicts(
        &mut self,
        places: &[i64],
        response: &HttpResponse,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let reply: PushReply = response.read().map_err(|e| ClientError::BadReply(format!("push: {e}")))?;
        if reply.verdicts.len() != places.len() {
            return Err(ClientError::BadReply(format!(
                "{} verdicts for {} ops",
                reply.verdicts.len(),
                places.len()
            )));
        }
        let identity = self.enrolled()?;
        let tx = write(&self.db)?;
        let mut any_erased = false;
        for (place, entry) in places.iter().zip(&reply.verdicts) {
            let Some(op_id) = outbox::op_id(&tx, *place)? else { continue };
            if entry.op_id.is_some_and(|named| named != op_id) {
                return Err(ClientError::BadReply("a verdict names another op".into()));
            }
            // A pull may have overtaken this answer: what it brought is not older.
            let known = mirror::row(&tx, &RowKey::new(RowKind::Verdict, op_id.to_string()))?;
            let known = known.and_then(|(_, body)| serde_json::from_str::<VerdictRow>(&body).ok());
            let verdict = known.map_or_else(|| entry.verdict.clone(), |row| row.verdict);
            outbox::acknowledge(&tx, op_id, &verdict, reply.common.server_ms)?;
            if entry.erased.is_some() {
                any_erased |= erased::erase_op(&tx, op_id)?;
            }
        }
        // Told with this push; what comes below is for the next.
        meta::remove(&tx, meta::GONE)?;
        let event = self.note_common(&tx, &reply.common, now)?;
        meta::set_i64(&tx, meta::RECEIVED_THROUGH, signed(reply.received_through))?;
        meta::set_i64(&tx, meta::PUSHED, now.wall_ms)?;
        if meta::get(&tx, meta::REOFFER)?.is_some() {
            if !mutant::is("reoffer_dropped") {
                outbox::reoffer(&tx, identity.device_id, reply.received_through)?;
                let device = identity.device_id.to_string();
                let mut gone = erased::numbers_after(&tx, &device, reply.received_through)?;
                if !gone.is_empty() {
                    gone.truncate(PUSH_OPS_MAX);
                    meta::set_json(&tx, meta::GONE, &gone)?;
                }
            }
            if !mutant::is("photo_reoffer_dropped") {
                uploads::reoffer(&tx)?;
            }
            meta::remove(&tx, meta::REOFFER)?;
        }
        tx.commit()?;
        if any_erased {
            self.after_erasure()?;
        }
        self.events.extend(event);
        self.push_limit = self.push_limit.saturating_mul(2).min(PUSH_OPS_AIM);
        let more = outbox::any_unsent(&self.db)? || meta::get(&self.db, meta::GONE)?.is_some();
        self.machine.handle_response(Lane::Push, ReplyClass::Ok, more, now.wall_ms, random);
        Ok(())
    }

    /// Our own refusal of a batch: half of it next time; one op alone goes to the tray, others go on.
    fn refused_batch(
        &mut self,
        places: &[i64],
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        if let [place] = places {
            let why = response.code().unwrap_or_else(|| response.status.to_string());
            if let Some(op_id) = outbox::op_id(&self.db, *place)? {
                outbox::set_unsendable(&self.db, *place, &why)?;
                self.events.push_back(ClientEvent::Unsendable { op_id, why });
            }
            self.push_limit = PUSH_OPS_AIM;
        } else {
            self.push_limit = places.len().div_ceil(2);
        }
        self.machine.handle_response(Lane::Push, class, true, now.wall_ms, random);
        Ok(())
    }
}
