//! Photo bytes for who may read them. Knows no HTTP.
//!
//! An original shows bystanders as they were: each view of one is a row of the audit log, written before a byte is
//! handed out.

use crate::blob::{Depot, Shown};
use crate::service::{Credential, House, ServiceError, cases};
use blindspot_core::PhotoId;
use blindspot_core::command::{FormName, MediaKind};
use blindspot_core::error::NOT_FOUND;
use blindspot_core::id::Sha256;
use blindspot_store::audit;

/// Of bytes that are not what their case says.
const UNKNOWN: &str = "application/octet-stream";

/// Bytes to hand out.
pub struct Download {
    /// The media type, from the bytes' own beginning where they are a picture.
    pub media_type: &'static str,
    /// How many bytes.
    pub length: u64,
    /// Their hash.
    pub sha256: Sha256,
    /// How they are to be shown: `Content-Disposition`.
    pub disposition: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// Where the bytes are.
pub enum Bytes {
    /// Here, from their beginning.
    Here(Box<dyn std::io::Read + Send>),
    /// At an address that leads there for a short while; whoever asks goes there.
    At(String),
}

/// A form of a photo, for who may read it.
///
/// # Errors
/// `NOT_FOUND` when it is not there, not verified, or not the caller's to see.
pub fn download(
    house: &House,
    depot: &Depot,
    credential: Credential,
    photo_id: PhotoId,
    form: &FormName,
    now_ms: i64,
) -> Result<Download, ServiceError> {
    let missing = || ServiceError::refused(&NOT_FOUND);
    let row = cases::can_read_photo(house, credential, photo_id, now_ms)?.ok_or_else(missing)?;
    let named = row.forms.get(form).filter(|_| row.verified.contains(form)).ok_or_else(missing)?;
    let (length, mut bytes) = depot.blobs.open_sized(&named.sha256)?.ok_or_else(missing)?;
    let mut head = [0; 64];
    let n = read_head(&mut bytes, &mut head)?;
    let head_bytes = &head[..n];
    // What the case says it is and what the bytes say it is: where they differ it is just bytes.
    let (media_type, inline) = match row.media {
        MediaKind::Photo => match blindspot_photo::sniff(head_bytes) {
            Some(format) => (format.media_type(), true),
            None => (UNKNOWN, false),
        },
        MediaKind::Voice => {
            (blindspot_photo::sniff_voice(head_bytes).map_or(UNKNOWN, |v| v.media_type()), false)
        }
        MediaKind::Document if blindspot_photo::is_pdf(head_bytes) => (blindspot_photo::DOCUMENT_TYPE, false),
        MediaKind::Document | MediaKind::Other(_) => (UNKNOWN, false),
    };
    if *form == FormName::Original {
        let (actor, object) = (credential.person.to_string(), format!("photo:{photo_id}"));
        house.store.write(|tx| {
            audit::append(tx, &house.city, now_ms, &actor, "view_original", &object, "ok", "{}")
        })?;
    }
    let disposition = disposition(photo_id, form, inline);
    let shown = Shown { media_type, disposition: &disposition };
    let bytes = match depot.blobs.signed(&named.sha256, shown)? {
        Some(address) => Bytes::At(address),
        None => {
            let whole = std::io::Cursor::new(head[..n].to_vec());
            Bytes::Here(Box::new(std::io::Read::chain(whole, bytes)))
        }
    };
    Ok(Download { media_type, length, sha256: named.sha256, disposition, bytes })
}

/// In place or as a file, under a name that holds no word of the caller's.
fn disposition(photo: PhotoId, form: &FormName, inline: bool) -> String {
    let form = if matches!(form, FormName::Other(_)) { "photo" } else { form.as_str() };
    let how = if inline { "inline" } else { "attachment" };
    format!("{how}; filename=\"{photo}-{form}\"")
}

fn read_head(bytes: &mut dyn std::io::Read, head: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < head.len() {
        match bytes.read(&mut head[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}
