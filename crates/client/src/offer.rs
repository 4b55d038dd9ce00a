//! After a new epoch: one question for many photos, instead of an upload begun for each (protocol 10).

use crate::error::ClientError;
use crate::host::Now;
use crate::http::{HttpRequest, HttpResponse};
use crate::replica::Replica;
use crate::store::uploads::{self, Offered};
use crate::store::write;
use crate::sync::Flight;
use blindspot_core::sync::{Lane, ReplyClass};
use blindspot_core::wire::v1::{LackingReply, OfferRequest, OfferedForm};
use std::collections::BTreeSet;

fn named(offered: &Offered) -> Option<OfferedForm> {
    let sha256 = blindspot_core::id::Sha256::from_hex(&offered.sha256)?;
    Some(OfferedForm { photo_id: offered.photo_id, sha256 })
}

impl Replica {
    pub(crate) fn build_offer(&self, offered: Vec<Offered>) -> Result<(HttpRequest, Flight), ClientError> {
        let frame = OfferRequest { photos: offered.iter().filter_map(named).collect() };
        let request = HttpRequest::new(Lane::Photo, "POST", "/v1/photos/lacking").json(&frame)?;
        Ok((self.authorised(request)?, Flight::Offer(offered)))
    }

    /// What the server lacks goes again; what it has is acknowledged as before. A server that does not know the
    /// question gets everything offered one by one.
    pub(crate) fn handle_offered(
        &mut self,
        offered: &[Offered],
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let lacking: Option<BTreeSet<OfferedForm>> = match class {
            ReplyClass::Ok => {
                let reply: LackingReply =
                    response.read().map_err(|e| ClientError::BadReply(format!("lacking: {e}")))?;
                Some(reply.lacking.into_iter().collect())
            }
            ReplyClass::Gone | ReplyClass::Refused | ReplyClass::TooLarge => None,
            _ => {
                self.back_off(Lane::Photo, class, response, now, random);
                return Ok(());
            }
        };
        let tx = write(&self.db)?;
        for form in offered {
            let goes = lacking.as_ref().is_none_or(|l| named(form).is_none_or(|f| l.contains(&f)));
            uploads::set_asked(&tx, form, goes)?;
        }
        tx.commit()?;
        self.photo_done(now)
    }
}
