//! A connection: its transaction, its prepared statements, and what became of both.

use super::error::{Then, from_connecting, from_postgres, then};
use super::hand::{Hand, Held, Rows};
use super::part::Part;
use super::{PgOptions, codec};
use crate::{Result, Row, Stmt, StoreError, Value, dialect};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, SimpleQueryMessage, Statement};
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Sets that one statement takes: enough that its round trip is a small part, few enough to be held twice.
const SETS_MAX: usize = 2_000;
/// Sets from which on rows are copied in: that takes a second round trip and another thread, and what it saves is by the row.
const COPY_MIN: usize = 64;
/// Rows of a large result that are held at once.
const FETCH: usize = 1_000;

/// How a statement is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Once,
    Batch,
    Copy,
    Held,
    Cursor,
}

/// See the module text.
pub(crate) struct PgConn {
    client: RefCell<Held>,
    /// Who has the client while rows are copied in.
    hand: RefCell<Option<Hand>>,
    statements: RefCell<HashMap<(&'static str, Form), Statement>>,
    open: Cell<bool>,
    failed: Cell<bool>,
    lost: Cell<bool>,
    again: Cell<bool>,
    telling: Cell<bool>,
    /// The server said that a commit is on one machine only.
    alone: Arc<AtomicBool>,
}

impl PgConn {
    pub(super) fn open(options: &PgOptions) -> Result<Self> {
        let alone = Arc::new(AtomicBool::new(false));
        let mut config = options.config().clone();
        let heard = alone.clone();
        config.notice_callback(move |notice| {
            // "The transaction has already committed locally, but might not have been replicated to the standby."
            if notice.detail().is_some_and(|detail| detail.contains("committed locally")) {
                heard.store(true, SeqCst);
            }
            tracing::warn!(code = notice.code().code(), "the database says: {}", notice.message());
        });
        let mut client = options.connect_as(&config).map_err(|e| from_connecting(&e))?;
        client.batch_execute(&options.session()).map_err(|e| from_connecting(&e))?;
        Ok(Self {
            client: RefCell::new(Held::new(client)),
            hand: RefCell::default(),
            statements: RefCell::default(),
            open: Cell::new(false),
            failed: Cell::new(false),
            lost: Cell::new(false),
            again: Cell::new(false),
            telling: Cell::new(false),
            alone,
        })
    }

    pub(super) fn begin(&self, sql: &str) -> Result<()> {
        for flag in [&self.failed, &self.again, &self.telling] {
            flag.set(false);
        }
        self.alone.store(false, SeqCst);
        self.open.set(true);
        let done = self.client()?.batch_execute(sql);
        done.map_err(|e| self.note(&e))
    }

    /// Commits durably.
    pub(super) fn commit(&self) -> Result<()> {
        if self.failed.get() {
            // The server would answer "rolled back" and no error.
            self.roll_back();
            return Err(StoreError::Sql("a statement of this transaction had failed".into()));
        }
        let tell = if self.telling.get() { dialect::NOTIFY } else { "" };
        let commit =
            |mut client: RefMut<'_, Held>| client.batch_execute(&format!("{tell}; {}", dialect::COMMIT));
        let done = match self.client() {
            Ok(client) => commit(client),
            // Rows on their way in were refused.
            Err(error) => {
                self.roll_back();
                return Err(error);
            }
        };
        match done {
            Ok(()) if self.alone.load(SeqCst) => {
                self.open.set(false);
                Err(StoreError::Io("committed on one machine only: it is not acknowledged".into()))
            }
            Ok(()) => {
                self.open.set(false);
                Ok(())
            }
            Err(error) => {
                let told = self.note(&error);
                if self.lost.get() {
                    // Nobody knows whether it is there: it is not run again, whoever sent it does.
                    self.again.set(false);
                }
                self.roll_back();
                Err(told)
            }
        }
    }

    /// Ends the transaction, if one is open, without a trace.
    pub(super) fn roll_back(&self) {
        if !self.open.replace(false) || self.lost.get() {
            return;
        }
        if self.client.try_borrow_mut().is_err() {
            // A panic in the middle of a statement.
            self.lost.set(true);
            return;
        }
        // What was being copied in is not wanted any more, whatever became of it.
        let _ = self.bring_back();
        if self.lost.get() || self.client.borrow_mut().batch_execute("ROLLBACK").is_err() {
            self.lost.set(true);
        }
    }

    /// Whether it can be used by the next.
    pub(super) fn is_sound(&self) -> bool {
        !self.lost.get() && !self.open.get()
    }

    /// Whether what failed may be run again, on this or another connection: nothing of it was committed.
    pub(super) fn may_run_again(&self) -> bool {
        self.again.get()
    }

    /// The client, when whatever is copied in has been taken.
    fn client(&self) -> Result<RefMut<'_, Held>> {
        self.bring_back()?;
        Ok(self.client.borrow_mut())
    }

    /// Waits for the client, if it is away. A failure of what was copied in is that of whoever asks next; the client is here
    /// then, too, unless it is lost.
    fn bring_back(&self) -> Result<()> {
        let mut held = self.client.borrow_mut();
        if held.is_here() {
            return Ok(());
        }
        let back = self.hand.borrow().as_ref().map(Hand::give_back);
        let Some(Ok((client, taken))) = back else {
            return Err(self.note_lost("the connection went with the thread that had it"));
        };
        *held = Held::new(client);
        taken.map_err(|untaken| match untaken {
            Some(error) => self.note(&error),
            None => self.note_lost("the connection broke while rows were sent"),
        })
    }

    fn note_lost(&self, what: &str) -> StoreError {
        for flag in [&self.failed, &self.lost, &self.again] {
            flag.set(true);
        }
        StoreError::Io(what.to_owned())
    }

    fn note(&self, error: &postgres::Error) -> StoreError {
        self.failed.set(true);
        match then(error) {
            Then::Again => self.again.set(true),
            Then::Lost => {
                self.lost.set(true);
                self.again.set(true);
            }
            Then::Fails => {}
        }
        from_postgres(error)
    }

    /// Other servers are told when this is committed.
    pub(crate) fn tell(&self) {
        self.telling.set(true);
    }

    /// One row of text values, outside of any transaction.
    pub(super) fn ask(&self, sql: &str) -> Result<Vec<Option<String>>> {
        let answer = self.client()?.simple_query(sql).map_err(|e| self.note(&e))?;
        let row =
            answer.iter().find_map(|m| if let SimpleQueryMessage::Row(row) = m { Some(row) } else { None });
        Ok(row.map_or_else(Vec::new, |row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()))
    }

    /// Makes the turn of a city, unless it is there.
    pub(super) fn add_turn(&self, city: &str) -> Result<()> {
        self.client()?.execute(dialect::TURN_ADD, &[&city]).map(drop).map_err(|e| self.note(&e))
    }

    /// Runs what is no transaction.
    pub(super) fn command(&self, sql: &str) -> Result<()> {
        self.client()?.batch_execute(sql).map_err(|e| self.note(&e))
    }

    fn prepared(&self, stmt: &Stmt, form: Form) -> Result<Statement> {
        let key = (stmt.name(), form);
        if let Some(found) = self.statements.borrow().get(&key) {
            return Ok(found.clone());
        }
        let text = match form {
            Form::Once => stmt.written().to_owned(),
            Form::Copy => dialect::copy(stmt.written())
                .ok_or_else(|| StoreError::Sql(format!("{} does more than add rows", stmt.name())))?,
            Form::Cursor => format!("DECLARE large NO SCROLL CURSOR FOR {}", stmt.written()),
            Form::Batch | Form::Held => {
                let once = self.prepared(stmt, Form::Once)?;
                let types: Vec<String> = once.params().iter().map(|t| t.name().to_owned()).collect();
                dialect::batch(stmt.written(), &types, form == Form::Held)
                    .ok_or_else(|| StoreError::Sql(format!("{} is no statement for a batch", stmt.name())))?
            }
        };
        let made = self.client()?.prepare(&text).map_err(|e| self.note(&e))?;
        self.statements.borrow_mut().insert(key, made.clone());
        Ok(made)
    }

    #[cfg(test)]
    pub(crate) fn understands(&self, stmt: &Stmt) -> Result<()> {
        self.prepared(stmt, Form::Once).map(drop)
    }

    fn rows(&self, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let mut client = self.client()?;
        let run = |client: &mut Client| {
            let mut found = client.query_raw(statement, params.iter().copied())?;
            let mut out = Vec::new();
            while let Some(row) = found.next()? {
                out.push(codec::row(&row)?);
            }
            Ok(out)
        };
        run(&mut client).map_err(|e| self.note(&e))
    }

    pub(crate) fn query(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<Row>> {
        let statement = self.prepared(stmt, Form::Once)?;
        self.rows(&statement, &refs(params))
    }

    pub(crate) fn exec(&self, stmt: &Stmt, params: &[Value<'_>]) -> Result<usize> {
        let statement = self.prepared(stmt, Form::Once)?;
        let done = self.client()?.execute(&statement, &refs(params));
        let changed = done.map_err(|e| self.note(&e))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// A result that its statement limits is held whole; any other comes in parts, so that the closure may ask for
    /// more and memory stays small.
    pub(crate) fn each(
        &self,
        stmt: &Stmt,
        params: &[Value<'_>],
        mut f: impl FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        if stmt.written().contains("LIMIT $") {
            return self.query(stmt, params)?.into_iter().try_for_each(f);
        }
        // Its types are those of the statement itself: a declaration says nothing of them.
        let declared = self.prepared(stmt, Form::Cursor)?;
        let opened = self.client()?.execute(&declared, &refs(params));
        opened.map_err(|e| self.note(&e))?;
        let fetch = format!("FETCH {FETCH} FROM large");
        let fetched = self.client()?.prepare(&fetch).map_err(|e| self.note(&e))?;
        let result = loop {
            let rows = self.rows(&fetched, &[])?;
            let last = rows.len() < FETCH;
            if let Err(error) = rows.into_iter().try_for_each(&mut f) {
                break Err(error);
            }
            if last {
                break Ok(());
            }
        };
        self.client()?.batch_execute("CLOSE large").map_err(|e| self.note(&e))?;
        result
    }

    pub(crate) fn query_many<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = [Value<'v>; N]>,
        held: bool,
    ) -> Result<Vec<Row>> {
        let mut out = Vec::new();
        let form = if held { Form::Held } else { Form::Batch };
        self.in_parts(sets.into_iter().map(Ok), |part| {
            // A single one needs no array, unless it is to be held.
            let statement = self.prepared(stmt, if part.single() && !held { Form::Once } else { form })?;
            out.append(&mut self.rows(&statement, &part.params(held))?);
            Ok(())
        })?;
        Ok(out)
    }

    pub(crate) fn exec_each<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl IntoIterator<Item = Result<[Value<'v>; N]>>,
    ) -> Result<usize> {
        let mut sets = sets.into_iter();
        if dialect::copy(stmt.written()).is_none() {
            return self.exec_parts(stmt, sets);
        }
        let first: Vec<[Value<'v>; N]> = sets.by_ref().take(COPY_MIN).collect::<Result<_>>()?;
        if first.len() < COPY_MIN {
            return self.exec_parts(stmt, first.into_iter().map(Ok));
        }
        self.copy(stmt, first.into_iter().map(Ok).chain(sets))
    }

    fn exec_parts<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl Iterator<Item = Result<[Value<'v>; N]>>,
    ) -> Result<usize> {
        let mut changed = 0;
        self.in_parts(sets, |part| {
            let statement = self.prepared(stmt, if part.single() { Form::Once } else { Form::Batch })?;
            let done = self.client()?.execute(&statement, &part.params(false));
            changed += done.map_err(|e| self.note(&e))?;
            Ok(())
        })?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Adds rows by COPY. They are sent by another thread while the caller goes on.
    fn copy<'v, const N: usize>(
        &self,
        stmt: &Stmt,
        sets: impl Iterator<Item = Result<[Value<'v>; N]>>,
    ) -> Result<usize> {
        let (once, copy) = (self.prepared(stmt, Form::Once)?, self.prepared(stmt, Form::Copy)?);
        let mut hand = self.hand.borrow_mut();
        let hand = match &mut *hand {
            Some(hand) => hand,
            none => none.insert(Hand::new().map_err(|e| StoreError::Io(e.to_string()))?),
        };
        if let Some(client) = self.client.borrow_mut().lend() {
            hand.take(client)?;
        }
        hand.begin(&copy)?;
        let (mut rows, mut count) = (Rows::new(), 0);
        let made = sets.into_iter().try_for_each(|set| {
            rows.push(&set?, once.params())?;
            count += 1;
            rows.part().map_or(Ok(()), |part| hand.part(part))
        });
        // Some rows are there and others not: nothing of it may be committed.
        self.failed.set(self.failed.get() || made.is_err());
        hand.end(rows)?;
        made.map(|()| count)
    }

    fn in_parts<'v, const N: usize>(
        &self,
        sets: impl Iterator<Item = Result<[Value<'v>; N]>>,
        mut f: impl FnMut(&Part<'v>) -> Result<()>,
    ) -> Result<()> {
        let mut part = Part::new(N);
        for set in sets {
            part.push(set?)?;
            if part.len() == SETS_MAX {
                f(&part)?;
                part = Part::new(N);
            }
        }
        if part.len() > 0 { f(&part) } else { Ok(()) }
    }
}

fn refs<'a>(params: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|v| v as &(dyn ToSql + Sync)).collect()
}
