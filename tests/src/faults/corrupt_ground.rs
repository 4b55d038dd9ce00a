//! The ground of a damaged phone: work of every kind in a database whose WAL is left behind, bytes that are changed,
//! and which of the work no changed page ever held.

use super::ground::now_ms;
use super::phone::Seeded;
use blindspot_client::{Now, RawPhoto, ReportDraft, open_native};
use blindspot_core::command::{Command, Comment, Report};
use blindspot_sample::scene::{ExifSpec, SceneSpec, jpeg};
use blindspot_testkit::dice::Dice;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::fs;
use std::path::Path;

const DB: &str = "replica.db";
const WAL: &str = "replica.db-wal";
const PAGE: usize = 4096;
const WAL_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;

/// What a phone holds before the damage.
pub(super) struct Work {
    all: Whole,
    /// The database with its WAL copied back: which page holds what.
    pages: Vec<u8>,
    /// What the phone said of an earlier rescue.
    pub(super) recovered: Value,
}

/// Own work that must come through.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    /// Bytes of sealed ops.
    pub(super) bodies: BTreeSet<String>,
    /// Ids of the ops that unsealed captures will be.
    pub(super) captures: BTreeSet<String>,
    /// Photos; with their captures while they are not judged.
    pub(super) photos: BTreeSet<String>,
}

impl Work {
    /// Works on a replica and leaves its files as a battery that falls out does.
    pub(super) fn done(home: &Path, left: &Path, run: u64, dice: &mut Dice) -> Self {
        let mut random = Seeded::new(run * 7_919 + dice.below(1 << 20));
        let mut replica = open_native(home).expect("the replica opens");
        let recovered = serde_json::to_value(replica.recovered().expect("a word")).expect("JSON");
        let now = Now::wall(now_ms());
        let reports = 4 + dice.below(16);
        let copied_back = dice.below(reports);
        for n in 0..reports {
            let text = "积存垃圾。".repeat(1 + usize::try_from(dice.below(60)).unwrap_or(0));
            let report = Report { description: Some(format!("{run}/{n} {text}")), ..Report::default() };
            let draft =
                ReportDraft { report, photos: photos(run, n, n == 1 || n == 3), ..ReportDraft::default() };
            let saved = replica.capture_report(draft, &now, &mut random).expect("saved");
            let words = Command::Comment(Comment { text: format!("第 {n} 处，第 {run} 次") });
            replica.capture_op(saved.case_id.expect("a case"), words, &now, &mut random).expect("saved");
            if n == 2 {
                while !matches!(
                    replica.seal_next(&now, &mut random).expect("sealing goes on"),
                    blindspot_client::SealStep::Nothing
                ) {}
            }
            if n == copied_back {
                let db = Connection::open(home.join(DB)).expect("opens");
                db.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").expect("copied back");
            }
        }
        copy(home, left);
        drop(replica);
        // Closing copied the WAL back: these are the same pages, each once.
        let pages = fs::read(home.join(DB)).expect("a file");
        let all = Whole::of(&Connection::open(home.join(DB)).expect("opens"));
        fs::remove_dir_all(home).expect("removed");
        fs::rename(left, home).expect("as it was before closing");
        Self { all, pages, recovered }
    }

    /// The work none of whose pages is hit in any image of it.
    pub(super) fn untouched(&self, home: &Path, damage: &Damage) -> Whole {
        let hit = damage.pages_hit(&fs::read(home.join(WAL)).unwrap_or_default());
        let whole = |text: &String| {
            let pages = self.pages.chunks(PAGE).enumerate();
            let mut holders =
                pages.filter(|(_, p)| contains(p, text.as_bytes())).map(|(n, _)| n + 1).peekable();
            // One that lies across pages cannot be told; none of ours is so long.
            holders.peek().is_some() && holders.all(|n| !hit.contains(&n))
        };
        let of = |set: &BTreeSet<String>| set.iter().filter(|t| whole(t)).cloned().collect();
        // A photo belongs to its capture: only both of them say where it goes.
        let photos = self.all.photos.iter().filter(|p| {
            let (photo, capture) = p.split_once(' ').expect("two ids");
            whole(&photo.to_owned()) && whole(&capture.to_owned())
        });
        let photos = photos.map(|p| p[..36].to_owned()).collect();
        Whole { bodies: of(&self.all.bodies), captures: of(&self.all.captures), photos }
    }
}

impl Whole {
    fn of(db: &Connection) -> Self {
        let texts = |sql: &str| super::kill_phone::texts(db, sql);
        Self {
            bodies: texts("SELECT body FROM outbox"),
            captures: texts("SELECT op_id FROM captures WHERE state = 0 AND op_id IS NOT NULL"),
            photos: texts(
                "SELECT s.photo_id || ' ' || s.capture_id FROM shots s JOIN captures c USING (capture_id)
                 WHERE c.state = 0 OR s.photo_id IN (SELECT photo_id FROM uploads WHERE state = 0)",
            ),
        }
    }
}

fn photos(run: u64, nth: u64, any: bool) -> Vec<RawPhoto> {
    if !any {
        return vec![];
    }
    let bytes = jpeg(
        &SceneSpec::nth(run, u32::try_from(nth).unwrap_or(0)).sized(160, 120),
        &ExifSpec::phone("2026:04:12 08:03:11", None),
    );
    vec![RawPhoto { bytes, ..RawPhoto::default() }]
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    // The first bytes rule nearly every place out.
    bytes.windows(what.len()).any(|w| w[..4] == what[..4] && w == what)
}

/// A folder with all in it.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|e| e.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Bytes that will change: places with what is flipped there, or where a file ends.
#[derive(Debug)]
pub(super) struct Damage {
    kind: &'static str,
    file: &'static str,
    flips: Vec<(usize, u8)>,
    cut: Option<usize>,
}

impl Display for Damage {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}: flipped {:?}, cut at {:?}", self.kind, self.file, self.flips, self.cut)
    }
}

impl Damage {
    /// Each kind in turn.
    pub(super) fn draw(home: &Path, run: u64, dice: &mut Dice) -> Self {
        let size =
            |name: &str| fs::metadata(home.join(name)).map_or(0, |m| usize::try_from(m.len()).unwrap_or(0));
        let (db, wal) = (size(DB), size(WAL));
        let below = |dice: &mut Dice, n: usize| usize::try_from(dice.below(n.max(1) as u64)).unwrap_or(0);
        let flips = |dice: &mut Dice, most: u64, from: usize, to: usize| {
            let count = 1 + dice.below(most);
            (0..count).map(|_| (from + below(dice, to - from), 1u8 << dice.below(8))).collect::<Vec<_>>()
        };
        let damage = |kind, file, flips| Self { kind, file, flips, cut: None };
        match run % 6 {
            0 => damage("header", DB, flips(dice, 3, 0, 100)),
            1 => damage("pages", DB, flips(dice, 8, 100, db)),
            // The first pages hold the schema and the roots of all tables.
            2 => damage("roots", DB, flips(dice, 4, 100, db.min(24 * PAGE))),
            3 => damage("WAL", WAL, flips(dice, 3, 0, wal)),
            4 => Self { kind: "end", file: DB, flips: vec![], cut: Some(below(dice, db)) },
            _ => Self { kind: "end", file: WAL, flips: vec![], cut: Some(below(dice, wal)) },
        }
    }

    /// Changes the bytes.
    pub(super) fn strike(&self, home: &Path) {
        let path = home.join(self.file);
        let mut bytes = fs::read(&path).expect("the file");
        for (at, flip) in &self.flips {
            bytes[*at] ^= flip;
        }
        bytes.truncate(self.cut.unwrap_or(bytes.len()));
        fs::write(path, bytes).expect("written");
    }

    /// The numbers of the pages of which an image is hit. A header of the file belongs to no row.
    fn pages_hit(&self, wal: &[u8]) -> BTreeSet<usize> {
        let is_hit = |from: usize, to: usize| {
            self.flips.iter().any(|(at, _)| (from..to).contains(at)) || self.cut.is_some_and(|cut| cut < to)
        };
        if self.file == DB {
            let pages = (0..1 << 16).map(|n| (n + 1, if n == 0 { 100 } else { n * PAGE }, (n + 1) * PAGE));
            return pages.filter(|(_, from, to)| is_hit(*from, *to)).map(|(n, ..)| n).collect();
        }
        let frames = wal.get(WAL_HEAD..).unwrap_or_default().chunks_exact(FRAME_HEAD + PAGE).enumerate();
        let number = |frame: &[u8]| {
            usize::try_from(u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]])).unwrap_or(0)
        };
        let place = |n: usize| WAL_HEAD + n * (FRAME_HEAD + PAGE);
        let hit = frames.filter(|(n, _)| is_hit(place(*n), place(n + 1)));
        hit.map(|(_, frame)| number(frame)).collect()
    }
}
