//! Pages of a pull under way, kept with the cursor so that a cut first sync goes on where it was.

use crate::error::ClientError;
use rusqlite::Connection;

/// Keeps a page; returns nothing, the cursor is written by the caller in the same transaction.
pub(crate) fn append(db: &Connection, page: &str) -> Result<(), ClientError> {
    db.prepare_cached("INSERT INTO staged_pages (page) VALUES (?1)")?.execute([page])?;
    Ok(())
}

/// The numbers of the staged pages, in order; pages are read one at a time.
pub(crate) fn numbers(db: &Connection) -> Result<Vec<i64>, ClientError> {
    let mut query = db.prepare_cached("SELECT n FROM staged_pages ORDER BY n")?;
    let rows = query.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn page(db: &Connection, n: i64) -> Result<String, ClientError> {
    Ok(db.prepare_cached("SELECT page FROM staged_pages WHERE n = ?1")?.query_row([n], |r| r.get(0))?)
}

pub(crate) fn clear(db: &Connection) -> Result<(), ClientError> {
    db.prepare_cached("DELETE FROM staged_pages")?.execute([])?;
    Ok(())
}
