//! Reading a whole table in order, and writing one with COPY: for moving house.

use super::error::{from_connecting, from_postgres};
use super::{PgOptions, codec};
use crate::dialect::{self, Moving};
use crate::{Result, Value};
use blindspot_core::id::CityId;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, Statement};

/// Rows of one COPY, each a commit: so much is done again at most after a cut.
const COPY_ROWS: usize = 5_000;
const FETCH: &str = "FETCH 2000 FROM moving";

fn connect(options: &PgOptions) -> Result<Client> {
    let mut client = options.connect().map_err(|e| from_connecting(&e))?;
    client.batch_execute(&options.session()).map_err(|e| from_connecting(&e))?;
    // A cursor lies open while the other side is read.
    client.batch_execute("SET idle_in_transaction_session_timeout = 0").map_err(|e| from_connecting(&e))?;
    Ok(client)
}

/// All rows of a city in a table, in order of its key, on one snapshot.
pub(crate) struct PgReader {
    client: Client,
    rows: std::vec::IntoIter<Vec<Value<'static>>>,
    over: bool,
}

impl PgReader {
    pub(crate) fn open(options: &PgOptions, table: &Moving, city: &CityId) -> Result<Self> {
        let mut client = connect(options)?;
        let declare = format!("DECLARE moving NO SCROLL CURSOR FOR {}", table.select());
        let begun = client.batch_execute(dialect::BEGIN_READ);
        let opened = begun.and_then(|()| client.execute(&declare, &[&city.as_str()]));
        opened.map_err(|e| from_postgres(&e))?;
        Ok(Self { client, rows: Vec::new().into_iter(), over: false })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Vec<Value<'static>>>> {
        if self.rows.len() == 0 && !self.over {
            let found = self.client.query(FETCH, &[]).map_err(|e| from_postgres(&e))?;
            self.over = found.is_empty();
            let rows =
                found.iter().map(|row| codec::row(row).map(|row| row.0)).collect::<Result<Vec<_>, _>>();
            self.rows = rows.map_err(|e| from_postgres(&e))?.into_iter();
        }
        Ok(self.rows.next())
    }
}

/// Adds and removes rows of a table. Those to remove go before those that are added in the same part.
pub(crate) struct PgWriter {
    client: Client,
    copy_in: String,
    delete: Statement,
    types: Vec<Type>,
    removed: usize,
    added: Vec<Vec<Value<'static>>>,
}

impl PgWriter {
    pub(crate) fn open(options: &PgOptions, table: &Moving) -> Result<Self> {
        let mut client = connect(options)?;
        let mut prepare = |text: &str| client.prepare(text).map_err(|e| from_postgres(&e));
        let types = prepare(&table.nothing())?.columns().iter().map(|c| c.type_().clone()).collect();
        let delete = prepare(&table.delete())?;
        let mut writer =
            Self { client, copy_in: table.copy_in(), delete, types, removed: 0, added: Vec::new() };
        writer.run("BEGIN")?;
        Ok(writer)
    }

    fn run(&mut self, text: &str) -> Result<()> {
        self.client.batch_execute(text).map_err(|e| from_postgres(&e))
    }

    pub(crate) fn remove(&mut self, key: &[Value<'static>]) -> Result<()> {
        let params: Vec<&(dyn ToSql + Sync)> = key.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.client.execute(&self.delete, &params).map_err(|e| from_postgres(&e))?;
        self.removed += 1;
        Ok(())
    }

    pub(crate) fn add(&mut self, row: Vec<Value<'static>>) -> Result<()> {
        self.added.push(row);
        if self.added.len() == COPY_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.added);
        if !rows.is_empty() {
            let mut copy = || -> Result<(), postgres::Error> {
                let sink = self.client.copy_in(&self.copy_in)?;
                let mut writer = BinaryCopyInWriter::new(sink, &self.types);
                for row in &rows {
                    let values: Vec<&(dyn ToSql + Sync)> =
                        row.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
                    writer.write(&values)?;
                }
                writer.finish().map(drop)
            };
            copy().map_err(|e| from_postgres(&e))?;
        }
        self.run("COMMIT; BEGIN")
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.run("COMMIT")
    }
}
