//! A transaction: query, exec, exec_many, savepoint. Rolled back when dropped without commit.

use crate::fault::Faults;
use crate::sqlite::{from_rusqlite, to_value};
use crate::{Result, Row, Stmt, Value};
use rusqlite::types::ToSqlOutput;

/// A transaction on one connection.
pub struct Tx<'c> {
    pub(crate) conn: &'c rusqlite::Connection,
    pub(crate) faults: &'c Faults,
}

struct Bound<'b, 'v>(&'b Value<'v>);

impl rusqlite::ToSql for Bound<'_, '_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::ValueRef;
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(v) => ValueRef::Integer(*v),
            Value::Real(v) => ValueRef::Real(*v),
            Value::Text(v) => ValueRef::Text(v.as_bytes()),
            Value::Blob(v) => ValueRef::Blob(v),
            Value::Id(v) => ValueRef::Blob(v),
            Value::Hash(v) => ValueRef::Blob(v),
        }))
    }
}

impl Tx<'_> {
    /// All rows of a query.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<Row>> {
        let mut out = Vec::new();
        self.each(stmt, params, |row| {
            out.push(row);
            Ok(())
        })?;
        Ok(out)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query_one(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Option<Row>> {
        Ok(self.query(stmt, params)?.into_iter().next())
    }

    /// All rows of a query run for many sets of values, prepared once: the way to load a batch by key.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn query_many<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<Vec<Row>> {
        self.faults.judge()?;
        let mut prepared = self.conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
        let columns = prepared.column_count();
        let mut out = Vec::new();
        for set in sets {
            let mut rows =
                prepared.query(rusqlite::params_from_iter(set.iter().map(Bound))).map_err(from_rusqlite)?;
            while let Some(row) = rows.next().map_err(from_rusqlite)? {
                let values = (0..columns)
                    .map(|i| row.get_ref(i).map(to_value).map_err(from_rusqlite))
                    .collect::<Result<Vec<_>>>()?;
                out.push(Row(values));
            }
        }
        Ok(out)
    }

    /// Each row of a query in turn, for results too large to hold.
    ///
    /// # Errors
    /// When the engine or the closure refuses.
    pub fn each(
        &self,
        stmt: &Stmt,
        params: &[Value<'_>],
        mut f: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        self.faults.judge()?;
        let mut prepared = self.conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
        let columns = prepared.column_count();
        let mut rows =
            prepared.query(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(from_rusqlite)?;
        while let Some(row) = rows.next().map_err(from_rusqlite)? {
            let values = (0..columns)
                .map(|i| row.get_ref(i).map(to_value).map_err(from_rusqlite))
                .collect::<Result<Vec<_>>>()?;
            f(Row(values))?;
        }
        Ok(())
    }

    /// Runs a statement; gives the number of rows it changed.
    ///
    /// # Errors
    /// `Duplicate` for a unique key that is there already; else when the engine refuses.
    pub fn exec(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<usize> {
        self.faults.judge()?;
        let mut prepared = self.conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
        prepared.execute(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(from_rusqlite)
    }

    /// Runs a statement for many sets of values, prepared once.
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
        let mut prepared = self.conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
        let mut changed = 0;
        for set in sets {
            let set = set?;
            changed +=
                prepared.execute(rusqlite::params_from_iter(set.iter().map(Bound))).map_err(from_rusqlite)?;
        }
        Ok(changed)
    }

    /// Runs a closure whose `Err` undoes only what it wrote itself.
    ///
    /// # Errors
    /// The closure's, after its own writes are undone; or the engine's.
    pub fn savepoint<T, E: From<crate::StoreError>>(
        &self,
        f: impl FnOnce(&Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let run = |sql: &str| self.conn.execute_batch(sql).map_err(|e| E::from(from_rusqlite(e)));
        run("SAVEPOINT part")?;
        match f(self) {
            Ok(value) => {
                run("RELEASE part")?;
                Ok(value)
            }
            Err(error) => {
                run("ROLLBACK TO part; RELEASE part")?;
                Err(error)
            }
        }
    }
}
