//! After an erasure has reached this phone: the files go, and nothing of the words stays in the write-ahead log.

use crate::error::ClientError;
use crate::host::Now;
use crate::replica::Replica;
use crate::store::uploads::UploadRecord;
use crate::store::{erased, write};

impl Replica {
    /// Removes the files whose removal was decided in a transaction. One that will not go is tried again.
    pub(crate) fn remove_files(&self) -> Result<(), ClientError> {
        for file in erased::removals(&self.db)? {
            if self.files.remove(&file).is_ok() {
                erased::removed(&self.db, &file)?;
            }
        }
        Ok(())
    }

    /// What follows the commit of a transaction in which something was erased.
    pub(crate) fn after_erasure(&self) -> Result<(), ClientError> {
        self.remove_files()?;
        erased::empty_log(&self.db)
    }

    /// The server takes the bytes no more: they were erased. The case stops waiting for them.
    pub(crate) fn erased_there(&mut self, upload: &UploadRecord, now: &Now) -> Result<(), ClientError> {
        self.lose(upload, "erased", now)?;
        let tx = write(&self.db)?;
        erased::erase_photo(&tx, upload.photo_id)?;
        tx.commit()?;
        self.after_erasure()
    }
}
