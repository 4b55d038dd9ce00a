//! What is kept after acknowledgement, and when it goes (protocol 10). Unacknowledged work never goes.

use crate::error::ClientError;
use crate::host::{FileProblem, Now};
use crate::replica::Replica;
use crate::store::{meta, outbox, uploads};
use blindspot_core::limits::{KEEP_ACKED_BYTES_DAYS, KEEP_ACKED_OP_DAYS};
use blindspot_core::mutant;

const DAY_MS: i64 = 86_400_000;

/// What was let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Ops forgotten.
    pub ops: usize,
    /// Photo files removed.
    pub files: usize,
}

impl Replica {
    /// Lets go of ops acknowledged more than 180 days ago, and of photo bytes acknowledged more than 14 days
    /// ago that are in a verified backup by now. Runs by itself after each checkpoint.
    ///
    /// # Errors
    /// `Db`; a file that cannot be removed is tried again next time.
    pub fn keep_tidy(&mut self, now: &Now) -> Result<Freed, ClientError> {
        // Acknowledgements and backups are dated by the server; the phone's own clock may have jumped by years.
        let server_ms = self.server_now(now)?;
        let days = if mutant::is("acked_forgotten_early") { 0 } else { KEEP_ACKED_OP_DAYS };
        let ops = outbox::forget(&self.db, server_ms.saturating_sub(days * DAY_MS))?;
        let mut freed = Freed { ops, files: 0 };
        let Some(safe) = meta::get_i64(&self.db, meta::SAFE_THROUGH)? else { return Ok(freed) };
        let before = safe.min(server_ms.saturating_sub(KEEP_ACKED_BYTES_DAYS * DAY_MS));
        for (photo, form, file) in uploads::acknowledged_before(&self.db, before)? {
            if self.files.remove(&file).is_ok() {
                uploads::set_gone(&self.db, photo, &form, "aged")?;
                freed.files += 1;
            }
        }
        Ok(freed)
    }

    /// Writes a file. When the phone is full, acknowledged photo bytes make room, the oldest first, also those that
    /// are in no backup yet: what nobody else has goes before what the server has twice. Each is recorded.
    ///
    /// # Errors
    /// `Full` when there is nothing left to let go.
    pub(crate) fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
        loop {
            match self.files.write_durable(name, bytes) {
                Err(FileProblem::Full) if self.make_room(bytes.len())? > 0 => {}
                done => return Ok(done?),
            }
        }
    }

    /// Lets go of acknowledged photo bytes until so many are free or none is left; gives how many files went.
    pub(crate) fn make_room(&self, bytes: usize) -> Result<usize, ClientError> {
        let (mut files, mut freed) = (0, 0);
        for (photo, form, file) in uploads::acknowledged_before(&self.db, i64::MAX)? {
            if freed >= bytes {
                break;
            }
            let len = self.files.len(&file)?.unwrap_or(0);
            if self.files.remove(&file).is_ok() {
                uploads::set_gone(&self.db, photo, &form, "space")?;
                files += 1;
                freed = freed.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            }
        }
        Ok(files)
    }
}
