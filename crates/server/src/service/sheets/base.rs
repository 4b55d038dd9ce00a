//! What a 整改清单 went out from travels in it, on a sheet that nobody sees: lines in blocks, packed, each block with the
//! server's MAC, so that the file needs no row in the database and a changed one is refused.

use crate::service::{House, ServiceError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blindspot_core::error::SHEET_BASE;
use blindspot_core::sheet::Base;
use serde::{Deserialize, Serialize};
use std::io::Read as _;

/// The name of the sheet.
pub(super) const SHEET: &str = "_base";
const PURPOSE: &str = "base of a rectification list";
/// Lines of a block: enough that packing pays, few enough for a row of cells.
const LINES: usize = 50;
/// Characters of a cell; Excel holds 32,767.
const PIECE: usize = 30_000;
/// Most bytes of an unpacked block.
const UNPACKED_MAX: u64 = 8 << 20;

/// Some lines as they went out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Block {
    /// Names the export.
    pub(super) export: String,
    /// When it was made, server time.
    pub(super) at_ms: i64,
    /// The lines.
    pub(super) lines: Vec<Base>,
}

/// Blocks in the making.
pub(super) struct Blocks<'h> {
    house: &'h House,
    now: Block,
    done: Vec<Vec<String>>,
}

impl<'h> Blocks<'h> {
    pub(super) fn new(house: &'h House, export: String, at_ms: i64) -> Self {
        Self { house, now: Block { export, at_ms, lines: vec![] }, done: vec![] }
    }

    pub(super) fn add(&mut self, line: Base) -> Result<(), ServiceError> {
        self.now.lines.push(line);
        if self.now.lines.len() >= LINES { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), ServiceError> {
        self.done.push(seal(self.house, &self.now)?);
        self.now.lines.clear();
        Ok(())
    }

    /// Rows of cells; one at least, so that an empty list is known again, too.
    pub(super) fn finish(mut self) -> Result<Vec<Vec<String>>, ServiceError> {
        if !self.now.lines.is_empty() || self.done.is_empty() {
            self.close()?;
        }
        Ok(self.done)
    }
}

fn seal(house: &House, block: &Block) -> Result<Vec<String>, ServiceError> {
    let packed = zstd::stream::encode_all(serde_json::to_vec(block)?.as_slice(), 3)?;
    let text = URL_SAFE_NO_PAD.encode(&packed);
    let text = format!("{text}.{}", URL_SAFE_NO_PAD.encode(house.keys.mac(PURPOSE, &packed)));
    // Letters and digits alone: every byte is a character.
    Ok(text.as_bytes().chunks(PIECE).map(|p| String::from_utf8_lossy(p).into_owned()).collect())
}

/// Reads the blocks of a file; they are of one export.
///
/// # Errors
/// `SHEET_BASE`.
pub(super) fn open(house: &House, rows: &[Vec<String>]) -> Result<Block, ServiceError> {
    let broken = || ServiceError::refused(&SHEET_BASE);
    let mut whole: Option<Block> = None;
    for row in rows.iter().filter(|row| row.iter().any(|cell| !cell.is_empty())) {
        let block = unseal(house, &row.concat()).ok_or_else(broken)?;
        match &mut whole {
            None => whole = Some(block),
            Some(sum) if sum.export == block.export => sum.lines.extend(block.lines),
            Some(_) => return Err(broken()),
        }
    }
    whole.ok_or_else(broken)
}

fn unseal(house: &House, text: &str) -> Option<Block> {
    let (packed, mac) = text.split_once('.')?;
    let (packed, mac) = (URL_SAFE_NO_PAD.decode(packed).ok()?, URL_SAFE_NO_PAD.decode(mac).ok()?);
    if !house.keys.mac_matches(PURPOSE, &packed, &mac) {
        return None;
    }
    let mut plain = vec![];
    let unpacked = zstd::stream::read::Decoder::new(packed.as_slice()).ok()?;
    unpacked.take(UNPACKED_MAX).read_to_end(&mut plain).ok()?;
    serde_json::from_slice(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::{T0, case, house};
    use std::collections::BTreeMap;

    #[test]
    fn blocks_come_back_whole_and_a_changed_one_does_not() {
        let house = house();
        let mut blocks = Blocks::new(&house, "e".into(), T0);
        let line = |n: u32| Base {
            case_id: case(n),
            cells: vec![format!("{n}"), "一二三".repeat(2_000)],
            raw: BTreeMap::new(),
        };
        for n in 0..120 {
            blocks.add(line(n)).expect("added");
        }
        let rows = blocks.finish().expect("sealed");
        assert_eq!(rows.len(), 3);
        let block = open(&house, &rows).expect("opened");
        assert_eq!((block.export.as_str(), block.at_ms, block.lines.len()), ("e", T0, 120));
        assert_eq!(block.lines[119], line(119));
        let mut changed = rows.clone();
        let first = changed[1][0].remove(3);
        changed[1][0].insert(3, if first == 'A' { 'B' } else { 'A' });
        assert!(open(&house, &changed).is_err());
        assert!(open(&house, &[]).is_err());
        let other = Blocks::new(&house, "f".into(), T0).finish().expect("sealed");
        let mixed: Vec<_> = rows.into_iter().chain(other).collect();
        assert!(open(&house, &mixed).is_err(), "two exports in one file");
    }
}
