//! A replica of somebody who does not have the phone now: what may be done with it, and nothing else.

use crate::enrol::Enrolled;
use crate::error::ClientError;
use crate::host::{NetworkKind, Now, Random};
use crate::http::{HttpRequest, HttpResponse};
use crate::replica::Replica;
use crate::seal::SealStep;
use crate::status::Unsent;
use blindspot_core::sync::Reason;

/// Sends what waits in a replica, under its own person's credential, and shows nothing of it.
#[derive(Debug)]
pub struct Courier(Replica);

impl Courier {
    pub(crate) fn new(replica: Replica) -> Self {
        Self(replica)
    }

    /// The server's address; nothing before an enrolment.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn base(&self) -> Result<Option<String>, ClientError> {
        Ok(self.0.identity()?.map(|i| i.base))
    }

    /// As [`Replica::poll_request`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_request(
        &mut self,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<Option<HttpRequest>, ClientError> {
        self.0.poll_request(now, rnd)
    }

    /// As [`Replica::handle_response`].
    ///
    /// # Errors
    /// As there.
    pub fn handle_response(
        &mut self,
        id: u64,
        response: &HttpResponse,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<(), ClientError> {
        self.0.handle_response(id, response, now, rnd)
    }

    /// As [`Replica::handle_failure`].
    ///
    /// # Errors
    /// As there.
    pub fn handle_failure(&mut self, id: u64, now: &Now, rnd: &mut dyn Random) -> Result<(), ClientError> {
        self.0.handle_failure(id, now, rnd)
    }

    /// As [`Replica::seal_next`].
    ///
    /// # Errors
    /// As there.
    pub fn seal_next(&mut self, now: &Now, rnd: &mut dyn Random) -> Result<SealStep, ClientError> {
        self.0.seal_next(now, rnd)
    }

    /// As [`Replica::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(i64, Reason)> {
        self.0.poll_timeout()
    }

    /// As [`Replica::set_network`].
    pub fn set_network(&mut self, kind: NetworkKind, now: &Now) {
        self.0.set_network(kind, now);
    }

    /// How much waits; numbers only.
    ///
    /// # Errors
    /// `Db`.
    pub fn unsent(&self) -> Result<Unsent, ClientError> {
        self.0.unsent()
    }
}

/// A replica that opens only by a new enrolment of its person.
#[derive(Debug)]
pub struct Locked {
    replica: Replica,
    enrolled: bool,
}

impl Locked {
    pub(crate) fn new(replica: Replica) -> Self {
        Self { replica, enrolled: false }
    }

    /// As [`Replica::enrol_request`].
    ///
    /// # Errors
    /// As there.
    pub fn enrol_request(
        &mut self,
        server_url: &str,
        code: &str,
        fingerprint: Option<&str>,
        label: &str,
        now: &Now,
        rnd: &mut dyn Random,
    ) -> Result<HttpRequest, ClientError> {
        self.replica.enrol_request(server_url, code, fingerprint, label, now, rnd)
    }

    /// As [`Replica::handle_enrol_response`]: a code of another person opens nothing.
    ///
    /// # Errors
    /// As there.
    pub fn handle_enrol_response(
        &mut self,
        response: &HttpResponse,
        now: &Now,
    ) -> Result<Enrolled, ClientError> {
        let done = self.replica.handle_enrol_response(response, now)?;
        self.enrolled = true;
        Ok(done)
    }

    pub(crate) fn into_replica(self) -> Result<Replica, ClientError> {
        if self.enrolled { Ok(self.replica) } else { Err(ClientError::NotEnrolled) }
    }
}
