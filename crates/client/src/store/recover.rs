//! Whether a database is what was written, and what of a damaged one can be known to be whole. Knows no files.
//!
//! What is read out is checked by what was stored beside it: an op by the hash of its bytes, a capture and a photo by
//! theirs. Whatever does not check is counted, never guessed at.

use super::captures::{CaptureRecord, ShotRecord, ShotState};
use super::carried::{self, CarriedRecord};
use super::carve::{Cell, Found, Wal, rows};
use super::{captures, digests, meta, mirror, outbox, schema, unsigned, uploads};
use crate::error::ClientError;
use crate::identity::Identity;
use blindspot_core::id::Sha256;
use blindspot_core::op::SealedOp;
use blindspot_core::{DeviceId, OpId, PhotoId};
use rusqlite::{Connection, ErrorCode};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Sound,
    /// Only what the server said is hit; it is asked again.
    MirrorHit,
    /// Why.
    Damaged(String),
}

/// Looks at the first bytes of a file: fields that this crate never sets otherwise. An engine believes them all, and
/// some would make it read every text as another's.
pub(crate) fn head_is_sound(head: &[u8]) -> bool {
    let is = |at: usize, bytes: &[u8]| head.get(at..at + bytes.len()) == Some(bytes);
    is(0, b"SQLite format 3\0\x10\0")
        && (is(18, &[1, 1]) || is(18, &[2, 2]))
        && is(20, &[0, 64, 32, 32])
        && (is(44, &[0, 0, 0, 4]) || is(44, &[0; 4]))
        && is(52, &[0; 4])
        && (is(56, &[0, 0, 0, 1]) || is(56, &[0; 4]))
        && is(64, &[0; 4])
        && is(72, &[0; 20])
}

/// Looks at everything. Only what the machine itself refuses (no space, no rights) is an error.
pub(crate) fn check(db: &Connection) -> Result<Health, ClientError> {
    match looked_at(db) {
        Err(ClientError::Db(e)) if is_the_machines(&e) => Err(e.into()),
        Err(ClientError::DatabaseNewer { found, known }) => Err(ClientError::DatabaseNewer { found, known }),
        Err(e) => Ok(Health::Damaged(e.to_string())),
        Ok(health) => Ok(health),
    }
}

fn is_the_machines(e: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, NoLargeFileSupport, OutOfMemory,
        PermissionDenied, ReadOnly, SystemIoFailure,
    };
    matches!(
        e.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | NoLargeFileSupport
                | OutOfMemory
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}

fn looked_at(db: &Connection) -> Result<Health, ClientError> {
    let damaged = |why: &str| Ok(Health::Damaged(why.to_owned()));
    if !schema::is_sound(db)? {
        return damaged("the tables are not ours");
    }
    let word: String = db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
    if word != "ok" {
        return Ok(Health::Damaged(word));
    }
    schema::prepare(db)?;
    if let Some(key) = meta::damaged(db)?.first() {
        return Ok(Health::Damaged(format!("the value {key} is not what was written")));
    }
    if !outbox::is_sound(db)? || !captures::are_sound(db)? {
        return damaged("own work is not what was written");
    }
    let identity: Option<Identity> = meta::get_json(db, meta::IDENTITY)?;
    if let Some(identity) = identity
        && outbox::last_number(db, identity.device_id)?
            > unsigned(meta::get_i64(db, meta::DEVICE_SEQ)?.unwrap_or(0))
    {
        // Pages of different times: a write-ahead log that was cut off behind what had been copied back already.
        return damaged("ops have numbers that were not given yet");
    }
    // Whatever a screen would ask for can be read.
    outbox::list(db)?;
    captures::list(db)?;
    if uploads::list(db)?.iter().any(|u| !(0..=3).contains(&u.state) || Sha256::from_hex(&u.sha256).is_none())
    {
        return damaged("the queue of photos is not what was written");
    }
    // From here on only the mirror is looked at.
    let mirror = mirror::is_sound(db).and_then(|sound| digests::load(db).map(|_| sound));
    match mirror {
        Ok(true) => Ok(Health::Sound),
        Err(ClientError::Db(e)) if is_the_machines(&e) => Err(e.into()),
        Ok(false) | Err(_) => Ok(Health::MirrorHit),
    }
}

/// The names of all own work that the engine sees, like [`Salvage::ids`].
pub(crate) fn own_ids(db: &Connection) -> Result<BTreeSet<Uuid>, ClientError> {
    let mut query = db.prepare("SELECT op_id FROM outbox UNION ALL SELECT capture_id FROM captures")?;
    let mut rows = query.query([])?;
    let mut ids = BTreeSet::new();
    while let Some(row) = rows.next()? {
        ids.insert(super::parsed(&row.get::<_, String>(0)?)?);
    }
    Ok(ids)
}

/// Forgets the mirror; the next pull reads it all anew.
pub(crate) fn forget_mirror(db: &Connection) -> Result<(), ClientError> {
    let tx = super::write(db)?;
    tx.execute_batch(
        "DELETE FROM feed_rows; DELETE FROM rows; DELETE FROM feeds; DELETE FROM staged_pages;",
    )?;
    meta::remove(&tx, meta::CURSOR)?;
    tx.commit()?;
    Ok(())
}

/// An op that is whole.
#[derive(Clone, Debug)]
pub(crate) struct SavedOp {
    pub(crate) op: SealedOp,
    pub(crate) sealed_ms: i64,
    /// Its final verdict and when it was acknowledged; nothing means: to be sent.
    pub(crate) decided: Option<(String, i64)>,
}

/// Of an erased op: its device, its number there, its kind.
pub(crate) type Erased = (DeviceId, i64, String);

/// A capture that is whole, with the photos of it that are.
#[derive(Clone, Debug)]
pub(crate) struct SavedCapture {
    pub(crate) record: CaptureRecord,
    pub(crate) shots: Vec<ShotRecord>,
}

/// Everything that was found whole.
#[derive(Debug, Default)]
pub(crate) struct Salvage {
    pub(crate) meta: BTreeMap<String, String>,
    /// In the order in which they were sealed.
    pub(crate) ops: Vec<SavedOp>,
    pub(crate) captures: Vec<SavedCapture>,
    /// Forms that the server had verified, and when.
    pub(crate) verified: BTreeMap<(PhotoId, String), i64>,
    /// Ops that were erased for everybody: a page that was let go may still hold one, and it stays gone.
    pub(crate) erased: BTreeMap<OpId, Erased>,
    /// Files of other phones that were not handed in yet; the server checks what is in them.
    pub(crate) carried: Vec<CarriedRecord>,
    /// Ops and captures that are there and not whole.
    pub(crate) broken: u64,
}

impl Salvage {
    /// Out of the bytes of a file and of its WAL.
    pub(crate) fn read(db: &[u8], wal: &Wal<'_>) -> Self {
        let mut out = Self::default();
        let (mut ops, mut captures) = (BTreeMap::new(), BTreeMap::new());
        let mut shots: BTreeMap<Uuid, BTreeMap<i64, ShotRecord>> = BTreeMap::new();
        let (mut seen, mut hit) = (BTreeSet::new(), BTreeSet::new());
        for found in rows(db, wal) {
            let row = Row(&found);
            if let (Some(n), Some(looks_like)) = (found.rowid, row.own_work()) {
                let key = (looks_like, n);
                let read = match looks_like {
                    Own::Op => row.op().map(|op| ops.entry(n).or_insert(op)).is_some(),
                    Own::Capture => row.capture().map(|c| captures.entry(n).or_insert(c)).is_some(),
                };
                if read {
                    seen.insert(key)
                } else {
                    hit.insert(key)
                };
            } else if found.rowid.is_none() {
                if let Some((capture, n, shot)) = row.shot() {
                    shots.entry(capture).or_default().entry(n).or_insert(shot);
                } else if let Some(file) = row.carried() {
                    out.carried.push(file);
                } else if let Some((op, erased)) = row.erased() {
                    out.erased.insert(op, erased);
                } else if let Some((photo, form, acked_ms)) = row.verified() {
                    out.verified.entry((photo, form)).or_insert(acked_ms);
                } else if let Some((key, value)) = row.value() {
                    out.meta.entry(key).or_insert(value);
                }
            }
        }
        out.broken = u64::try_from(hit.difference(&seen).count()).unwrap_or(0);
        let mut ids: BTreeSet<OpId> = out.erased.keys().copied().collect();
        out.ops = ops.into_values().filter(|o: &SavedOp| ids.insert(o.op.env.op_id)).collect();
        for record in captures.into_values() {
            let shots = shots.remove(&record.capture_id).unwrap_or_default().into_values().collect();
            out.captures.push(SavedCapture { record, shots });
        }
        // Photos of captures that cannot be read: their files stay, and nothing says which case they belong to.
        let orphans: usize = shots.values().map(BTreeMap::len).sum();
        out.broken += u64::try_from(orphans).unwrap_or(0);
        out
    }

    /// The names of all own work, to compare with another reading.
    pub(crate) fn ids(&self) -> BTreeSet<Uuid> {
        let ops = self.ops.iter().map(|o| o.op.env.op_id.0);
        ops.chain(self.captures.iter().map(|c| c.record.capture_id)).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Own {
    Op,
    Capture,
}

/// A row, tried on the shapes of this crate's tables.
struct Row<'a>(&'a Found);

impl Row<'_> {
    fn at(&self, n: usize) -> &Cell {
        // A column that was added later is not in rows of before.
        self.0.values.get(n).unwrap_or(&Cell::Null)
    }
    fn text(&self, n: usize) -> Option<String> {
        self.at(n).text().map(str::to_owned)
    }
    fn id<T: std::str::FromStr>(&self, n: usize) -> Option<T> {
        self.at(n).text().filter(|t| t.len() == 36)?.parse().ok()
    }
    fn int(&self, n: usize) -> Option<i64> {
        self.at(n).int()
    }
    /// Whether a stored hash is this one; a row of before there were hashes has none.
    fn checks(&self, column: usize, hash: [u8; 32]) -> bool {
        matches!(self.at(column), Cell::Null) || self.at(column).blob() == Some(&hash)
    }

    /// By number of columns alone, so that a row that is hit still counts as one.
    fn own_work(&self) -> Option<Own> {
        match (self.0.values.len(), self.at(0)) {
            // 14 and 15 columns before there were hashes.
            (14, Cell::Null) => Some(Own::Op),
            (16, Cell::Null) => Some(Own::Capture),
            (15, Cell::Null) if self.int(3).is_some() => Some(Own::Op),
            (15, Cell::Null) => Some(Own::Capture),
            _ => None,
        }
    }

    fn op(&self) -> Option<SavedOp> {
        let op = SealedOp::read(self.text(6)?).ok()?;
        let named = self.id::<OpId>(1) == Some(op.env.op_id)
            && self.id(2) == Some(op.env.device_id)
            && self.int(3).map(unsigned) == Some(op.env.device_seq)
            && self.text(4).as_deref() == Some(&op.env.kind);
        // The hash vouches for the bytes whatever else of the row is hit; without one its own columns must agree.
        let whole = if *self.at(14) == Cell::Null { named } else { self.checks(14, op.hash.0) };
        let decided = (self.int(8) == Some(1) && self.int(10) == Some(1) && self.int(11) == Some(0))
            .then(|| Some((self.text(9)?, self.int(12)?)))
            .flatten()
            .filter(|(verdict, _)| serde_json::from_str::<blindspot_core::verdict::Verdict>(verdict).is_ok());
        whole.then(|| SavedOp { op, sealed_ms: self.int(7).unwrap_or(0), decided })
    }

    fn capture(&self) -> Option<CaptureRecord> {
        let record = CaptureRecord {
            capture_id: self.id(1)?,
            case_id: self.id(2)?,
            op_id: self.id(3),
            kind: self.text(4),
            payload: self.text(5),
            for_op: self.id(6),
            round: self.int(7).and_then(|n| u32::try_from(n).ok()),
            expected_state: self.text(8),
            captured: self.text(9)?,
            local_tag: self.text(10),
            saved_ms: self.int(11)?,
            sealed: self.int(12) == Some(1),
            problem: None,
        };
        self.checks(15, record.hash()).then_some(record)
    }

    fn shot(&self) -> Option<(Uuid, i64, ShotRecord)> {
        let capture: Uuid = self.id(1)?;
        let shot = ShotRecord {
            photo_id: self.id(0)?,
            role: self.text(3)?,
            media: self.text(4)?,
            origin: self.text(5),
            position: self.text(6),
            file: self.text(7)?,
            bytes: self.int(8).map(unsigned)?,
            state: ShotState::Raw,
            taken: None,
            filetype: None,
            problem: None,
            raw_kept: true,
            duration_ms: self.int(14).and_then(|n| u32::try_from(n).ok()),
        };
        self.checks(15, shot.hash(capture)).then_some((capture, self.int(2)?, shot))
    }

    fn erased(&self) -> Option<(OpId, Erased)> {
        let (device, seq, kind) = (self.id::<DeviceId>(1)?, self.int(2)?, self.text(3)?);
        (self.0.values.len() == 4).then_some((self.id(0)?, (device, seq, kind)))
    }

    /// A file that is still to be handed in, under the name that its manifest gives it.
    fn carried(&self) -> Option<CarriedRecord> {
        let manifest = self.text(0).filter(|m| Sha256::from_hex(m).is_some())?;
        let file = self.text(1).filter(|f| *f == carried::file_name(&manifest))?;
        let waits = self.0.values.len() == 10 && self.int(5) == Some(0);
        let (device_id, bytes) = (self.id(2)?, self.int(3).map(unsigned)?);
        let record = CarriedRecord { manifest, file, device_id, bytes, failures: 0, problem: None, state: 0 };
        waits.then_some(record)
    }

    /// A line of the photo queue whose form the server has verified.
    fn verified(&self) -> Option<(PhotoId, String, i64)> {
        let delivered = self.0.values.len() == 20 && self.int(10) == Some(1);
        if delivered { Some((self.id(0)?, self.text(1)?, self.int(18)?)) } else { None }
    }

    fn value(&self) -> Option<(String, String)> {
        let (key, value) = (self.text(0)?, self.text(1)?);
        let whole = self.0.values.len() <= 3 && self.checks(2, meta::hash(&key, &value));
        whole.then_some((key, value))
    }
}
