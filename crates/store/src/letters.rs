//! Letters 文书 with numbers that run by kind and year without gaps. Whoever issues holds the turn to write, so that two
//! at once get two numbers. Knows no page.

use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::id::CityId;
use blindspot_core::letter::LetterKind;
use blindspot_core::{CaseId, PersonId, PhotoId};

const SQL: &str = include_str!("../sql/letters.sql");
static LAST_N: Stmt = Stmt::new(SQL, "letter_last_n");
static SAVE: Stmt = Stmt::new(SQL, "save");
static SAVE_CASE: Stmt = Stmt::new(SQL, "letter_save_case");
static ONE: Stmt = Stmt::new(SQL, "one");
static CASES_OF: Stmt = Stmt::new(SQL, "cases_of");
static PAGE: Stmt = Stmt::new(SQL, "page");
static VOID: Stmt = Stmt::new(SQL, "void");
static ERASE: Stmt = Stmt::new(SQL, "letter_erase");
static RECEIPT: Stmt = Stmt::new(SQL, "receipt");

/// A letter as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRecord {
    /// Its id.
    pub letter_id: [u8; 16],
    /// Its kind.
    pub kind: LetterKind,
    /// Year and count of its number.
    pub year: i64,
    /// See `year`.
    pub n: i64,
    /// The number as written on it.
    pub number: String,
    /// The unit it goes to; none for a shop or person.
    pub unit: Option<String>,
    /// To whom, as written on it.
    pub addressee: String,
    /// 抄送, JSON.
    pub copies: String,
    /// Words of its own.
    pub words: String,
    /// Until when.
    pub due_ms: Option<i64>,
    /// When issued, server time.
    pub issued_ms: i64,
    /// By whom.
    pub issued_by: PersonId,
    /// When, by whom and why it was voided.
    pub voided: Option<(i64, PersonId, String)>,
    /// The photographed receipt, and when it was attached.
    pub receipt: Option<(PhotoId, i64)>,
}

/// The last count of a kind in a year; 0 before the first.
///
/// # Errors
/// The engine's.
pub fn load_last_n(tx: &Tx<'_>, city: &CityId, kind: &LetterKind, year: i64) -> Result<i64> {
    let row = tx.query_one(&LAST_N, &[city.into(), kind.as_str().into(), year.into()])?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// Writes a new letter and the cases it lists.
///
/// # Errors
/// `Duplicate` for a number that was given; the engine's.
pub fn save_letter(tx: &Tx<'_>, city: &CityId, letter: &LetterRecord, cases: &[CaseId]) -> Result<()> {
    let params: [Value<'_>; 13] = [
        city.into(),
        letter.letter_id.into(),
        letter.kind.as_str().into(),
        letter.year.into(),
        letter.n.into(),
        (&letter.number).into(),
        letter.unit.as_deref().into(),
        (&letter.addressee).into(),
        (&letter.copies).into(),
        (&letter.words).into(),
        letter.due_ms.into(),
        letter.issued_ms.into(),
        letter.issued_by.into(),
    ];
    tx.exec(&SAVE, &params)?;
    let sets = (0_i64..)
        .zip(cases)
        .map(|(at, case)| [city.into(), letter.letter_id.into(), at.into(), (*case).into()]);
    tx.exec_many(&SAVE_CASE, sets)?;
    Ok(())
}

/// A letter.
///
/// # Errors
/// The engine's.
pub fn load_letter(tx: &Tx<'_>, city: &CityId, letter_id: [u8; 16]) -> Result<Option<LetterRecord>> {
    tx.query_one(&ONE, &[city.into(), letter_id.into()])?.as_ref().map(record).transpose()
}

/// The cases that a letter lists, in its order.
///
/// # Errors
/// The engine's.
pub fn load_cases_of(tx: &Tx<'_>, city: &CityId, letter_id: [u8; 16]) -> Result<Vec<CaseId>> {
    let rows = tx.query(&CASES_OF, &[city.into(), letter_id.into()])?;
    rows.iter().map(|row| Ok(CaseId::from_bytes(row.id(0)?))).collect()
}

/// Takes names and words out of a letter; says whether it is there.
///
/// # Errors
/// The engine's.
pub fn erase_letter(tx: &Tx<'_>, city: &CityId, letter_id: [u8; 16], instead: &str) -> Result<bool> {
    Ok(tx.exec(&ERASE, &[city.into(), letter_id.into(), instead.into()])? == 1)
}

/// What a list of letters asks for; `None` asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Of a kind.
    pub kind: Option<String>,
    /// Of a year.
    pub year: Option<i64>,
    /// To a unit.
    pub unit: Option<String>,
}

/// Letters before a place, newest first.
///
/// # Errors
/// The engine's.
pub fn load_letters(
    tx: &Tx<'_>,
    city: &CityId,
    filter: &LetterFilter,
    before: Option<(i64, [u8; 16])>,
    most: usize,
) -> Result<Vec<LetterRecord>> {
    let (before_ms, before_id) = before.unwrap_or((i64::MAX, [255; 16]));
    let params: [Value<'_>; 7] = [
        city.into(),
        before_ms.into(),
        before_id.into(),
        filter.kind.as_deref().into(),
        filter.year.into(),
        filter.unit.as_deref().into(),
        i64::try_from(most).unwrap_or(i64::MAX).into(),
    ];
    tx.query(&PAGE, &params)?.iter().map(record).collect()
}

/// Voids a letter; says whether it stood. Its number is not given again.
///
/// # Errors
/// The engine's.
pub fn void_letter(
    tx: &Tx<'_>,
    city: &CityId,
    letter_id: [u8; 16],
    by: PersonId,
    reason: &str,
    now_ms: i64,
) -> Result<bool> {
    let params = [city.into(), letter_id.into(), now_ms.into(), by.into(), reason.into()];
    Ok(tx.exec(&VOID, &params)? > 0)
}

/// Attaches the photographed receipt.
///
/// # Errors
/// The engine's.
pub fn save_receipt(
    tx: &Tx<'_>,
    city: &CityId,
    letter_id: [u8; 16],
    photo: PhotoId,
    now_ms: i64,
) -> Result<()> {
    tx.exec(&RECEIPT, &[city.into(), letter_id.into(), photo.into(), now_ms.into()]).map(drop)
}

fn record(row: &Row) -> Result<LetterRecord> {
    let voided = match (row.opt_int(12)?, row.opt_id(13)?) {
        (Some(at), Some(by)) => {
            Some((at, PersonId::from_bytes(by), row.opt_text(14)?.unwrap_or("").to_owned()))
        }
        _ => None,
    };
    let receipt = row.opt_id(15)?.map(PhotoId::from_bytes).zip(row.opt_int(16)?);
    Ok(LetterRecord {
        letter_id: row.id(0)?,
        kind: LetterKind::from_word(row.text(1)?),
        year: row.int(2)?,
        n: row.int(3)?,
        number: row.text(4)?.to_owned(),
        unit: row.opt_text(5)?.map(str::to_owned),
        addressee: row.text(6)?.to_owned(),
        copies: row.text(7)?.to_owned(),
        words: row.text(8)?.to_owned(),
        due_ms: row.opt_int(9)?,
        issued_ms: row.int(10)?,
        issued_by: PersonId::from_bytes(row.id(11)?),
        voided,
        receipt,
    })
}
