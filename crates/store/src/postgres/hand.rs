//! A connection lent to a thread of its own that copies rows in, while the writer goes on deciding: what is only added needs no
//! answer before the next question. An error of it is that of the next question, or of the commit.

use crate::{Result, StoreError, Value};
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type};
use postgres::{Client, Statement};
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of rows that are sent while the next are made.
const PART: usize = 64 * 1024;

/// A client that may be let go of anywhere. Closing waits for the server, which the threads of an async runtime must not.
pub(super) struct Held(Option<Client>);

impl Held {
    pub(super) fn new(client: Client) -> Self {
        Self(Some(client))
    }
    pub(super) fn is_here(&self) -> bool {
        self.0.is_some()
    }
    /// Nothing when it is away already.
    pub(super) fn lend(&mut self) -> Option<Client> {
        self.0.take()
    }
}

impl Deref for Held {
    type Target = Client;
    fn deref(&self) -> &Client {
        // Lent for rows alone, and brought back before anything else is asked.
        self.0.as_ref().expect("a client that is held is there")
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Client {
        self.0.as_mut().expect("a client that is held is there")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(client) = self.0.take() else { return };
        // Without a thread it is closed here.
        let _ = std::thread::Builder::new().name("pg-close".into()).spawn(move || drop(client));
    }
}

/// Rows in the binary format of COPY.
pub(super) struct Rows {
    bytes: BytesMut,
}

impl Rows {
    pub(super) fn new() -> Self {
        let mut bytes = BytesMut::with_capacity(PART + PART / 4);
        // Signature, flags, length of what more there is in the head: PostgreSQL's documentation of COPY, "Binary Format".
        bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes }
    }

    pub(super) fn push(&mut self, values: &[Value<'_>], types: &[Type]) -> Result<()> {
        let odd = |e: &dyn std::fmt::Display| StoreError::Sql(format!("a row to copy: {e}"));
        let count = i16::try_from(values.len()).map_err(|e| odd(&e))?;
        self.bytes.extend_from_slice(&count.to_be_bytes());
        for (value, ty) in values.iter().zip(types) {
            let at = self.bytes.len();
            self.bytes.extend_from_slice(&[0; 4]);
            let length = match value.to_sql(ty, &mut self.bytes).map_err(|e| odd(&e))? {
                IsNull::Yes => -1,
                IsNull::No => i32::try_from(self.bytes.len() - at - 4).map_err(|e| odd(&e))?,
            };
            if let Some(place) = self.bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(())
    }

    /// What has been made so far, when that is enough to be sent.
    pub(super) fn part(&mut self) -> Option<BytesMut> {
        (self.bytes.len() >= PART)
            .then(|| std::mem::replace(&mut self.bytes, BytesMut::with_capacity(PART + PART / 4)))
    }

    pub(super) fn end(mut self) -> BytesMut {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.bytes
    }
}

enum Job {
    Take(Box<Client>),
    Begin(Statement),
    Part(BytesMut),
    End(BytesMut),
    GiveBack,
}

/// Why rows were not taken: the database's words, or none when the connection broke on the way.
pub(super) type Untaken = Option<postgres::Error>;
type Back = (Client, std::result::Result<(), Untaken>);

/// The thread, for as long as its connection lives.
pub(super) struct Hand {
    jobs: Sender<Job>,
    back: Receiver<Back>,
}

impl Hand {
    pub(super) fn new() -> std::io::Result<Self> {
        let (jobs, todo) = channel();
        let (give, back) = channel();
        std::thread::Builder::new().name("pg-copy".into()).spawn(move || work(&todo, &give))?;
        Ok(Self { jobs, back })
    }

    pub(super) fn take(&self, client: Client) -> Result<()> {
        self.jobs.send(Job::Take(Box::new(client))).map_err(|_| ended())
    }

    /// Begins to copy rows: parts follow, and an end.
    pub(super) fn begin(&self, statement: &Statement) -> Result<()> {
        self.jobs.send(Job::Begin(statement.clone())).map_err(|_| ended())
    }

    pub(super) fn part(&self, bytes: BytesMut) -> Result<()> {
        self.jobs.send(Job::Part(bytes)).map_err(|_| ended())
    }

    pub(super) fn end(&self, rows: Rows) -> Result<()> {
        self.jobs.send(Job::End(rows.end())).map_err(|_| ended())
    }

    /// The connection, when all was sent and taken, and what the first failure said.
    pub(super) fn give_back(&self) -> Result<Back> {
        self.jobs.send(Job::GiveBack).map_err(|_| ended())?;
        self.back.recv().map_err(|_| ended())
    }
}

fn ended() -> StoreError {
    StoreError::Io("the thread that copies rows has ended".into())
}

fn work(todo: &Receiver<Job>, give: &Sender<Back>) {
    let (mut held, mut failed, mut next) = (None, None, None);
    while let Some(job) = next.take().or_else(|| todo.recv().ok()) {
        match (job, held.as_mut()) {
            (Job::Take(client), _) => held = Some(client),
            // After a failure the transaction takes in nothing more.
            (Job::Begin(statement), Some(client)) if failed.is_none() => {
                let (taken, rest) = copy(client, &statement, todo);
                (failed, next) = (taken.err(), rest);
            }
            (Job::Begin(_) | Job::Part(_) | Job::End(_), _) => {}
            (Job::GiveBack, _) => {
                let Some(client) = held.take() else { return };
                if give.send((*client, failed.take().map_or(Ok(()), Err))).is_err() {
                    return;
                }
            }
        }
    }
}

/// Copies rows to their end; what came in the place of an end is left to be done.
fn copy(
    client: &mut Client,
    statement: &Statement,
    todo: &Receiver<Job>,
) -> (std::result::Result<(), Untaken>, Option<Job>) {
    let mut writer = match client.copy_in(statement) {
        Ok(writer) => writer,
        Err(error) => return (Err(Some(error)), None),
    };
    let mut sent = Ok(());
    loop {
        let (bytes, last) = match todo.recv() {
            Ok(Job::Part(bytes)) => (bytes, false),
            Ok(Job::End(bytes)) => (bytes, true),
            // Whoever made the rows stopped in the middle: what was sent is taken back with the transaction.
            other => return (Err(None), other.ok()),
        };
        sent = sent.and_then(|()| writer.write_all(&bytes));
        if last {
            break;
        }
    }
    // A row that is refused is told of here, not while rows are sent.
    let taken = writer.finish().map_err(Some);
    (taken.and_then(|_| sent.map_err(|_| None)), None)
}
