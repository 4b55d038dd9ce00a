//! Counters of desks: open cases by state, by town and by lead unit. Counted when asked, out of the index of open cases
//! (decision 0021). Knows no reader.

use super::{SQL, Scope};
use crate::{Result, Row, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::feed::Feed;
use blindspot_core::id::CityId;
use blindspot_core::projection::head::SOON_MS;
use std::collections::{BTreeMap, BTreeSet};

static OPEN_IN: Stmt = Stmt::new(SQL, "open_in");
static OPEN_IN_GRID: Stmt = Stmt::new(SQL, "open_in_grid");
static OPEN_UNPLACED: Stmt = Stmt::new(SQL, "open_unplaced");
static OPEN_LINKED: Stmt = Stmt::new(SQL, "open_linked");

/// Open cases of one town or unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub open: i64,
    /// 超时
    pub overdue: i64,
}

/// What a desk has before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Open cases by the word of their state.
    pub by_state: BTreeMap<String, i64>,
    /// 超时
    pub overdue: i64,
    /// 将超时: within two hours.
    pub soon: i64,
    /// 督办
    pub supervised: i64,
    /// 紧急·有危险
    pub urgent: i64,
    /// By town; nothing where none is known.
    pub by_town: BTreeMap<Option<String>, Tally>,
    /// By lead unit; nothing where none leads yet.
    pub by_lead: BTreeMap<Option<String>, Tally>,
}

/// Counts the open cases of a scope: each is read once, out of the index of open cases. Grouping them in the database three
/// times over took three times as long.
///
/// # Errors
/// The engine's.
pub fn load_counts(tx: &Tx<'_>, city: &CityId, scope: &Scope, now_ms: i64) -> Result<Counts> {
    let mut out = Counts::default();
    let feeds = match scope {
        Scope::City => {
            for row in tx.query(&OPEN_IN, &[city.into(), Value::Null, Value::Null])? {
                count(&mut out, &row, now_ms)?;
            }
            return Ok(out);
        }
        Scope::Feeds(feeds) => feeds,
    };
    // A case may stand in several feeds of a reader, and counts once.
    let mut seen = BTreeSet::new();
    for feed in feeds {
        for row in &open_of(tx, city, feed)? {
            if seen.insert(CaseId::from_bytes(row.id(0)?)) {
                count(&mut out, row, now_ms)?;
            }
        }
    }
    Ok(out)
}

fn open_of(tx: &Tx<'_>, city: &CityId, feed: &Feed) -> Result<Vec<Row>> {
    let linked = || tx.query(&OPEN_LINKED, &[city.into(), feed.into()]);
    match feed.as_str().split_once(':') {
        Some(("grid", grid)) => tx.query(&OPEN_IN_GRID, &[city.into(), grid.into()]),
        Some(("town", town)) => tx.query(&OPEN_IN, &[city.into(), town.into(), Value::Null]),
        Some(("dept", dept)) => {
            let mut own = tx.query(&OPEN_IN, &[city.into(), Value::Null, dept.into()])?;
            own.extend(linked()?);
            Ok(own)
        }
        Some(("user", _)) => linked(),
        Some(("desk", "unplaced")) => tx.query(&OPEN_UNPLACED, &[city.into()]),
        _ => Ok(vec![]),
    }
}

fn count(out: &mut Counts, row: &Row, now_ms: i64) -> Result<()> {
    let due = row.opt_int(4)?;
    let over = i64::from(due.is_some_and(|due| due < now_ms));
    *out.by_state.entry(row.text(1)?.to_owned()).or_default() += 1;
    out.overdue += over;
    out.soon += i64::from(due.is_some_and(|due| (now_ms..now_ms + SOON_MS).contains(&due)));
    out.supervised += row.int(5)?;
    out.urgent += row.int(6)?;
    for (key, into) in [(row.opt_text(2)?, &mut out.by_town), (row.opt_text(3)?, &mut out.by_lead)] {
        let tally = into.entry(key.map(str::to_owned)).or_default();
        tally.open += 1;
        tally.overdue += over;
    }
    Ok(())
}
