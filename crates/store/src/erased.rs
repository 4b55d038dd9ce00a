//! What was erased: ids and digests that are not taken again, and taking their content out of every table (protocol 7).
//!
//! Must not know who may erase.

use crate::ops::OpRecord;
use crate::{Result, Row, Stmt, Tx};
use blindspot_core::case::{Erased, ErasureRow};
use blindspot_core::id::{CityId, LetterId, Sha256};
use blindspot_core::{OpId, PersonId, PhotoId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

macro_rules! statements {
    ($($name:ident = $key:literal;)+) => {
        $(static $name: Stmt = Stmt::new(include_str!("../sql/erased.sql"), $key);)+
    };
}
statements! {
    ANY = "erased_any";
    LOAD = "erased_load";
    ALL = "erased_all";
    UNTOLD = "erased_untold";
    ADD = "erased_add";
    AGAIN = "erased_again";
    TOLD = "erased_told";
    ERASE_OP = "erase_op";
    ERASE_QUARANTINE = "erase_quarantine";
    OF_BYTES = "uploads_of_bytes";
    OF_PHOTO = "uploads_of_any_state";
    ERASE_UPLOAD = "erase_upload";
    ERASE_RENDITION = "erase_rendition";
}

/// How the body of an erased op begins.
const TOMBSTONE: &str = "{\"erased\":";

/// What is on the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum ErasedId {
    /// An op.
    Op(OpId),
    /// A photo.
    Photo(PhotoId),
    /// Bytes, wherever they are used.
    Blob(Sha256),
    /// A letter: names and words in it.
    Letter(LetterId),
    /// An unfinished upload, until its bytes are gone.
    Part(uuid::Uuid),
    /// A file that nothing names, until it is gone; its bytes may come again.
    File(Sha256),
}

impl ErasedId {
    fn words(&self) -> (&'static str, String) {
        match self {
            ErasedId::Op(id) => ("op", id.to_string()),
            ErasedId::Photo(id) => ("photo", id.to_string()),
            ErasedId::Blob(sha) => ("blob", sha.to_hex()),
            ErasedId::Letter(id) => ("letter", id.to_string()),
            ErasedId::Part(id) => ("part", id.to_string()),
            ErasedId::File(sha) => ("file", sha.to_hex()),
        }
    }
}

/// One line of the list: no content, only what it was and who had it erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What.
    #[serde(flatten)]
    pub what: ErasedId,
    /// Who asked, who agreed, when and why.
    pub erasure: ErasureRow,
}

fn item(row: &Row) -> Result<Item> {
    let what = serde_json::json!({"kind": row.text(0)?, "id": row.text(1)?});
    Ok(Item { what: serde_json::from_value(what)?, erasure: serde_json::from_str(row.text(2)?)? })
}

/// Whether anything was ever erased: most cities, most days, need not look further.
///
/// # Errors
/// The engine's, as for all below.
pub fn load_any(tx: &Tx<'_>, city: &CityId) -> Result<bool> {
    Ok(tx.query_one(&ANY, &[city.into()])?.is_some())
}

/// The line of something that was erased.
///
/// # Errors
/// The engine's.
pub fn load(tx: &Tx<'_>, city: &CityId, what: &ErasedId) -> Result<Option<Item>> {
    let (kind, id) = what.words();
    tx.query_one(&LOAD, &[city.into(), kind.into(), id.as_str().into()])?.as_ref().map(item).transpose()
}

/// The lines of things that were erased, of those named.
///
/// # Errors
/// The engine's.
pub fn load_each(tx: &Tx<'_>, city: &CityId, named: &BTreeSet<ErasedId>) -> Result<BTreeMap<ErasedId, Item>> {
    let words: Vec<_> = named.iter().map(ErasedId::words).collect();
    let sets = words.iter().map(|(kind, id)| [city.into(), (*kind).into(), id.as_str().into()]);
    let found = tx.query_many(&LOAD, sets)?;
    found.iter().map(|row| item(row).map(|item| (item.what.clone(), item))).collect()
}

/// The whole list.
///
/// # Errors
/// The engine's.
pub fn load_all(tx: &Tx<'_>, city: &CityId) -> Result<Vec<Item>> {
    tx.query(&ALL, &[city.into()])?.iter().map(item).collect()
}

/// Lines that are not yet written to the lists, or whose files may still be there.
///
/// # Errors
/// The engine's.
pub fn load_untold(tx: &Tx<'_>, city: &CityId) -> Result<Vec<Item>> {
    tx.query(&UNTOLD, &[city.into()])?.iter().map(item).collect()
}

/// Adds a line; says whether it is new.
///
/// # Errors
/// The engine's.
pub fn append(tx: &Tx<'_>, city: &CityId, item: &Item) -> Result<bool> {
    let (kind, id) = item.what.words();
    let erasure = serde_json::to_string(&item.erasure)?;
    let changed = tx.exec(&ADD, &[city.into(), kind.into(), id.as_str().into(), erasure.as_str().into()])?;
    Ok(changed == 1)
}

/// Its files may be there again.
///
/// # Errors
/// The engine's.
pub fn save_untold(tx: &Tx<'_>, city: &CityId, what: &ErasedId) -> Result<()> {
    let (kind, id) = what.words();
    tx.exec(&AGAIN, &[city.into(), kind.into(), id.as_str().into()]).map(drop)
}

/// These stand in every list, and their files are gone.
///
/// # Errors
/// The engine's.
pub fn save_told(tx: &Tx<'_>, city: &CityId, items: &[Item]) -> Result<()> {
    items.iter().try_for_each(|item| {
        let (kind, id) = item.what.words();
        tx.exec(&TOLD, &[city.into(), kind.into(), id.as_str().into()]).map(drop)
    })
}

/// What stands in the place of an op's bytes: its frame without what it said. The hash of the op stays that of the
/// bytes that were captured.
///
/// # Errors
/// `Json` only for what cannot be written.
pub fn tombstone(record: &OpRecord, mark: &Erased) -> Result<String> {
    #[derive(Serialize)]
    struct Stone<'a> {
        erased: &'a Erased,
        op_id: OpId,
        device_id: blindspot_core::DeviceId,
        device_seq: u64,
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        case_id: Option<blindspot_core::CaseId>,
        payload: serde_json::Value,
    }
    let OpRecord { op_id, device_id, device_seq, case_id, .. } = *record;
    let payload = serde_json::json!({});
    let kind = record.kind.as_str();
    Ok(serde_json::to_string(&Stone { erased: mark, op_id, device_id, device_seq, kind, case_id, payload })?)
}

/// The mark of an op whose bytes were erased. A phone cannot make one: the hash of a stone is not its op's.
#[must_use]
pub fn mark_of(record: &OpRecord) -> Option<Erased> {
    #[derive(Deserialize)]
    struct Stone {
        erased: Erased,
    }
    if !record.body.starts_with(TOMBSTONE) || Sha256::of(record.body.as_bytes()) == record.hash {
        return None;
    }
    serde_json::from_str::<Stone>(&record.body).ok().map(|stone| stone.erased)
}

/// Takes an op's bytes out of the log, and out of the quarantine under whatever hash.
///
/// # Errors
/// The engine's.
pub fn erase_op(tx: &Tx<'_>, city: &CityId, op: OpId, stone: &str) -> Result<()> {
    tx.exec(&ERASE_OP, &[city.into(), op.into(), stone.into()])?;
    tx.exec(&ERASE_QUARANTINE, &[city.into(), op.into(), stone.into()]).map(drop)
}

/// An upload in any state, as far as erasing it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// The upload.
    pub upload_id: [u8; 16],
    /// Of which photo.
    pub photo_id: PhotoId,
    /// Of which bytes.
    pub sha256: Sha256,
    /// Whose upload.
    pub person_id: PersonId,
    /// Whether they are here whole.
    pub verified: bool,
}

fn bytes(row: &Row) -> Result<Bytes> {
    Ok(Bytes {
        upload_id: row.id(0)?,
        photo_id: PhotoId::from_bytes(row.id(1)?),
        sha256: Sha256(row.hash(2)?),
        person_id: PersonId::from_bytes(row.id(3)?),
        verified: row.opt_int(4)?.is_some(),
    })
}

fn in_order(rows: Vec<Row>) -> Result<Vec<Bytes>> {
    let mut found = rows.iter().map(bytes).collect::<Result<Vec<_>>>()?;
    found.sort_by_key(|b| b.upload_id);
    Ok(found)
}

/// Every upload of these bytes, whosever and of whichever photo.
///
/// # Errors
/// The engine's.
pub fn load_uploads_of_bytes(tx: &Tx<'_>, city: &CityId, sha256: Sha256) -> Result<Vec<Bytes>> {
    in_order(tx.query(&OF_BYTES, &[city.into(), sha256.into()])?)
}

/// Every upload of a photo, verified or not.
///
/// # Errors
/// The engine's.
pub fn load_uploads_of_photo(tx: &Tx<'_>, city: &CityId, photo: PhotoId) -> Result<Vec<Bytes>> {
    in_order(tx.query(&OF_PHOTO, &[city.into(), photo.into()])?)
}

/// Takes an upload out, verified or not, and what was to be made of its photo.
///
/// # Errors
/// The engine's.
pub fn erase_upload(tx: &Tx<'_>, city: &CityId, upload: &Bytes) -> Result<()> {
    tx.exec(&ERASE_UPLOAD, &[city.into(), upload.upload_id.into()])?;
    tx.exec(&ERASE_RENDITION, &[city.into(), upload.photo_id.into()]).map(drop)
}
