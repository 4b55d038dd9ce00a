//! Files of unsent work that this phone carries for others: kept whole, handed in whole when there is a network, never
//! mixed into its own outbox (protocol 5).

use crate::error::ClientError;
use crate::host::Now;
use crate::http::{HttpRequest, HttpResponse};
use crate::replica::Replica;
use crate::store::carried::{self, CarriedRecord};
use crate::sync::Flight;
use blindspot_core::DeviceId;
use blindspot_core::id::Sha256;
use blindspot_core::limits::{HAND_IN_FILE_BYTES_MAX, HAND_IN_MANIFEST_BYTES_MAX};
use blindspot_core::sync::{Lane, ReplyClass, backoff_ms};
use blindspot_core::wire::hand_in::{HAND_IN_TYPE, HandInManifest, HandInReply, MANIFEST};
use serde::Serialize;
use std::io::{Cursor, Read};
use tar::Archive;

/// So much of a file at least is its manifest's header.
const HEADER_BYTES: u64 = 512;

/// A file that this phone carries, or carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// SHA-256 of its manifest, which names it.
    pub manifest: String,
    /// Whose work it is.
    pub device_id: DeviceId,
    /// Bytes.
    pub bytes: u64,
    /// Whether the server has taken it in.
    pub delivered: bool,
    /// Whether the server will never take it; the file is kept.
    pub refused: bool,
    /// Why it was not taken, or what it lacked.
    pub problem: Option<String>,
}

impl Carried {
    /// Whether it is still to be handed in.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.delivered && !self.refused
    }
}

impl Replica {
    /// Takes on a file that another phone exported; the same file again is one file.
    ///
    /// # Errors
    /// `NotTaken` when it is no such file or of another city; `NotEnrolled`; `Files` when there is no room for it.
    pub fn carry(&mut self, mut file: impl Read, now: &Now) -> Result<Carried, ClientError> {
        let identity = self.enrolled()?;
        let no_file = || ClientError::NotTaken("不是交件文件 / not a file of unsent work");
        // Its beginning is read to know it by, and then stored with the rest.
        let mut head = vec![];
        let most = HAND_IN_MANIFEST_BYTES_MAX + HEADER_BYTES;
        file.by_ref().take(most).read_to_end(&mut head).map_err(|_| no_file())?;
        let (manifest, hash) = read_manifest(&head).ok_or_else(no_file)?;
        if manifest.city_id != identity.city_id {
            return Err(ClientError::NotTaken("交件文件属于另一个城市 / the file is of another city"));
        }
        let name = carried::file_name(&hash.to_hex());
        if let Some(known) = carried::load(&self.db, &hash.to_hex())? {
            return Ok(view(known));
        }
        let mut whole = Cursor::new(head).chain(file).take(HAND_IN_FILE_BYTES_MAX);
        let bytes = self.files.write_stream(&name, &mut whole)?;
        let record = CarriedRecord {
            manifest: hash.to_hex(),
            file: name,
            device_id: manifest.device_id,
            bytes,
            failures: 0,
            problem: None,
            state: 0,
        };
        carried::insert(&self.db, &record, now.wall_ms)?;
        self.machine.set_work(Lane::Photo, true, now.wall_ms);
        Ok(view(record))
    }

    /// Files that this phone carries or carried.
    ///
    /// # Errors
    /// `Db`.
    pub fn carried(&self) -> Result<Vec<Carried>, ClientError> {
        Ok(carried::list(&self.db)?.into_iter().map(view).collect())
    }

    pub(crate) fn build_carry(&mut self, now: &Now) -> Result<Option<(HttpRequest, Flight)>, ClientError> {
        while let Some(mut next) = carried::next(&self.db, self.due(now))? {
            if self.files.len(&next.file)?.is_none() {
                (next.state, next.problem) = (2, Some("file_missing".into()));
                carried::save(&self.db, &next, now.wall_ms, None)?;
                continue;
            }
            let mut request = HttpRequest::new(Lane::Photo, "POST", "/v1/sync/hand-in")
                .header("content-type", HAND_IN_TYPE);
            request.file = Some(self.files.locate(&next.file));
            // Thousands of photos on a slow line, and as many commits.
            request.timeout_s = 3_600;
            return Ok(Some((self.authorised(request)?, Flight::Carry(next.manifest))));
        }
        Ok(None)
    }

    pub(crate) fn handle_carried(
        &mut self,
        manifest: &str,
        response: &HttpResponse,
        class: ReplyClass,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let Some(mut file) = carried::load(&self.db, manifest)?.filter(|c| c.state == 0) else {
            return self.photo_done(now);
        };
        match class {
            ReplyClass::Busy | ReplyClass::NoSpace => {
                self.back_off(Lane::Photo, class, response, now, random);
                return Ok(());
            }
            ReplyClass::Ok => {
                let reply: HandInReply =
                    response.read().map_err(|e| ClientError::BadReply(format!("hand-in: {e}")))?;
                let whole = reply.missing == 0 && reply.refused.is_empty();
                file.state = 1;
                file.problem = (!whole).then(|| "incomplete".to_owned());
                carried::save(&self.db, &file, now.wall_ms, Some(&serde_json::to_string(&reply)?))?;
                if whole {
                    self.files.remove(&file.file)?;
                }
            }
            _ => {
                let code = response.code().unwrap_or_else(|| response.status.to_string());
                let never = matches!(code.as_str(), "hand_in_damaged" | "body_too_large");
                file.state = if never { 2 } else { 0 };
                file.failures = file.failures.saturating_add(1);
                file.problem = Some(code);
                let at = now.wall_ms.saturating_add(backoff_ms(file.failures, random));
                carried::save(&self.db, &file, at, None)?;
            }
        }
        self.photo_done(now)
    }

    /// Nothing answered: others go first next time.
    pub(crate) fn carry_unanswered(
        &mut self,
        manifest: &str,
        now: &Now,
        random: u64,
    ) -> Result<(), ClientError> {
        let Some(mut file) = carried::load(&self.db, manifest)? else { return Ok(()) };
        file.failures = file.failures.saturating_add(1);
        carried::save(&self.db, &file, now.wall_ms.saturating_add(backoff_ms(file.failures, random)), None)
    }
}

fn view(c: CarriedRecord) -> Carried {
    let CarriedRecord { manifest, device_id, bytes, problem, state, .. } = c;
    Carried { manifest, device_id, bytes, delivered: state == 1, refused: state == 2, problem }
}

fn read_manifest(head: &[u8]) -> Option<(HandInManifest, Sha256)> {
    let mut archive = Archive::new(head);
    let entry = archive.entries().ok()?.raw(true).next()?.ok()?;
    if &*entry.path_bytes() != MANIFEST.as_bytes() || entry.size() > HAND_IN_MANIFEST_BYTES_MAX {
        return None;
    }
    let size = entry.size();
    let mut bytes = vec![];
    entry.take(size).read_to_end(&mut bytes).ok()?;
    let manifest = serde_json::from_slice(&bytes).ok()?;
    (bytes.len() as u64 == size).then(|| (manifest, Sha256::of(&bytes)))
}
