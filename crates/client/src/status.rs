//! Numbers and lists for screens: what waits, what was refused, how far the mirror is.

use crate::error::ClientError;
use crate::host::NetworkKind;
use crate::replica::Replica;
use crate::rescue::Recovered;
use crate::store::captures::ShotState;
use crate::store::outbox::OutboxEntry;
use crate::store::{captures, digests, meta, mirror, outbox, uploads};
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::row::Digest;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId, PhotoId};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is on this phone only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unsent {
    /// Saved and not sealed.
    pub captures: u64,
    /// Ops not acknowledged, the tray included.
    pub ops: u64,
    /// Photos with a form that the server has not verified, those of waiting captures included.
    pub photos: u64,
    /// Bytes of those still to go.
    pub bytes: u64,
}

impl Unsent {
    /// Whether everything is on the server.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The state of a replica at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The enrolment.
    pub device_id: Option<DeviceId>,
    /// The person.
    pub person_id: Option<PersonId>,
    /// The person's name.
    pub person_name: Option<String>,
    /// The city.
    pub city_id: Option<CityId>,
    /// The server's address.
    pub base: Option<String>,
    /// The person must enrol again; unsent work is kept.
    pub signed_out: bool,
    /// The device was revoked, and what is here is being handed in; it waits there for a person.
    pub handing_in: bool,
    /// Whether there is a network.
    pub online: bool,
    /// What it is like.
    pub network: NetworkKind,
    /// What is on this phone only.
    pub unsent: Unsent,
    /// Ops in the tray.
    pub unsendable: u64,
    /// Ops acknowledged and not finally decided (held, 待人工处理).
    pub undecided: u64,
    /// All ops kept.
    pub ops: u64,
    /// Rows in the mirror.
    pub rows: u64,
    /// Feeds followed.
    pub feeds: Vec<Feed>,
    /// The server's epoch, as last heard.
    pub epoch: Option<i64>,
    /// Server minus phone, milliseconds.
    pub offset_ms: Option<i64>,
    /// When a checkpoint was last applied, phone time.
    pub pulled_ms: Option<i64>,
    /// When a push was last answered, phone time.
    pub pushed_ms: Option<i64>,
    /// All own numbers up to this are on the server.
    pub received_through: Option<i64>,
    /// Time of the server's newest verified backup.
    pub safe_through: Option<i64>,
    /// What was brought out of a damaged database that this one replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovered>,
}

/// A capture that waits, or has a photo that could not be made into forms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaptureView {
    /// Names it.
    pub capture_id: Uuid,
    /// Its case.
    pub case_id: CaseId,
    /// The op it is or will be.
    pub op_id: Option<OpId>,
    /// The kind of that op; nothing when only photos were added.
    pub kind: Option<String>,
    /// 临时号
    pub local_tag: Option<String>,
    /// When it was saved, phone time.
    pub saved_ms: i64,
    /// Whether it became ops.
    pub sealed: bool,
    /// Why sealing did not work yet.
    pub problem: Option<String>,
    /// Its photos.
    pub photos: Vec<PhotoView>,
}

/// A photo of a capture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhotoView {
    /// Names it.
    pub photo_id: PhotoId,
    /// The raw file in the photo folder, while it is kept.
    pub raw_file: Option<String>,
    /// Bytes of the raw file.
    pub bytes: u64,
    /// Why it could not be made into forms: the code of the photo's problem.
    pub problem: Option<String>,
}

/// A form on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UploadView {
    /// The photo.
    pub photo_id: PhotoId,
    /// Which form.
    pub form: String,
    /// Its case.
    pub case_id: CaseId,
    /// Its file in the photo folder.
    pub file: String,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes that the server said it has.
    pub sent: u64,
    /// 已校验
    pub verified: bool,
    /// Its bytes were lost here.
    pub lost: bool,
    /// Why it was refused or lost.
    pub problem: Option<String>,
    /// Why the bytes are no longer here: `aged`, `space` (let go early, the phone was full) or `erased`.
    pub gone_why: Option<String>,
}

impl Replica {
    /// What is on this phone only.
    ///
    /// # Errors
    /// `Db`.
    pub fn unsent(&self) -> Result<Unsent, ClientError> {
        let (captures, raw_photos, raw_bytes) = captures::counts(&self.db)?;
        let [unsent, tray, ..] = outbox::counts(&self.db)?;
        let (photos, bytes) = uploads::counts(&self.db)?;
        let (photos, bytes) = (photos + raw_photos, bytes + raw_bytes);
        Ok(Unsent { captures, ops: unsent + tray, photos, bytes })
    }

    /// The state of this replica at a glance.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn status(&self) -> Result<Status, ClientError> {
        let identity = self.identity()?;
        let who = identity.as_ref();
        let [_, unsendable, undecided, ops] = outbox::counts(&self.db)?;
        Ok(Status {
            device_id: who.map(|i| i.device_id),
            person_id: who.map(|i| i.person_id),
            person_name: who.map(|i| i.person_name.clone()),
            city_id: who.map(|i| i.city_id.clone()),
            base: who.map(|i| i.base.clone()),
            signed_out: meta::get(&self.db, meta::SIGNED_OUT)?.is_some(),
            handing_in: self.machine.hands_in(),
            online: self.online,
            network: self.network,
            unsent: self.unsent()?,
            unsendable,
            undecided,
            ops,
            rows: mirror::count(&self.db)?,
            feeds: mirror::feeds(&self.db)?.into_iter().collect(),
            epoch: meta::get_i64(&self.db, meta::EPOCH)?,
            offset_ms: self.offset_ms()?,
            pulled_ms: meta::get_i64(&self.db, meta::PULLED)?,
            pushed_ms: meta::get_i64(&self.db, meta::PUSHED)?,
            received_through: meta::get_i64(&self.db, meta::RECEIVED_THROUGH)?,
            safe_through: meta::get_i64(&self.db, meta::SAFE_THROUGH)?,
            recovered: self.recovered()?,
        })
    }

    /// What was brought out of a damaged database that this one replaced; show it until the person has seen it.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn recovered(&self) -> Result<Option<Recovered>, ClientError> {
        meta::get_json(&self.db, meta::RECOVERED)
    }

    /// The person has seen it.
    ///
    /// # Errors
    /// `Db` or `Stored`.
    pub fn recovered_told(&mut self) -> Result<(), ClientError> {
        let Some(recovered) = self.recovered()? else { return Ok(()) };
        meta::set_json(&self.db, meta::RECOVERED, &Recovered { told: true, ..recovered })
    }

    /// Captures that wait for sealing or hold a photo that could not be made into forms.
    ///
    /// # Errors
    /// `Db`.
    pub fn captures(&self) -> Result<Vec<CaptureView>, ClientError> {
        let mut views = Vec::new();
        for c in captures::list(&self.db)? {
            let photos = captures::shots(&self.db, c.capture_id)?
                .into_iter()
                .map(|s| PhotoView {
                    photo_id: s.photo_id,
                    raw_file: s.raw_kept.then_some(s.file),
                    bytes: s.bytes,
                    problem: s.problem.filter(|_| s.state == ShotState::Failed),
                })
                .collect();
            views.push(CaptureView {
                capture_id: c.capture_id,
                case_id: c.case_id,
                op_id: c.op_id,
                kind: c.kind,
                local_tag: c.local_tag,
                saved_ms: c.saved_ms,
                sealed: c.sealed,
                problem: c.problem,
                photos,
            });
        }
        Ok(views)
    }

    /// Every op kept, in order, with its verdict.
    ///
    /// # Errors
    /// `Db`.
    pub fn outbox(&self) -> Result<Vec<OutboxEntry>, ClientError> {
        outbox::list(&self.db)
    }

    /// The verbatim bytes of an op.
    ///
    /// # Errors
    /// `Db`.
    pub fn op_body(&self, op: OpId) -> Result<Option<String>, ClientError> {
        outbox::body(&self.db, op)
    }

    /// Every form of every photo that was sealed here.
    ///
    /// # Errors
    /// `Db`.
    pub fn uploads(&self) -> Result<Vec<UploadView>, ClientError> {
        let view = |u: uploads::UploadRecord| UploadView {
            photo_id: u.photo_id,
            form: u.form,
            case_id: u.case_id,
            file: u.file,
            sha256: u.sha256,
            bytes: u.bytes,
            sent: u.sent,
            verified: u.state == 1,
            lost: u.state == 2,
            problem: u.problem,
            gone_why: u.gone_why,
        };
        Ok(uploads::list(&self.db)?.into_iter().map(view).collect())
    }

    /// The digest of each feed, recomputed from the rows as they are stored now.
    ///
    /// # Errors
    /// `Db`.
    pub fn digests(&self) -> Result<BTreeMap<Feed, Digest>, ClientError> {
        let feeds = mirror::feeds(&self.db)?;
        feeds.into_iter().map(|f| Ok((f.clone(), digests::recompute(&self.db, &f)?))).collect()
    }

    /// The exact bytes and revision of a mirrored row, for tests and exports.
    ///
    /// # Errors
    /// `Db`.
    pub fn row(
        &self,
        key: &blindspot_core::row::RowKey,
    ) -> Result<Option<(blindspot_core::row::Rev, String)>, ClientError> {
        mirror::row(&self.db, key)
    }
}
