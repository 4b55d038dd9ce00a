//! Rows out of the bytes of a damaged SQLite file and its WAL, read without the engine. Knows the file format and no table.
//!
//! Works on live cells of leaf pages alone: a page that is damaged costs its own rows, a header, a schema or an
//! inner page costs none. See "Database File Format" of SQLite.

use std::collections::BTreeMap;

/// The page size that SQLite gives new files; this crate never asks for another.
pub(crate) const PAGE: usize = 4096;
/// The header of a WAL, and that of a frame.
const WAL_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
/// No row here is larger; a length beyond it was read from damage.
const ROW_MAX: u64 = 1 << 24;

/// A stored value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real,
    /// Text or bytes: the file does not say more than the column does.
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(t) = self { Some(t) } else { None }
    }
    pub(crate) fn int(&self) -> Option<i64> {
        if let Self::Int(n) = self { Some(*n) } else { None }
    }
    pub(crate) fn blob(&self) -> Option<&[u8]> {
        if let Self::Blob(b) = self { Some(b) } else { None }
    }
}

/// A row as found: its number in a table with numbers, its values in stored order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) rowid: Option<i64>,
    pub(crate) values: Vec<Cell>,
}

/// What a WAL holds beside what the engine would take from it.
#[derive(Debug, Default)]
pub(crate) struct Wal<'a> {
    /// Page number and image, oldest first: all frames of the generation, sound or not.
    frames: Vec<(u32, &'a [u8])>,
    /// Commits that lie behind a frame that does not check: the engine would drop them without a word.
    pub(crate) dropped: usize,
}

fn u16_at(b: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(b.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(b.get(at..at + 4)?.try_into().ok()?))
}

/// SQLite's running checksum.
fn checksum(big: bool, bytes: &[u8], (mut a, mut b): (u32, u32)) -> (u32, u32) {
    let word = |w: &[u8]| {
        let w = [w[0], w[1], w[2], w[3]];
        if big { u32::from_be_bytes(w) } else { u32::from_le_bytes(w) }
    };
    for pair in bytes.chunks_exact(8) {
        a = a.wrapping_add(word(&pair[..4])).wrapping_add(b);
        b = b.wrapping_add(word(&pair[4..])).wrapping_add(a);
    }
    (a, b)
}

/// Bits of a salt that damage may have changed and it still tells its generation.
const SALT_BITS: u32 = 3;

/// Whether a frame is of the generation with these salts, though bits of one of its two be changed. Of another
/// generation the first is a number further or back, the second drawn anew.
fn is_of(frame: &[u8], salts: &[u8]) -> bool {
    let apart = |from: usize| {
        let pairs = frame[from..from + 4].iter().zip(&salts[from..from + 4]);
        pairs.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>()
    };
    apart(0) == 0 || apart(4) <= SALT_BITS
}

impl<'a> Wal<'a> {
    pub(crate) fn read(wal: &'a [u8]) -> Self {
        let frames: Vec<&[u8]> =
            wal.get(WAL_HEAD..).unwrap_or_default().chunks_exact(FRAME_HEAD + PAGE).collect();
        let Some(first) = frames.first() else { return Self::default() };
        let magic = u32_at(wal, 0);
        let big = magic == Some(0x377f_0683);
        let sum = checksum(big, &wal[..24], (0, 0));
        let head_is_sound = (big || magic == Some(0x377f_0682))
            && (Some(sum.0), Some(sum.1)) == (u32_at(wal, 24), u32_at(wal, 28));
        // A damaged header names no generation; the frames at the front are of the newest one.
        let salts = if head_is_sound { &wal[16..24] } else { &first[8..16] };
        let last = frames.iter().rposition(|f| is_of(&f[8..16], salts)).map_or(0, |n| n + 1);
        let (mut sum, mut sound, mut wal) = (sum, head_is_sound, Self::default());
        for frame in &frames[..last] {
            sum = checksum(big, &frame[..8], sum);
            sum = checksum(big, &frame[FRAME_HEAD..], sum);
            let checks = (Some(sum.0), Some(sum.1)) == (u32_at(frame, 16), u32_at(frame, 20));
            sound &= checks && &frame[8..16] == salts;
            let commits = u32_at(frame, 4) != Some(0);
            wal.dropped += usize::from(!sound && commits);
            wal.frames.push((u32_at(frame, 0).unwrap_or(0), &frame[FRAME_HEAD..]));
        }
        wal
    }
}

/// The rows of a file and its WAL, newest images first: of two rows with one key the first is the later one.
pub(crate) fn rows(db: &[u8], wal: &Wal<'_>) -> Vec<Found> {
    let mut images: BTreeMap<u32, Vec<&[u8]>> = BTreeMap::new();
    for (page, image) in wal.frames.iter().rev() {
        images.entry(*page).or_default().push(image);
    }
    for (page, image) in (1..).zip(db.chunks_exact(PAGE)) {
        images.entry(page).or_default().push(image);
    }
    let deepest = images.values().map(Vec::len).max().unwrap_or(0);
    let mut found = Vec::new();
    for depth in 0..deepest {
        let at = |page: u32| {
            let all = images.get(&page)?;
            all.get(depth).or(all.last()).copied()
        };
        for (page, all) in &images {
            if let Some(image) = all.get(depth) {
                leaf(*page, image, &at, &mut found);
            }
        }
    }
    found
}

/// The rows of one page, if it is one that holds any.
fn leaf<'a>(
    page: u32,
    image: &'a [u8],
    at: &dyn Fn(u32) -> Option<&'a [u8]>,
    found: &mut Vec<Found>,
) -> Option<()> {
    let head = if page == 1 { 100 } else { 0 };
    let kind = *image.get(head)?;
    let (pointers, has_rowid) = match kind {
        0x0d => (head + 8, true),
        // Without row numbers the table is an index, whose inner pages hold rows as well.
        0x0a => (head + 8, false),
        0x02 => (head + 12, false),
        _ => return None,
    };
    for n in 0..u16_at(image, head + 3)? {
        let Some(cell) = u16_at(image, pointers + 2 * n) else { break };
        let cell = if kind == 0x02 { cell + 4 } else { cell };
        found.extend(row(image, cell, has_rowid, at));
    }
    Some(())
}

fn row<'a>(
    image: &'a [u8],
    cell: usize,
    has_rowid: bool,
    at: &dyn Fn(u32) -> Option<&'a [u8]>,
) -> Option<Found> {
    let mut from = cell;
    let len = varint(image, &mut from)?;
    let rowid =
        if has_rowid { Some(i64::from_be_bytes(varint(image, &mut from)?.to_be_bytes())) } else { None };
    if len > ROW_MAX {
        return None;
    }
    let len = usize::try_from(len).ok()?;
    let most = if has_rowid { PAGE - 35 } else { (PAGE - 12) * 64 / 255 - 23 };
    let payload = if len <= most {
        image.get(from..from + len)?.to_vec()
    } else {
        let least = (PAGE - 12) * 32 / 255 - 23;
        let fit = least + (len - least) % (PAGE - 4);
        let local = if fit <= most { fit } else { least };
        let mut payload = image.get(from..from + local)?.to_vec();
        let mut next = u32_at(image, from + local)?;
        while payload.len() < len {
            let over = at(next)?;
            let take = (len - payload.len()).min(PAGE - 4);
            payload.extend(over.get(4..4 + take)?);
            next = u32_at(over, 0)?;
        }
        payload
    };
    Some(Found { rowid, values: record(&payload)? })
}

fn record(payload: &[u8]) -> Option<Vec<Cell>> {
    let mut at = 0;
    let head = usize::try_from(varint(payload, &mut at)?).ok()?;
    let (mut body, mut values) = (head, Vec::new());
    while at < head {
        let serial = varint(payload, &mut at)?;
        let len = match serial {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(serial).ok()?,
            5 => 6,
            6 | 7 => 8,
            n if (12..ROW_MAX * 2).contains(&n) => usize::try_from((n - 12) / 2).ok()?,
            _ => return None,
        };
        let bytes = payload.get(body..body.checked_add(len)?)?;
        body += len;
        values.push(match serial {
            0 => Cell::Null,
            7 => Cell::Real,
            8 => Cell::Int(0),
            9 => Cell::Int(1),
            n if n < 7 => Cell::Int(integer(bytes)),
            n if n % 2 == 0 => Cell::Blob(bytes.to_vec()),
            // Text that is none was hit.
            _ => std::str::from_utf8(bytes).map_or(Cell::Real, |t| Cell::Text(t.to_owned())),
        });
    }
    (at == head && body == payload.len()).then_some(values)
}

fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |n: i64, b| n.wrapping_shl(8) | i64::from(*b))
}

fn varint(b: &[u8], at: &mut usize) -> Option<u64> {
    let mut n = 0u64;
    for i in 0..9 {
        let byte = *b.get(*at)?;
        *at += 1;
        if i == 8 {
            return Some(n << 8 | u64::from(byte));
        }
        n = n << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Connection, params};

    fn texts(found: &[Found]) -> Vec<(i64, String)> {
        let pick = |f: &Found| Some((f.rowid?, f.values.get(1)?.text()?.to_owned()));
        let mut all: Vec<_> = found.iter().filter_map(pick).filter(|(_, t)| t.len() > 1).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Long rows lie on pages of their own, numbers of every width are read, and the WAL counts.
    #[test]
    fn every_row_that_the_engine_reads_is_found_in_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT, b ANY) STRICT;
             CREATE TABLE w (k TEXT PRIMARY KEY, v TEXT) STRICT, WITHOUT ROWID;",
        )
        .unwrap();
        let numbers = [0, 1, -1, 127, -129, 70_000, -9_000_000, 1 << 40, -(1 << 50), i64::MAX];
        let mut wanted = Vec::new();
        for n in 0..300i64 {
            let text = "井".repeat(usize::try_from(2 + n * 13 % 5_000).unwrap());
            let b = numbers[usize::try_from(n % 10).unwrap()];
            db.execute("INSERT INTO t VALUES (?1, ?2, ?3)", params![n, text, b]).unwrap();
            db.execute("INSERT INTO w VALUES (?1, ?2)", params![format!("k{n}"), text]).unwrap();
            wanted.push((n, text));
            if n == 150 {
                db.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").unwrap();
            }
        }
        let (file, wal) =
            (std::fs::read(&path).unwrap(), std::fs::read(dir.path().join("x.db-wal")).unwrap());
        let wal = Wal::read(&wal);
        assert_eq!(wal.dropped, 0);
        let found = rows(&file, &wal);
        assert_eq!(texts(&found), wanted);
        let mut ints: Vec<_> = found.iter().filter_map(|f| f.values.get(2)?.int()).collect();
        ints.sort_unstable();
        ints.dedup();
        assert!(numbers.iter().all(|n| ints.contains(n)), "{ints:?}");
        let keyed = found.iter().filter(|f| f.rowid.is_none() && f.values.len() == 2);
        let mut keys: Vec<_> = keyed.filter_map(|f| f.values[0].text()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 300);
    }

    #[test]
    fn a_commit_behind_a_damaged_frame_is_noticed_and_a_torn_end_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT);")
            .unwrap();
        for n in 0..5 {
            db.execute("INSERT INTO t VALUES (?1, ?2)", params![n, format!("第 {n} 个")]).unwrap();
        }
        let whole = std::fs::read(dir.path().join("x.db-wal")).unwrap();
        assert_eq!(Wal::read(&whole).dropped, 0);
        for flipped in [3, 20, WAL_HEAD + 9, WAL_HEAD + FRAME_HEAD + 200] {
            let mut bytes = whole.clone();
            bytes[flipped] ^= 0x40;
            let wal = Wal::read(&bytes);
            assert!(wal.dropped > 0, "byte {flipped}");
            assert_eq!(texts(&rows(&[], &wal)).len(), 5, "byte {flipped}");
        }
        let torn = &whole[..whole.len() - 100];
        assert_eq!(Wal::read(torn).dropped, 0, "half a frame at the end is a crash, not damage");
        let mut last = whole.clone();
        let at = last.len() - 100;
        last[at] ^= 1;
        assert_eq!(Wal::read(&last).dropped, 1, "a commit that does not check any more");
        for salt in [8, 11, 12, 15] {
            let mut last = whole.clone();
            let at = last.len() - FRAME_HEAD - PAGE + salt;
            last[at] ^= 0x20;
            let wal = Wal::read(&last);
            assert_eq!(wal.dropped, 1, "the last frame's salt, byte {salt}");
            assert_eq!(texts(&rows(&[], &wal)).len(), 5, "the last frame's salt, byte {salt}");
        }
    }

    #[test]
    fn noise_gives_no_rows_and_no_panic() {
        let mut state = 7u64;
        for _ in 0..300 {
            let noise: Vec<u8> = (0..PAGE * 2)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    u8::try_from(state >> 56).unwrap()
                })
                .collect();
            for kind in [0x0d, 0x0a, 0x02] {
                let mut page = noise.clone();
                page[PAGE] = kind;
                rows(&page, &Wal::read(&noise));
            }
        }
    }
}
