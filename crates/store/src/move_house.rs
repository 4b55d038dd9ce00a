//! Moving house: all rows of a SQLite database, which is one city's, into a PostgreSQL one, as often as needed until they are equal.
//! Other cities that live there are neither read nor touched.
//!
//! A round reads both in order of the key and brings over what is missing or differs, so that one that was cut off is
//! gone on with by the next, and a second round after a first has little to do. `compare` then reads both again.
//! Must not know who holds the folder.

use crate::dialect::{self, Moving};
use crate::postgres::{PgOptions, PgReader, PgWriter};
use crate::sqlite::{from_rusqlite, prepare, to_value};
use crate::{Result, StoreError, Value, migrate};
use blindspot_core::id::{CityId, Sha256};
use rusqlite::{Connection, OpenFlags};
use std::cmp::Ordering;
use std::path::Path;

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Rows that were read from the file.
    pub rows_read: u64,
    /// Rows that were brought over.
    pub rows_copied: u64,
    /// Rows that were there and are not in the file any more.
    pub rows_removed: u64,
}

/// A table as both databases have it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    /// Its name.
    pub table: String,
    /// Rows of the city in the file, and on the server.
    pub rows: [u64; 2],
    /// Whether both hold the same rows, by a digest over all values in order of the key.
    pub equal: bool,
}

/// The two databases.
pub struct Move {
    from: Connection,
    to: PgOptions,
    city: CityId,
    tables: Vec<Moving>,
}

impl Move {
    /// Opens both; the server's is made when it is new.
    ///
    /// # Errors
    /// `Version` when the file is not of this program's schema, or not of one city; else the engines'.
    pub fn open(from: &Path, to: PgOptions) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let from = Connection::open_with_flags(from, flags).map_err(from_rusqlite)?;
        prepare(&from)?;
        let version: i64 =
            from.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(from_rusqlite)?;
        if version != migrate::newest() {
            return Err(StoreError::Version(format!(
                "数据文件的结构是 {version}，要先用本程序启动一次（{}）/ the file has schema {version}: start this program on it \
                 once first, for {}",
                migrate::newest(),
                migrate::newest()
            )));
        }
        let (tables, city) = (tables(&from)?, only_city(&from)?);
        // Makes the schema there.
        drop(crate::Store::connect(to.clone())?);
        Ok(Self { from, to, city, tables })
    }

    /// Whether the server's database has no city of this id, or this very one.
    ///
    /// # Errors
    /// The engines'.
    pub fn is_ours(&self) -> Result<bool> {
        let Some(table) = self.tables.iter().find(|t| t.table == "cities") else { return Ok(false) };
        let mine = self.digest_here(table)?;
        let theirs = self.digest_there(table)?;
        Ok(theirs.0 == 0 || theirs == mine)
    }

    /// How many tables there are.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// One round over all tables. `progress` is told each table and the rows read of it.
    ///
    /// # Errors
    /// The engines'; what was brought over stays.
    pub fn round(&self, progress: &mut dyn FnMut(&str, u64)) -> Result<Round> {
        let mut sum = Round::default();
        // One snapshot of the file for all tables: rows of one commit come together.
        let snapshot = self.from.unchecked_transaction().map_err(from_rusqlite)?;
        for table in &self.tables {
            let part = self.bring(table)?;
            progress(&table.table, part.rows_read);
            sum.rows_read += part.rows_read;
            sum.rows_copied += part.rows_copied;
            sum.rows_removed += part.rows_removed;
        }
        snapshot.commit().map_err(from_rusqlite)?;
        Ok(sum)
    }

    fn bring(&self, table: &Moving) -> Result<Round> {
        let mut done = Round::default();
        let mut there = PgReader::open(&self.to, table, &self.city)?;
        let mut writer = PgWriter::open(&self.to, table)?;
        let mut next = there.next()?;
        let width = table.keys.len();
        // Keys come first in both: see `tables`.
        self.each_here(table, |row| {
            done.rows_read += 1;
            while let Some(other) = &next {
                match order(&other[..width], &row[..width]) {
                    Ordering::Less => {
                        done.rows_removed += 1;
                        writer.remove(&other[..width])?;
                        next = there.next()?;
                    }
                    Ordering::Equal if *other == row => {
                        next = there.next()?;
                        return Ok(());
                    }
                    Ordering::Equal => {
                        writer.remove(&other[..width])?;
                        next = there.next()?;
                        break;
                    }
                    Ordering::Greater => break,
                }
            }
            done.rows_copied += 1;
            writer.add(row)
        })?;
        while let Some(other) = next {
            done.rows_removed += 1;
            writer.remove(&other[..width])?;
            next = there.next()?;
        }
        writer.finish()?;
        Ok(done)
    }

    /// Reads both databases whole and says of each table whether they are equal.
    ///
    /// # Errors
    /// The engines'.
    pub fn compare(&self) -> Result<Vec<Compared>> {
        let one = |table: &Moving| {
            let (here, there) = (self.digest_here(table)?, self.digest_there(table)?);
            Ok(Compared { table: table.table.clone(), rows: [here.0, there.0], equal: here == there })
        };
        self.tables.iter().map(one).collect()
    }

    fn each_here(&self, table: &Moving, mut f: impl FnMut(Vec<Value<'static>>) -> Result<()>) -> Result<()> {
        let mut all = self.from.prepare(&table.select()).map_err(from_rusqlite)?;
        let mut rows = all.query([self.city.as_str()]).map_err(from_rusqlite)?;
        while let Some(row) = rows.next().map_err(from_rusqlite)? {
            let value = |i| row.get_ref(i).map(to_value).map_err(from_rusqlite);
            f((0..table.columns.len()).map(value).collect::<Result<_>>()?)?;
        }
        Ok(())
    }

    fn digest_here(&self, table: &Moving) -> Result<(u64, Sha256)> {
        let mut digest = Digest::default();
        self.each_here(table, |row| {
            digest.add(&row);
            Ok(())
        })?;
        Ok(digest.end())
    }

    fn digest_there(&self, table: &Moving) -> Result<(u64, Sha256)> {
        let mut digest = Digest::default();
        let mut there = PgReader::open(&self.to, table, &self.city)?;
        while let Some(row) = there.next()? {
            digest.add(&row);
        }
        Ok(digest.end())
    }
}

/// Whose file it is.
fn only_city(from: &Connection) -> Result<CityId> {
    let mut all = from.prepare(dialect::CITIES).map_err(from_rusqlite)?;
    let ids =
        all.query_map([], |row| row.get::<_, String>(0)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match ids.map_err(from_rusqlite)?.as_slice() {
        [one] => Ok(CityId::from(one.as_str())),
        ids => Err(StoreError::Version(format!(
            "文件里应有一个城市，实际有 {} 个 / the file should hold one city; it holds {}",
            ids.len(),
            ids.len()
        ))),
    }
}

/// All tables, each with a column of the city; a table's key columns stand first.
fn tables(from: &Connection) -> Result<Vec<Moving>> {
    let mut named = from.prepare(dialect::TABLES).map_err(from_rusqlite)?;
    let names: Vec<String> =
        named.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(from_rusqlite)?;
    let mut out = Vec::new();
    for table in names {
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        from.pragma(None, "table_info", &table, |row| {
            let (name, key): (String, i64) = (row.get("name")?, row.get("pk")?);
            if key > 0 {
                keys.push((key, name))
            } else {
                rest.push(name)
            }
            Ok(())
        })
        .map_err(from_rusqlite)?;
        keys.sort();
        let keys: Vec<String> = keys.into_iter().map(|(_, name)| name).collect();
        let columns = keys.iter().cloned().chain(rest).collect();
        out.push(Moving { table, columns, keys });
    }
    Ok(out)
}

/// As both engines order keys: by value, texts and bytes by their bytes.
fn order(a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
    let one = |a: &Value<'_>, b: &Value<'_>| match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        _ => bytes(a).cmp(bytes(b)),
    };
    a.iter().zip(b).map(|(a, b)| one(a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

fn bytes<'a>(value: &'a Value<'_>) -> &'a [u8] {
    match value {
        Value::Text(v) => v.as_bytes(),
        Value::Blob(v) => v,
        Value::Id(v) => v,
        Value::Hash(v) => v,
        Value::Null | Value::Int(_) | Value::Real(_) => &[],
    }
}

/// Over rows in order.
#[derive(Default)]
struct Digest {
    rows: u64,
    hash: sha2::Sha256,
}

impl Digest {
    fn add(&mut self, row: &[Value<'_>]) {
        use sha2::Digest as _;
        self.rows += 1;
        for value in row {
            let (tag, number) = match value {
                Value::Null => (0_u8, 0),
                Value::Int(v) => (1, v.cast_unsigned()),
                Value::Real(v) => (2, v.to_bits()),
                Value::Text(v) => (3, v.len() as u64),
                // What the bytes are for is the column's matter, and not seen in the file.
                Value::Blob(_) | Value::Id(_) | Value::Hash(_) => (4, bytes(value).len() as u64),
            };
            self.hash.update([tag]);
            self.hash.update(number.to_be_bytes());
            self.hash.update(bytes(value));
        }
    }

    fn end(self) -> (u64, Sha256) {
        use sha2::Digest as _;
        (self.rows, Sha256(self.hash.finalize().into()))
    }
}
