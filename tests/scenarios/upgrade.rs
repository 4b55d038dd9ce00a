//! Every version opens, accepts and answers what earlier ones left: golden data folders of server and phone, op payloads
//! of schema 1. And an older program refuses what a newer one wrote, without touching it.

use crate::killed::blindspot;
use crate::trust_town::Town;
use crate::upgrade_made::{Net, exchange, is, make, ops_of};
use blindspot_client::{CaseFilter, Phone, Replica, open_native};
use blindspot_core::access::Role;
use blindspot_core::verdict::{Cause, Verdict};
use blindspot_core::{CaseId, OpId};
use blindspot_server::service::{Credential, pull};
use blindspot_store::{Options, Store, feed, quarantine};
use blindspot_testkit::server::SimServer;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const DATABASES: [&str; 2] = ["server/blindspot.db", "phone/p1/replica.db"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/upgrade")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, into) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &into);
        } else if path.extension().is_some_and(|e| e == "zst") {
            let bytes = zstd::decode_all(std::fs::File::open(&path).expect("a file")).expect("zstd");
            std::fs::write(into.with_extension(""), bytes).expect("written");
        } else {
            std::fs::copy(&path, into).expect("copied");
        }
    }
}

/// Golden files, unpacked.
struct Golden {
    dir: tempfile::TempDir,
    story: Value,
}

impl Golden {
    fn of(from: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        copy(from, dir.path());
        let text = std::fs::read_to_string(dir.path().join("story.json")).expect("a story");
        Self { story: serde_json::from_str(&text).expect("JSON"), dir }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.dir.path().join(part)
    }

    fn db(&self, n: usize) -> Connection {
        Connection::open(self.path(DATABASES[n])).expect("a database")
    }

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, place: &str) -> T {
        self.story.pointer(place).and_then(Value::as_str).expect(place).parse().expect("an id")
    }

    fn cases(&self, place: &str) -> BTreeSet<CaseId> {
        let list = self.story.pointer(place).and_then(Value::as_array).expect(place).clone();
        list.into_iter().map(|id| serde_json::from_value(id).expect("an id")).collect()
    }
}

/// All golden files, oldest first, and what this version would leave.
fn all() -> Vec<(String, Golden)> {
    let fresh = tempfile::tempdir().expect("a folder");
    make(fresh.path());
    if let Ok(name) = std::env::var("BLINDSPOT_GOLDEN") {
        let to = fixtures().join(name);
        assert!(!to.exists(), "golden files are made once, by the version that they are named after");
        leave(fresh.path(), &to);
    }
    let mut all: Vec<_> = released().iter().map(|p| (p.display().to_string(), Golden::of(p))).collect();
    all.push(("this version's".into(), Golden::of(fresh.path())));
    all
}

/// The folders of golden files, oldest first.
fn released() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(fixtures()).expect("golden files").map(|e| e.expect("an entry").path());
    let mut found: Vec<_> = entries.filter(|p| p.join("story.json").is_file()).collect();
    assert!(!found.is_empty(), "golden files");
    found.sort();
    found
}

/// Leaves golden files as they are checked in: databases compacted, then compressed.
fn leave(made: &Path, to: &Path) {
    copy(made, to);
    for name in DATABASES {
        let (db, small) = (to.join(name), to.join("small.db"));
        let conn = Connection::open(&db).expect("a database");
        conn.execute("VACUUM INTO ?1", [small.to_str().expect("a path")]).expect("copied");
        drop(conn);
        let packed = zstd::encode_all(std::fs::File::open(&small).expect("a file"), 19).expect("zstd");
        std::fs::write(db.with_extension("db.zst"), packed).expect("written");
        for gone in [small, db.with_extension("db-wal"), db.with_extension("db-shm"), db] {
            let _ = std::fs::remove_file(gone);
        }
    }
}

/// What an upgrade must not change, as text, in the columns that an older database has.
const KEPT: [&str; 11] = [
    "ops",
    "rows",
    "quarantine",
    "waiting",
    "feed_heads",
    "persons",
    "grants",
    "devices",
    "uploads",
    "audit",
    "erased",
];

fn columns(db: &Connection, table: &str) -> Vec<String> {
    let mut query = db.prepare("SELECT name FROM pragma_table_info(?1)").expect("a query");
    let names = query.query_map([table], |r| r.get(0)).expect("columns");
    names.collect::<Result<_, _>>().expect("columns")
}

fn dump(db: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Cell>> {
    let list = columns.join(", ");
    let mut query = db.prepare(&format!("SELECT {list} FROM {table} ORDER BY {list}")).expect("a query");
    let row = |r: &rusqlite::Row<'_>| (0..columns.len()).map(|n| r.get(n)).collect();
    query.query_map([], row).expect("rows").collect::<Result<_, _>>().expect("rows")
}

/// Items of feeds, however they are kept: until 0013 a row each, since then in runs.
fn items(db: &Connection) -> Vec<Vec<Cell>> {
    let single = !columns(db, "feed_items").is_empty();
    let ask = if single {
        "SELECT city_id, feed_n, seq, kind, id, gone FROM feed_items ORDER BY 1, 2, 3"
    } else {
        "SELECT r.city_id, r.feed_n, i.value ->> 0, i.value ->> 1, i.value ->> 2, i.value ->> 3 \
         FROM feed_runs r, json_each(r.items) i ORDER BY 1, 2, 3"
    };
    let mut query = db.prepare(ask).expect("a query");
    let row = |r: &rusqlite::Row<'_>| (0..6).map(|n| r.get(n)).collect();
    query.query_map([], row).expect("rows").collect::<Result<_, _>>().expect("rows")
}

fn run(words: &[&str]) -> Output {
    Command::new(blindspot()).args(words).output().expect("runs")
}

/// The server's database is migrated; what it held is what it holds, and it verifies.
fn opens(golden: &Golden) {
    let before = golden.db(0);
    let old: Vec<_> = KEPT.iter().map(|t| (*t, columns(&before, t))).collect();
    let was: Vec<_> = old.iter().map(|(table, columns)| dump(&before, table, columns)).collect();
    for (table, rows) in KEPT.iter().zip(&was) {
        assert!(*table == "erased" || !rows.is_empty(), "the story leaves rows in {table}");
    }
    let items_were = items(&before);
    assert!(!items_were.is_empty(), "the story leaves items in feeds");
    drop(before);
    drop(Store::open(&golden.path(DATABASES[0]), Options::default()).expect("opened and migrated"));
    let after = golden.db(0);
    for ((table, columns), was) in old.iter().zip(&was) {
        assert_eq!(&dump(&after, table, columns), was, "{table}");
    }
    assert_eq!(items(&after), items_were, "items of feeds");
    drop(after);
    let data = golden.path("server");
    for what in ["digests", "audit", "blobs"] {
        let out = run(&["verify", what, "--data", data.to_str().expect("a path"), "--json"]);
        assert!(out.status.success(), "verify {what}: {}", String::from_utf8_lossy(&out.stdout));
    }
}

/// Server and phone go on where they were.
fn goes_on(golden: &Golden) {
    let now_ms = golden.story["now_ms"].as_i64().expect("a time");
    let mut town = Town::on(SimServer::saved(&golden.path("server"), 77, now_ms), now_ms);
    knows_what_it_had(golden, &mut town);
    let credential = Credential { person: golden.id("/person"), device: golden.id("/device"), desk: false };
    // The same phone, opened by another version of the app.
    let db = golden.db(1);
    db.execute("UPDATE meta SET value = 'another', sha256 = NULL WHERE key = 'app'", []).expect("written");
    let mut query =
        db.prepare("SELECT op_id, body FROM outbox WHERE state <> 1 ORDER BY n").expect("a query");
    let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).expect("rows");
    let waiting: Vec<(String, String)> = rows.collect::<Result<_, _>>().expect("ops");
    drop(query);
    drop(db);
    let phone = Phone::open(golden.path("phone")).expect("a phone");
    let mut app = phone.open_current().expect("an older database is opened");
    let status = app.status().expect("a status");
    assert_eq!((status.unsent.captures, status.unsendable), (1, 0), "what was refused is tried again");
    let mut cases = golden.cases("/cases");
    cases.extend(golden.cases("/phone/cases"));
    assert!(shown(&app).is_superset(&cases), "the screen shows what it showed");
    let raw: CaseId = golden.id("/phone/capture");
    assert!(app.captures().expect("captures").iter().any(|c| c.case_id == raw && !c.sealed));
    cases.insert(raw);
    // Sent before anything is fetched, which would bring the answer that was lost.
    let said = exchange(&mut town, &mut app, |r| if is(r, "/pull") { Net::Lost } else { Net::Passes });
    let sent: Vec<_> = said.iter().filter(|(r, _)| is(r, "/push")).flat_map(|(r, _)| ops_of(r)).collect();
    for (id, body) in &waiting {
        assert_eq!(sent.iter().filter(|b| *b == body).count(), 1, "{id} goes verbatim, once");
        assert!(town.op(id.parse().expect("an id")).verdict.is_final(), "{id}");
    }
    fetches_only_what_is_new(golden, &mut town, &mut app);
    assert!(app.unsent().expect("counts").is_empty(), "{:?}", app.unsent());
    assert_eq!(town.op(golden.id("/phone/tray")).verdict, Verdict::Applied);
    assert_eq!(town.op(golden.id("/phone/held")).verdict, Verdict::Applied, "its predecessor came");
    let first: Vec<CaseId> = serde_json::from_value(golden.story["cases"].clone()).expect("ids");
    let lost = town.op(golden.id("/phone/lost"));
    assert_eq!((lost.verdict, &lost.landed[..]), (Verdict::Applied, &first[..1]));
    let comments = town.case(first[0]).comments;
    assert_eq!(comments.len(), 1, "sent by two versions, applied once");
    assert!(app.uploads().expect("uploads").iter().all(|u| u.verified && !u.lost));
    assert!(shown(&app).is_superset(&cases));
    agree(&town, &app, credential);
}

fn shown(app: &Replica) -> BTreeSet<CaseId> {
    app.cases(CaseFilter::default()).expect("cases").iter().map(|c| c.file.id()).collect()
}

/// Ops that the server had are answered as they were; one that was held is decided when what it waits for comes.
fn knows_what_it_had(golden: &Golden, town: &mut Town) {
    let li =
        Credential { person: golden.id("/aside/person"), device: golden.id("/aside/device"), desk: false };
    let mut query = golden.db(0);
    let tx = query.transaction().expect("a read");
    let mut known = tx
        .prepare("SELECT o.body, o.verdict, o.device_id, o.author FROM ops o JOIN devices d ON d.city_id = o.city_id AND d.device_id = o.device_id WHERE d.desk = 0 AND o.final = 1")
        .expect("a query");
    let rows = known
        .query_map([], |r| {
            Ok((
                r.get::<_, String>(0)?,
                r.get::<_, String>(1)?,
                r.get::<_, [u8; 16]>(2)?,
                r.get::<_, [u8; 16]>(3)?,
            ))
        })
        .expect("rows");
    let mut asked = 0;
    for row in rows {
        let (body, verdict, device, author) = row.expect("an op");
        let verdict: Verdict = serde_json::from_str(&verdict).expect("a verdict");
        let sender = Credential { device: device_id(device), person: person_id(author), desk: false };
        let answer = town.push_as(sender, &[body]).remove(0);
        assert!(answer.seen_before, "{answer:?}");
        assert_eq!(answer.verdict, verdict);
        asked += 1;
    }
    assert!(asked >= 4, "{asked} ops are known");
    let house = town.server.house();
    let kept = house.store.read(|tx| quarantine::load_quarantine(tx, &house.city, None, None, 100));
    let kept: BTreeMap<OpId, Cause> =
        kept.expect("quarantine").into_iter().map(|k| (k.op_id, k.cause)).collect();
    for aside in golden.story["aside"]["aside"].as_array().expect("a list") {
        let op: OpId = serde_json::from_value(aside["op_id"].clone()).expect("an id");
        let was: Verdict = serde_json::from_value(aside["verdict"].clone()).expect("a verdict");
        let Verdict::Quarantined { cause, .. } = was else { panic!("{was:?}") };
        // One that waits for a version is decided again after an upgrade, and may be right by then.
        assert!(cause == Cause::UnknownKind || kept.get(&op) == Some(&cause), "{op} {cause:?}: {kept:?}");
    }
    let held: OpId = golden.id("/aside/held");
    assert!(matches!(town.op(held).verdict, Verdict::Held { .. }));
    let first = golden.story["aside"]["first"].as_str().expect("a body").to_owned();
    assert_eq!(town.push_as(li, &[first]).remove(0).verdict, Verdict::Applied);
    assert_eq!(town.op(held).verdict, Verdict::Applied, "decided once what it waited for came");
}

fn device_id(bytes: [u8; 16]) -> blindspot_core::DeviceId {
    blindspot_core::DeviceId::from_bytes(bytes)
}

fn person_id(bytes: [u8; 16]) -> blindspot_core::PersonId {
    blindspot_core::PersonId::from_bytes(bytes)
}

/// The stored cursor still counts: nothing comes that did not change since.
fn fetches_only_what_is_new(golden: &Golden, town: &mut Town, app: &mut Replica) {
    let said = exchange(town, app, |_| Net::Passes);
    let pages: Vec<_> = said.iter().filter(|(r, _)| is(r, "/pull")).collect();
    assert!(!pages.is_empty());
    let unchanged: Vec<Value> = golden.story["cases"].as_array().expect("cases")[1..].to_vec();
    let lost: OpId = golden.id("/phone/lost");
    let mut came = String::new();
    for (_, page) in pages {
        assert_eq!(page.status, 200);
        came += std::str::from_utf8(&page.body).expect("JSON");
    }
    for case in unchanged {
        assert!(!came.contains(case.as_str().expect("an id")), "{case} did not change and comes again");
    }
    assert!(came.contains(&lost.to_string()), "what changed comes");
}

/// Phone and server hold the same rows.
fn agree(town: &Town, app: &Replica, credential: Credential) {
    let house = town.server.house();
    let scope = pull::scope(house, credential, town.now_ms).expect("a scope");
    let heads = house.store.read(|tx| feed::load_heads(tx, &house.city, &scope)).expect("heads");
    let mine = app.digests().expect("digests");
    for name in &scope {
        let theirs = heads.get(name).map(|h| h.digest).unwrap_or_default();
        assert_eq!(mine.get(name).copied().unwrap_or_default(), theirs, "{name}");
    }
}

/// This version opens what every released one left, migrates it, keeps all of it and goes on: sent ops are known, held
/// ones are decided, the phone's cursor counts, its unsent ops go byte for byte, one that was under way goes once.
#[test]
fn shown_trust_upgrade() {
    for (name, golden) in all() {
        println!("{name}");
        let copied = Golden::of(golden.dir.path());
        opens(&copied);
        goes_on(&golden);
    }
}

/// Payloads of schema 1 of every kind, as phones out there make them, are read by the server: whatever becomes of them,
/// none is put aside as one that this version does not understand.
#[test]
fn ops_of_schema_1_of_every_kind_are_still_understood() {
    let text = std::fs::read_to_string(fixtures().join("v1/vectors/ops.json")).expect("frozen vectors");
    let vectors: Value = serde_json::from_str(&text).expect("JSON");
    let mut town = Town::new();
    let roles = [Role::Collector, Role::Inspector, Role::FilingDesk, Role::Dispatcher, Role::Supervisor];
    let phone = town.phone("w", &roles.map(|r| (r, "city")));
    for vector in vectors["ops"].as_array().expect("ops") {
        let mut op: Value = serde_json::from_str(vector["body"].as_str().expect("a body")).expect("JSON");
        assert_eq!(op["schema"], 1);
        op["device_id"] = serde_json::to_value(phone.credential().device).expect("JSON");
        op.as_object_mut().expect("an op").remove("depends_on");
        let verdict = phone.push_beside(&mut town, &[op.to_string()]).remove(0).verdict;
        // One that names another case waits for it, once its payload is read.
        let waits = matches!(verdict, Verdict::Held { .. });
        assert!(!waits || vector["kind"] == "merge", "{}: {verdict:?}", vector["kind"]);
        if let Verdict::Quarantined { cause, .. } = &verdict {
            assert_eq!(*cause, Cause::NoRights, "{}: {verdict:?}", vector["kind"]);
        }
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(files(&path));
        } else if path.file_name().is_some_and(|n| n != "lock") {
            out.insert(path.clone(), std::fs::read(&path).expect("a file"));
        }
    }
    out
}

/// Makes a database one of the next version.
fn age(db: &Connection) {
    let known: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0)).expect("a version");
    db.execute_batch("CREATE TABLE of_a_later_version (n INTEGER NOT NULL) STRICT").expect("a table");
    db.pragma_update(None, "user_version", known + 1).expect("set");
}

fn refused(words: &[&str], says: [&str; 2], folder: &Path) {
    let before = files(folder);
    let out = run(words);
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{words:?}: {error}");
    for text in says {
        assert!(error.contains(text), "{words:?}: {error}");
    }
    assert!(before == files(folder), "{words:?} touched a file");
}

/// A program that is older than the data says so in both languages, says what to do, ends, and leaves every byte.
#[test]
fn shown_trust_downgrade() {
    let newest = released().pop().expect("golden files");
    let golden = Golden::of(&newest);
    let (server, phone) = (golden.path("server"), golden.path("phone"));
    drop(Store::open(&server.join("blindspot.db"), Options::default()).expect("migrated"));
    age(&golden.db(0));
    let data = server.to_str().expect("a path");
    let says = ["请启动更新的程序", "start the newer program"];
    refused(&["serve", "--data", data, "--listen", "127.0.0.1:0"], says, &server);
    refused(&["verify", "audit", "--data", data], says, &server);
    drop(open_native(&phone.join("p1")).expect("migrated"));
    age(&golden.db(1));
    let home = phone.to_str().expect("a path");
    refused(&["phone", "--home", home, "status"], ["请升级应用", "upgrade"], &phone);
    refused(&["phone", "--home", home, "sync", "--for", "1"], ["请升级应用", "upgrade"], &phone);
}
