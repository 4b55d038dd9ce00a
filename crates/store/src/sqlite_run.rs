//! Statements on SQLite: prepared once a connection, a batch by running it for each set.

use crate::sqlite::{from_rusqlite, to_value};
use crate::{Result, Row, Stmt, Value};
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

struct Bound<'b, 'v>(&'b Value<'v>);

impl rusqlite::ToSql for Bound<'_, '_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
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

fn read(row: &rusqlite::Row<'_>, columns: usize) -> Result<Row> {
    let value = |i| row.get_ref(i).map(to_value).map_err(from_rusqlite);
    (0..columns).map(value).collect::<Result<Vec<_>>>().map(Row)
}

pub(crate) fn query_many<'v, const N: usize>(
    conn: &Connection,
    stmt: &Stmt,
    sets: impl IntoIterator<Item = [Value<'v>; N]>,
) -> Result<Vec<Row>> {
    let mut prepared = conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
    let columns = prepared.column_count();
    let mut out = Vec::new();
    for set in sets {
        let mut rows =
            prepared.query(rusqlite::params_from_iter(set.iter().map(Bound))).map_err(from_rusqlite)?;
        while let Some(row) = rows.next().map_err(from_rusqlite)? {
            out.push(read(row, columns)?);
        }
    }
    Ok(out)
}

pub(crate) fn each(
    conn: &Connection,
    stmt: &Stmt,
    params: &[Value<'_>],
    mut f: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let mut prepared = conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
    let columns = prepared.column_count();
    let mut rows =
        prepared.query(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(from_rusqlite)?;
    while let Some(row) = rows.next().map_err(from_rusqlite)? {
        f(read(row, columns)?)?;
    }
    Ok(())
}

pub(crate) fn exec(conn: &Connection, stmt: &Stmt, params: &[Value<'_>]) -> Result<usize> {
    let mut prepared = conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
    prepared.execute(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(from_rusqlite)
}

pub(crate) fn exec_each<'v, const N: usize>(
    conn: &Connection,
    stmt: &Stmt,
    sets: impl IntoIterator<Item = Result<[Value<'v>; N]>>,
) -> Result<usize> {
    let mut prepared = conn.prepare_cached(stmt.sql()).map_err(from_rusqlite)?;
    let mut changed = 0;
    for set in sets {
        let set = set?;
        changed +=
            prepared.execute(rusqlite::params_from_iter(set.iter().map(Bound))).map_err(from_rusqlite)?;
    }
    Ok(changed)
}
