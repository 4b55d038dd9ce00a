//! Verified bytes meet their photo op, whichever came first (protocol 11).

use super::group::Group;
use crate::service::Credential;
use blindspot_core::PhotoId;
use blindspot_core::case::PhotoArrival;
use blindspot_core::id::Sha256;
use blindspot_core::mutant;
use blindspot_store::{Result, uploads};
use std::collections::BTreeSet;

impl Group<'_, '_> {
    /// Acknowledges an upload and links its bytes to the case, if the photo op is here. Only the author's
    /// own upload counts: a hash must not become a read right. Says whether the bytes are taken: those that were erased
    /// while they came are not, and go again after the commit.
    pub(super) fn arrived(
        &mut self,
        credential: Credential,
        photo_id: PhotoId,
        sha256: Sha256,
        upload_id: [u8; 16],
        now_ms: i64,
    ) -> Result<bool> {
        if self.is_erased_upload(photo_id, sha256)? {
            self.turn_away(photo_id, sha256, upload_id)?;
            return Ok(false);
        }
        uploads::save_verified(self.tx, &self.house.city, upload_id, now_ms)?;
        self.at_hand.forget_bytes(photo_id);
        if mutant::is("photo_link_lost") {
            return Ok(true);
        }
        let Some((case, op_id)) = self.find_photo(photo_id)? else { return Ok(true) };
        self.need_ops(&BTreeSet::from([op_id]))?;
        if self.ops.get(&op_id).and_then(|r| r.author) != Some(credential.person) {
            return Ok(true);
        }
        self.remember(case);
        if let Some(file) = self.world.cases.get_mut(&case) {
            file.photo_arrived(&PhotoArrival { photo_id, sha256 }, now_ms);
        }
        Ok(true)
    }

    pub(super) fn flag_mismatch(&mut self, photo_id: PhotoId, now_ms: i64) -> Result<bool> {
        let Some((case, _)) = self.find_photo(photo_id)? else { return Ok(false) };
        self.remember(case);
        let Some(file) = self.world.cases.get_mut(&case) else { return Ok(false) };
        let Some(photo) = file.photos.get_mut(&photo_id) else { return Ok(false) };
        if !photo.mismatch {
            photo.mismatch = true;
            file.case.updated_ms = file.case.updated_ms.max(now_ms);
        }
        Ok(true)
    }

    /// Flags a photo whose working copy does not look like its original.
    pub(super) fn mismatch(&mut self, photo_id: PhotoId) -> Result<()> {
        let Some((case, _)) = self.find_photo(photo_id)? else { return Ok(()) };
        self.remember(case);
        if let Some(photo) = self.world.cases.get_mut(&case).and_then(|f| f.photos.get_mut(&photo_id)) {
            photo.mismatch = true;
        }
        Ok(())
    }
}
