//! Hotline tickets 热线工单 and, in rows of their own, who called. Knows no rights and no rule.

use crate::{Result, Row, Stmt, Tx};
use blindspot_core::CaseId;
use blindspot_core::id::CityId;

const SQL: &str = include_str!("../sql/hotline.sql");
static APPEND: Stmt = Stmt::new(SQL, "ticket_append");
static CALLER_SAVE: Stmt = Stmt::new(SQL, "caller_save");
static CALLER: Stmt = Stmt::new(SQL, "caller_load");
static CALLER_FORGET: Stmt = Stmt::new(SQL, "caller_forget");
static LOAD: Stmt = Stmt::new(SQL, "ticket_load");
static PAGE: Stmt = Stmt::new(SQL, "tickets_page");
static BEFORE: Stmt = Stmt::new(SQL, "calls_before");
static REPLY: Stmt = Stmt::new(SQL, "ticket_reply");
static CALLED: Stmt = Stmt::new(SQL, "ticket_called");

/// A ticket, without its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The platform's number 工单号.
    pub ticket_no: String,
    /// The case it opened.
    pub case_id: CaseId,
    /// Where, in words.
    pub place: String,
    /// What, in words.
    pub words: String,
    /// 保密
    pub confidential: bool,
    /// How often this caller has called about this place, this time included.
    pub nth: i64,
    /// When the platform wants its reply.
    pub reply_due_ms: Option<i64>,
    /// The reply.
    pub reply: Option<String>,
    /// When.
    pub replied_ms: Option<i64>,
    /// What the caller said of it.
    pub satisfied: Option<String>,
    /// When the caller was called back.
    pub called_ms: Option<i64>,
    /// Whether it was opened once more because the caller was not satisfied.
    pub reopened: bool,
    /// When it was entered.
    pub created_ms: i64,
}

fn ticket(row: &Row) -> Result<Ticket> {
    Ok(Ticket {
        ticket_no: row.text(0)?.to_owned(),
        case_id: CaseId::from_bytes(row.id(1)?),
        place: row.text(2)?.to_owned(),
        words: row.text(3)?.to_owned(),
        confidential: row.bool(4)?,
        nth: row.int(5)?,
        reply_due_ms: row.opt_int(6)?,
        reply: row.opt_text(7)?.map(str::to_owned),
        replied_ms: row.opt_int(8)?,
        satisfied: row.opt_text(9)?.map(str::to_owned),
        called_ms: row.opt_int(10)?,
        reopened: row.bool(11)?,
        created_ms: row.int(12)?,
    })
}

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As given.
    pub name: String,
    /// The number called from.
    pub phone: String,
}

/// Keeps a new ticket with its caller; false when the number is there already, and nothing is changed.
///
/// # Errors
/// When the engine refuses (as for all below).
pub fn append(tx: &Tx<'_>, city: &CityId, new: &Ticket, key: [u8; 32], caller: &Caller) -> Result<bool> {
    let set = [
        city.into(),
        new.ticket_no.as_str().into(),
        new.case_id.into(),
        key.into(),
        new.place.as_str().into(),
        new.words.as_str().into(),
        new.confidential.into(),
        new.nth.into(),
        new.reply_due_ms.into(),
        new.created_ms.into(),
    ];
    if tx.exec(&APPEND, &set)? == 0 {
        return Ok(false);
    }
    let no = new.ticket_no.as_str();
    tx.exec(
        &CALLER_SAVE,
        &[city.into(), no.into(), caller.name.as_str().into(), caller.phone.as_str().into()],
    )?;
    Ok(true)
}

/// How often somebody has called about a place so far.
///
/// # Errors
/// The engine's.
pub fn calls_before(tx: &Tx<'_>, city: &CityId, key: [u8; 32], place: &str) -> Result<i64> {
    tx.query_one(&BEFORE, &[city.into(), key.into(), place.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Who called, when that was kept.
///
/// # Errors
/// The engine's.
pub fn load_caller(tx: &Tx<'_>, city: &CityId, no: &str) -> Result<Option<Caller>> {
    let row = tx.query_one(&CALLER, &[city.into(), no.into()])?;
    row.map(|row| Ok(Caller { name: row.text(0)?.to_owned(), phone: row.text(1)?.to_owned() })).transpose()
}

/// Forgets who called; says whether anybody was known.
///
/// # Errors
/// The engine's.
pub fn forget_caller(tx: &Tx<'_>, city: &CityId, no: &str) -> Result<bool> {
    Ok(tx.exec(&CALLER_FORGET, &[city.into(), no.into()])? > 0)
}

/// A ticket by number.
///
/// # Errors
/// The engine's.
pub fn load(tx: &Tx<'_>, city: &CityId, no: &str) -> Result<Option<Ticket>> {
    tx.query_one(&LOAD, &[city.into(), no.into()])?.map(|row| ticket(&row)).transpose()
}

/// Tickets before a place in the list, the newest first.
///
/// # Errors
/// The engine's.
pub fn load_page(tx: &Tx<'_>, city: &CityId, before: Option<(i64, &str)>, most: i64) -> Result<Vec<Ticket>> {
    let (at_ms, no) = before.unwrap_or((i64::MAX, ""));
    tx.query(&PAGE, &[city.into(), at_ms.into(), no.into(), most.into()])?.iter().map(ticket).collect()
}

/// Writes the reply.
///
/// # Errors
/// The engine's.
pub fn save_reply(tx: &Tx<'_>, city: &CityId, no: &str, reply: &str, at_ms: i64) -> Result<()> {
    tx.exec(&REPLY, &[city.into(), no.into(), reply.into(), at_ms.into()]).map(drop)
}

/// Writes what a caller said when called back, and the case that stands for it since.
///
/// # Errors
/// The engine's.
pub fn save_called(
    tx: &Tx<'_>,
    city: &CityId,
    no: &str,
    satisfied: &str,
    at_ms: i64,
    reopened: bool,
    case: CaseId,
) -> Result<()> {
    let set = [city.into(), no.into(), satisfied.into(), at_ms.into(), reopened.into(), case.into()];
    tx.exec(&CALLED, &set).map(drop)
}
