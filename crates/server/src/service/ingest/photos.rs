//! Verified bytes meet their photo op, whichever came first (protocol 11).

use super::group::Group;
use crate::service::Credential;
use blindspot_core::case::{PhotoArrival, PhotoRow};
use blindspot_core::id::Sha256;
use blindspot_core::mutant;
use blindspot_core::row::RowKind;
use blindspot_core::{CaseId, PhotoId};
use blindspot_store::{Result, rows, uploads};
use std::collections::BTreeSet;

impl Group<'_, '_> {
    /// Acknowledges an upload and links its bytes to the case, if the photo op is here. Only the author's
    /// own upload counts: a hash must not become a read right.
    pub(super) fn arrived(
        &mut self,
        credential: Credential,
        photo_id: PhotoId,
        sha256: Sha256,
        upload_id: [u8; 16],
        now_ms: i64,
    ) -> Result<()> {
        uploads::save_verified(self.tx, &self.house.city, upload_id, now_ms)?;
        if mutant::is("photo_link_lost") {
            return Ok(());
        }
        let Some((case, op_id)) = self.find_photo(photo_id)? else { return Ok(()) };
        self.need_ops(&BTreeSet::from([op_id]))?;
        if self.ops.get(&op_id).and_then(|r| r.author) != Some(credential.person) {
            return Ok(());
        }
        self.remember(case);
        if let Some(file) = self.world.cases.get_mut(&case) {
            file.photo_arrived(&PhotoArrival { photo_id, sha256 }, now_ms);
        }
        Ok(())
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

    fn find_photo(&mut self, photo_id: PhotoId) -> Result<Option<(CaseId, blindspot_core::OpId)>> {
        let here = self.world.cases.values().find_map(|f| f.photos.get(&photo_id));
        if let Some(photo) = here {
            return Ok(Some((photo.case_id, photo.op_id)));
        }
        let row = rows::load_row(self.tx, &self.house.city, &RowKind::Photo, &photo_id.to_string())?;
        let Some(row) = row else { return Ok(None) };
        let photo: PhotoRow = serde_json::from_str(&row.body)?;
        self.need_cases([photo.case_id])?;
        Ok(Some((photo.case_id, photo.op_id)))
    }
}
