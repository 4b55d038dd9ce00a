//! Forms of photos that a phone was told are stored, asked about after a new epoch: which of them are lacking
//! (protocol 10). A hash must not become a right to read: what others brought is as good as unknown.

use super::{Credential, House, ServiceError};
use crate::blob::Depot;
use blindspot_core::error::TOO_MANY_FORMS;
use blindspot_core::limits::OFFERED_FORMS_MAX;
use blindspot_core::wire::v1::{LackingReply, OfferRequest, OfferedForm};
use blindspot_store::uploads;

/// Of what is offered, what the server does not have from this very person, for this photo, whole and on disk.
///
/// # Errors
/// `TOO_MANY_FORMS`; the database's.
pub fn lacking(
    house: &House,
    depot: &Depot,
    who: Credential,
    request: &OfferRequest,
) -> Result<LackingReply, ServiceError> {
    if request.photos.len() > OFFERED_FORMS_MAX {
        return Err(ServiceError::refused(&TOO_MANY_FORMS));
    }
    let here = house.store.read(|tx| {
        let mut here = Vec::with_capacity(request.photos.len());
        for OfferedForm { photo_id, sha256 } in &request.photos {
            let uploads = uploads::load_uploads_of_photo(tx, &house.city, *photo_id)?;
            let own = uploads.into_iter().find(|u| u.person_id == who.person && u.sha256 == *sha256);
            here.push(own.map(|u| u.length));
        }
        Ok::<_, ServiceError>(here)
    })?;
    let mut lacking = Vec::new();
    for (form, length) in request.photos.iter().zip(here) {
        let whole = match length {
            Some(length) => depot.blobs.len(&form.sha256)? == Some(length),
            None => false,
        };
        if !whole {
            lacking.push(*form);
        }
    }
    Ok(LackingReply { lacking })
}
