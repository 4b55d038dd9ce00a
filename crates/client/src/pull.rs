//! Rows down: asking for pages, staging them with the cursor, and grants when the scope moved.

use crate::error::ClientError;
use crate::event::ClientEvent;
use crate::host::Now;
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::Identity;
use crate::replica::Replica;
use crate::store::{captures, meta, outbox, staging, uploads, write};
use crate::sync::Flight;
use blindspot_core::feed::Feed;
use blindspot_core::limits::ROW_SCHEMA;
use blindspot_core::mutant;
use blindspot_core::sync::{Lane, ReplyClass};
use blindspot_core::wire::account::Me;
use blindspot_core::wire::v1::{ClientReport, PullReply, PullRequest};

impl Replica {
    pub(crate) fn build_pull(
        &mut self,
        wait_s: u32,
        now: &Now,
    ) -> Result<Option<(HttpRequest, Flight)>, ClientError> {
        if meta::get(&self.db, meta::ME_DUE)?.is_some() {
            let request = HttpRequest::new(Lane::Pull, "GET", "/v1/me");
            return Ok(Some((self.authorised(request)?, Flight::Me)));
        }
        let reread: Vec<Feed> = meta::get_json(&self.db, meta::REREAD)?.unwrap_or_default();
        let frame = PullRequest {
            cursor: meta::get(&self.db, meta::CURSOR)?,
            receipt: meta::get(&self.db, meta::RECEIPT)?,
            schema: ROW_SCHEMA,
            limit: None,
            wait: wait_s,
            reread: reread.clone(),
            client: Some(self.report_of_itself(now)?),
        };
        let mut request = HttpRequest::new(Lane::Pull, "POST", "/v1/sync/pull").json(&frame)?;
        request.timeout_s += wait_s;
        Ok(Some((self.authorised(request)?, Flight::Pull { reread })))
    }

    /// How this phone stands, for the list that an administrator looks at.
    fn report_of_itself(&self, now: &Now) -> Result<ClientReport, ClientError> {
        let unsent = self.unsent()?;
        let oldest = [
            outbox::oldest_unsent_ms(&self.db)?,
            captures::oldest_waiting_ms(&self.db)?,
            uploads::oldest_unsent_ms(&self.db)?,
        ];
        let oldest = oldest.into_iter().flatten().min();
        Ok(ClientReport {
            app: Some(format!("blindspot-client {}", env!("CARGO_PKG_VERSION"))),
            unsent_ops: Some(unsent.ops + unsent.captures),
            unsent_photos: Some(unsent.photos),
            // A clock that was put back makes no negative age.
            unsent_age_ms: oldest.map(|at| now.wall_ms.saturating_sub(at).max(0)),
        })
    }

    pub(crate) fn handle_pulled(
        &mut self,
        reread: &[Feed],
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        match class {
            ReplyClass::Ok => {}
            ReplyClass::Refused if response.code().as_deref() == Some("bad_cursor") => {
                // Another schema, a restored server: read from zero; the mirror stays until that arrives.
                let had = self.forget_cursor()?;
                if had {
                    self.machine.handle_response(Lane::Pull, ReplyClass::Ok, true, now.wall_ms, random);
                } else {
                    self.back_off(Lane::Pull, class, response, now, random);
                }
                return Ok(());
            }
            _ => {
                if class == ReplyClass::UpgradeRequired {
                    self.events.push_back(ClientEvent::UpgradeRequired);
                }
                self.back_off(Lane::Pull, class, response, now, random);
                return Ok(());
            }
        }
        let reply: PullReply = response.read().map_err(|e| ClientError::BadReply(format!("pull: {e}")))?;
        let text =
            std::str::from_utf8(&response.body).map_err(|e| ClientError::BadReply(format!("pull: {e}")))?;
        let complete = reply.checkpoint.is_some();
        if mutant::is("cursor_before_rows") {
            meta::set(&self.db, meta::CURSOR, &reply.cursor)?;
        }
        let tx = write(&self.db)?;
        // First: pages of a past that the server has lost are void, this one is not.
        let mut events: Vec<ClientEvent> = self.note_common(&tx, &reply.common, now)?.into_iter().collect();
        staging::append(&tx, text)?;
        meta::set(&tx, meta::CURSOR, &reply.cursor)?;
        if !reread.is_empty() {
            // Asked for and under way; what was added meanwhile stays.
            let mut left: Vec<Feed> = meta::get_json(&tx, meta::REREAD)?.unwrap_or_default();
            left.retain(|f| !reread.contains(f));
            meta::set_json(&tx, meta::REREAD, &left)?;
        }
        let applied = match &reply.checkpoint {
            Some(checkpoint) => {
                match crate::pull_apply::apply_staged(&tx, checkpoint, now.wall_ms, reply.common.server_ms) {
                    Ok(applied) => Some(applied),
                    Err(e @ (ClientError::BadReply(_) | ClientError::Stored(_))) => {
                        // Pages that cannot be applied today cannot be applied tomorrow: read from zero.
                        drop(tx);
                        self.forget_cursor()?;
                        return Err(e);
                    }
                    Err(e) => return Err(e),
                }
            }
            None => None,
        };
        tx.commit()?;
        let mut again = !complete;
        if let Some(applied) = applied {
            if applied.erased {
                self.after_erasure()?;
            }
            if applied.reference {
                self.reference.take();
            }
            again = applied.reread || meta::get(&self.db, meta::ME_DUE)?.is_some();
            events.extend(applied.events);
            self.keep_tidy(now)?;
        }
        self.events.extend(events);
        self.machine.handle_response(Lane::Pull, ReplyClass::Ok, again, now.wall_ms, random);
        Ok(())
    }

    /// Drops cursor and staged pages; says whether there was a cursor. The mirror stays.
    fn forget_cursor(&self) -> Result<bool, ClientError> {
        let tx = write(&self.db)?;
        staging::clear(&tx)?;
        let had = meta::get(&tx, meta::CURSOR)?.is_some();
        meta::remove(&tx, meta::CURSOR)?;
        tx.commit()?;
        Ok(had)
    }

    pub(crate) fn handle_me(
        &mut self,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let me: Option<Me> = self.said(Lane::Pull, (response, class), now, random)?;
        let Some(me) = me else { return Ok(()) };
        let identity = self.enrolled()?;
        if me.person_id != identity.person_id {
            return Err(ClientError::OtherPerson);
        }
        let named = Identity { person_name: me.name, city_name: me.city_name, ..identity };
        let tx = write(&self.db)?;
        meta::set_json(&tx, meta::IDENTITY, &named)?;
        meta::set_json(&tx, meta::GRANTS, &me.grants)?;
        meta::remove(&tx, meta::ME_DUE)?;
        meta::set_i64(&tx, meta::OFFSET, me.server_ms.saturating_sub(now.wall_ms))?;
        tx.commit()?;
        self.machine.handle_response(Lane::Pull, ReplyClass::Ok, true, now.wall_ms, random);
        Ok(())
    }
}
