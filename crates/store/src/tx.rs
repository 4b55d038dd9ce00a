//! A transaction: query, exec, batches. Rolled back when dropped without commit.
//!
//! Which engine runs a statement is decided here, once a statement; no type of an engine goes further up.

use crate::fault::Faults;
#[cfg(feature = "postgres")]
use crate::postgres::PgConn;
use crate::{Result, Row, Stmt, Value, sqlite_run};

/// A transaction on one connection.
pub struct Tx<'c> {
    pub(crate) conn: Conn<'c>,
    pub(crate) faults: &'c Faults,
}

/// The connection that it runs on.
#[derive(Clone, Copy)]
pub(crate) enum Conn<'c> {
    Sqlite(&'c rusqlite::Connection),
    #[cfg(feature = "postgres")]
    Postgres(&'c PgConn),
}

impl Tx<'_> {
    /// Whether other servers may work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self.conn {
            Conn::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Conn::Postgres(_) => true,
        }
    }

    /// Other servers look when this is committed.
    pub(crate) fn notify(&self) {
        match self.conn {
            Conn::Sqlite(_) => {}
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.tell(),
        }
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<Row>> {
        self.faults.judge()?;
        match self.conn {
            Conn::Sqlite(conn) => {
                let mut out = Vec::new();
                sqlite_run::each(conn, stmt, params, |row| {
                    out.push(row);
                    Ok(())
                })?;
                Ok(out)
            }
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.query(stmt, params),
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query_one(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Option<Row>> {
        Ok(self.query(stmt, params)?.into_iter().next())
    }

    /// All rows of a query run for many sets of values, in the order of the sets: the way to load a batch by key.
    /// All sets are of one city.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query_many<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<Vec<Row>> {
        self.faults.judge()?;
        match self.conn {
            Conn::Sqlite(conn) => sqlite_run::query_many(conn, stmt, sets),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.query_many(stmt, sets, false),
        }
    }

    /// As `query_many`, and holds what it found until the transaction ends, where others could change it.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query_many_held<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<Vec<Row>> {
        self.faults.judge()?;
        match self.conn {
            // The one writer holds all of it already.
            Conn::Sqlite(conn) => sqlite_run::query_many(conn, stmt, sets),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.query_many(stmt, sets, true),
        }
    }

    /// Each row of a query in turn, for results too large to hold.
    ///
    /// # Errors
    /// When the engine or the closure refuses.
    pub fn each(&self, stmt: &Stmt, params: &[Value<'_>], f: impl FnMut(Row) -> Result<()>) -> Result<()> {
        self.faults.judge()?;
        match self.conn {
            Conn::Sqlite(conn) => sqlite_run::each(conn, stmt, params, f),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.each(stmt, params, f),
        }
    }

    /// Runs a statement; gives the number of rows it changed.
    ///
    /// # Errors
    /// `Duplicate` for a unique key that is there already; else when the engine refuses. On PostgreSQL nothing more
    /// can be done in the transaction after an error.
    pub fn exec(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<usize> {
        self.faults.judge()?;
        match self.conn {
            Conn::Sqlite(conn) => sqlite_run::exec(conn, stmt, params),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.exec(stmt, params),
        }
    }

    /// Runs a statement for many sets of values of one city: prepared once, or as one statement for all.
    /// No two sets may change the same row.
    ///
    /// # Errors
    /// As `exec`, at the first set refused.
    pub fn exec_many<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<usize> {
        self.exec_each(stmt, sets.into_iter().map(Ok))
    }

    /// As `exec_many`, for sets that are made one by one while they are written, and may fail to be.
    /// Collecting a push's sets first costs their memory, and the allocator a tidy-up when it is freed.
    ///
    /// # Errors
    /// As `exec_many`, and the first set's that failed.
    pub fn exec_each<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = Result<[Value<'v>; N]>>,
    ) -> Result<usize> {
        self.faults.judge()?;
        match self.conn {
            Conn::Sqlite(conn) => sqlite_run::exec_each(conn, stmt, sets),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.exec_each(stmt, sets),
        }
    }

    /// SQLite's own connection, for tests that look behind the port.
    #[cfg(test)]
    pub(crate) fn sqlite(&self) -> &rusqlite::Connection {
        match self.conn {
            Conn::Sqlite(conn) => conn,
            #[cfg(feature = "postgres")]
            Conn::Postgres(_) => panic!("this is PostgreSQL"),
        }
    }

    /// Whether the engine reads a statement.
    #[cfg(test)]
    pub(crate) fn understands(&self, stmt: &Stmt) -> Result<()> {
        match self.conn {
            Conn::Sqlite(conn) => conn.prepare(stmt.sql()).map(drop).map_err(crate::sqlite::from_rusqlite),
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => conn.understands(stmt),
        }
    }
}
