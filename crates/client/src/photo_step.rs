//! The next step of the next form: create, send a chunk, or ask how far it came (tus 1.0, protocol 11).

use crate::error::ClientError;
use crate::host::{FileProblem, NetworkKind, Now};
use crate::http::HttpRequest;
use crate::replica::Replica;
use crate::store::uploads::{self, Due, UploadRecord};
use crate::store::{carried, meta};
use crate::sync::{Flight, HORIZON_MS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindspot_core::PhotoId;
use blindspot_core::id::Sha256;
use blindspot_core::limits::{CHUNK_BYTES, OFFERED_FORMS_MAX, ORIGINAL_WAIT_MS};
use blindspot_core::sync::Lane;

const TUS: &str = "1.0.0";

/// Which step of which form is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) photo_id: PhotoId,
    pub(crate) form: String,
    pub(crate) act: Act,
}

/// What was asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// POST: begin an upload.
    Create,
    /// PATCH: a chunk ending at this offset.
    Send {
        /// Where the upload stands if it is taken whole.
        to: u64,
    },
    /// HEAD: how far did it come?
    Ask,
}

impl Replica {
    pub(crate) fn due(&self, now: &Now) -> Due {
        let originals_before_ms = match self.network {
            NetworkKind::Unmetered => i64::MAX,
            NetworkKind::Metered | NetworkKind::Offline => now.wall_ms.saturating_sub(ORIGINAL_WAIT_MS),
        };
        Due { now_ms: now.wall_ms, originals_before_ms, horizon_ms: now.wall_ms.saturating_add(HORIZON_MS) }
    }

    /// When the next form may be sent or asked about, phone time; nothing when none waits that the network allows.
    pub(crate) fn next_photo_ms(&self, now: &Now) -> Result<Option<i64>, ClientError> {
        if uploads::any_to_ask(&self.db)? {
            return Ok(Some(now.wall_ms));
        }
        let due = self.due(now);
        let mut next = uploads::next_ms(&self.db, due)?;
        // What is carried for others goes last, and not by a revoked phone.
        if !self.machine.hands_in() {
            next = [next, carried::next_ms(&self.db, due)?].into_iter().flatten().min();
        }
        Ok(next.map(|at| if at > due.horizon_ms { now.wall_ms } else { at }))
    }

    pub(crate) fn build_photo(&mut self, now: &Now) -> Result<Option<(HttpRequest, Flight)>, ClientError> {
        let offered = uploads::to_ask(&self.db, OFFERED_FORMS_MAX)?;
        if !offered.is_empty() {
            return self.build_offer(offered).map(Some);
        }
        while let Some(upload) = uploads::next(&self.db, self.due(now))? {
            let file_len = self.files.len(&upload.file)?;
            if file_len != Some(upload.bytes) {
                let why = if file_len.is_none() { "file_missing" } else { "file_damaged" };
                self.lose(&upload, why, now)?;
                continue;
            }
            let (request, act) = match &upload.location {
                None => (create(&upload), Act::Create),
                Some(at) if upload.ask || upload.sent >= upload.bytes => {
                    (HttpRequest::new(Lane::Photo, "HEAD", at.clone()).header("tus-resumable", TUS), Act::Ask)
                }
                Some(at) => {
                    let at = at.clone();
                    match self.chunk(&upload, at) {
                        Ok(built) => built,
                        Err(ClientError::Files(FileProblem::Missing(_))) => {
                            self.lose(&upload, "file_missing", now)?;
                            continue;
                        }
                        Err(other) => return Err(other),
                    }
                }
            };
            let step = Step { photo_id: upload.photo_id, form: upload.form, act };
            return Ok(Some((self.authorised(request)?, Flight::Photo(step))));
        }
        if self.machine.hands_in() { Ok(None) } else { self.build_carry(now) }
    }

    fn chunk(&self, upload: &UploadRecord, location: String) -> Result<(HttpRequest, Act), ClientError> {
        let bytes = self.files.read_at(&upload.file, upload.sent, CHUNK_BYTES)?;
        let to = upload.sent + u64::try_from(bytes.len()).unwrap_or(0);
        let checksum = STANDARD.encode(Sha256::of(&bytes).0);
        let mut request = HttpRequest::new(Lane::Photo, "PATCH", location)
            .header("tus-resumable", TUS)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", upload.sent.to_string())
            .header("upload-checksum", format!("sha256 {checksum}"));
        request.body = bytes;
        // A chunk over 2G takes its time.
        request.timeout_s = 120;
        Ok((request, Act::Send { to }))
    }

    /// Puts a form at the end of the round and says when it may go again.
    pub(crate) fn save_step(&self, upload: &UploadRecord, not_before_ms: i64) -> Result<(), ClientError> {
        let turn = meta::count(&self.db, meta::TURN)?;
        uploads::save_progress(&self.db, upload, not_before_ms, turn)
    }
}

fn create(upload: &UploadRecord) -> HttpRequest {
    let word = |key: &str, value: &str| format!("{key} {}", STANDARD.encode(value));
    let metadata = [
        word("photo_id", &upload.photo_id.to_string()),
        word("form", &upload.form),
        word("sha256", &upload.sha256),
        word("kind", &upload.media),
        word("filetype", &upload.filetype),
    ];
    HttpRequest::new(Lane::Photo, "POST", "/v1/photos")
        .header("tus-resumable", TUS)
        .header("upload-length", upload.bytes.to_string())
        .header("upload-metadata", metadata.join(","))
}
