//! What axum does (routing, headers, statuses), written again, small, for the simulated server: requests of phones go
//! straight to auth and service, and everything that decides is the real thing.

use crate::server::SimServer;
use blindspot_client::{HttpRequest, HttpResponse};
use blindspot_core::error as problem;
use blindspot_core::wire::hand_in::HandInReply;
use blindspot_server::error::status_of;
use blindspot_server::service::hand_in::Intake;
use blindspot_server::service::uploads::{self, Checksum, NewUpload, UploadState};
use blindspot_server::service::writer::WriteJob;
use blindspot_server::service::{Credential, ServiceError, ingest, offered, people, pull};
use serde::Serialize;
use uuid::Uuid;

impl SimServer {
    /// Takes in a file of unsent work; without a carrier, by the desk that stands for all.
    ///
    /// # Errors
    /// The intake's.
    pub fn hand_in(
        &self,
        carrier: Option<Credential>,
        file: &[u8],
        now_ms: i64,
    ) -> Result<HandInReply, ServiceError> {
        let house = self.house();
        let carrier = carrier.or(self.intake_desk).ok_or(ServiceError::Refused(&problem::SIGN_IN, None))?;
        let submit = |job| {
            ingest::step(house, vec![job]);
            Ok(())
        };
        Intake { house, depot: &self.depot, submit: &submit, room: &|| Ok(()), now_ms }.take(carrier, file)
    }

    /// Answers a request as the shell would.
    #[must_use]
    pub fn handle(&self, request: &HttpRequest, now_ms: i64) -> HttpResponse {
        match self.route(request, now_ms) {
            Ok(response) => ours(response),
            Err(ServiceError::Refused(text, detail)) => {
                let status = status_of(text.code);
                ours(json(status, &text.to_problem(status, detail)))
            }
            Err(other) => {
                let status = status_of(problem::INTERNAL.code);
                ours(json(status, &problem::INTERNAL.to_problem(status, Some(other.to_string()))))
            }
        }
    }

    fn route(&self, request: &HttpRequest, now_ms: i64) -> Result<HttpResponse, ServiceError> {
        let house = self.house();
        let path = request.path.split('?').next().unwrap_or("");
        match (request.method, path) {
            ("POST", "/v1/devices/enrol") => {
                return Ok(json(200, &self.gate.enrol(house, &read(&request.body)?, now_ms)?));
            }
            ("POST", "/v1/token/refresh") => {
                return Ok(json(200, &self.gate.refresh(house, &read(&request.body)?, now_ms)?));
            }
            ("POST", "/v1/token/hand-in/nonce") if self.intake_desk.is_some() => {
                return Ok(json(200, &self.gate.hand_in_nonce(house, &read(&request.body)?, now_ms)?));
            }
            ("POST", "/v1/token/hand-in") if self.intake_desk.is_some() => {
                return Ok(json(200, &self.gate.hand_in_token(house, &read(&request.body)?, now_ms)?));
            }
            _ => {}
        }
        let bearer = header(request, "authorization").and_then(|v| v.strip_prefix("Bearer "));
        let Some(token) = bearer else { return Err(ServiceError::refused(&problem::SIGN_IN)) };
        let admitted = self.gate.admit_bearer(house, token, now_ms)?;
        let (credential, hands_in) = (admitted.credential, admitted.hands_in());
        if hands_in && path != "/v1/sync/push" && !path.starts_with("/v1/photos") {
            return Err(ServiceError::refused(&problem::DEVICE_REVOKED));
        }
        match (request.method, path) {
            ("GET", "/v1/me") => Ok(json(200, &people::me(house, credential, now_ms)?)),
            ("POST", "/v1/sync/push") => {
                let push = ingest::ReadPush::of(read(&request.body)?)?;
                let push = if hands_in { push.handed_in() } else { push };
                let job = |done| WriteJob::Push { credential, push, received_ms: now_ms, done };
                Ok(json(200, &self.written(job)?))
            }
            ("POST", "/v1/sync/pull") => {
                Ok(json(200, &pull::pull(house, credential, &read(&request.body)?, now_ms)?))
            }
            ("POST", "/v1/sync/hand-in") => {
                Ok(json(200, &self.hand_in(Some(credential), &request.body, now_ms)?))
            }
            ("POST", "/v1/photos/lacking") => {
                let asked = read(&request.body)?;
                Ok(json(200, &offered::lacking(house, &self.depot, credential, &asked)?))
            }
            _ => self.upload(request, path, credential, now_ms),
        }
    }

    fn upload(
        &self,
        request: &HttpRequest,
        path: &str,
        credential: Credential,
        now_ms: i64,
    ) -> Result<HttpResponse, ServiceError> {
        let (house, depot) = (self.house(), &self.depot);
        let number = |name| header(request, name).and_then(|v| v.parse::<u64>().ok());
        let missing = || ServiceError::refused(&problem::NOT_FOUND);
        if (request.method, path) == ("POST", "/v1/photos") {
            let metadata = header(request, "upload-metadata").unwrap_or("");
            let new = NewUpload::from_metadata(number("upload-length").unwrap_or(0), metadata)?;
            let state = uploads::create(house, depot, credential, &new, now_ms)?;
            return self.tus(201, state, true, now_ms);
        }
        let id =
            path.strip_prefix("/v1/photos/").and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(missing)?;
        let state = match request.method {
            "HEAD" => uploads::state(house, depot, credential, id.into_bytes(), now_ms)?,
            "PATCH" => {
                let sum = header(request, "upload-checksum").map(Checksum::from_header).transpose()?;
                let at = (id.into_bytes(), number("upload-offset").unwrap_or(0));
                let announced = (Some(request.body.len() as u64), sum);
                let mut incoming = uploads::begin(house, depot, credential, at, announced, now_ms)?;
                incoming.write(&request.body)?;
                incoming.finish(house, depot, true)?
            }
            _ => return Err(missing()),
        };
        self.tus(if request.method == "PATCH" { 204 } else { 200 }, state, false, now_ms)
    }

    fn tus(
        &self,
        status: u16,
        mut state: UploadState,
        created: bool,
        now_ms: i64,
    ) -> Result<HttpResponse, ServiceError> {
        if let Some(arrival) = state.arrival.take() {
            let (sha256, upload_id) = (arrival.sha256, arrival.upload_id);
            self.written(|done| arrival.into_job(now_ms, done))?;
            uploads::acknowledged(&self.depot, upload_id);
            state.verified = Some(sha256);
            state.offset = state.length;
        }
        let mut headers = vec![
            ("tus-resumable".into(), "1.0.0".into()),
            ("upload-offset".into(), state.offset.to_string()),
            ("upload-length".into(), state.length.to_string()),
        ];
        if let Some(sha256) = state.verified {
            headers.push(("upload-verified".into(), sha256.to_hex()));
        }
        if created {
            headers.push(("location".into(), format!("/v1/photos/{}", Uuid::from_bytes(state.upload_id))));
        }
        Ok(HttpResponse { status, headers, body: vec![] })
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|e| ServiceError::because(&problem::BAD_REQUEST, e.to_string()))
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

fn json<T: Serialize>(status: u16, value: &T) -> HttpResponse {
    let headers = vec![("content-type".into(), "application/json".into())];
    HttpResponse { status, headers, body: serde_json::to_vec(value).expect("answers are JSON") }
}

fn ours(mut response: HttpResponse) -> HttpResponse {
    response.headers.push(("blindspot-protocol".into(), "1".into()));
    response
}
