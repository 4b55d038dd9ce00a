//! The words that a list asks for: on which days any case may say them. Knows no case.

use super::walk::ListKey;
use super::{CaseFilter, DAY_MS, SQL};
use crate::{Result, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::id::CityId;
use blindspot_core::projection::grams::behind;

static DAYS_HAVING: Stmt = Stmt::new(SQL, "days_having");
static OLDEST: Stmt = Stmt::new(SQL, "oldest_case");
static NEWEST: Stmt = Stmt::new(SQL, "newest_case");

/// The newest days, in which is counted whether words are rare; the first window. Each next one is twice as long.
const WINDOW_DAYS: i64 = 32;
/// Words that stand on fewer of them are rare.
const RARE_DAYS: usize = 8;
/// Days that a page goes through: words that each stand somewhere on any day, and nowhere together, end it early.
const DAYS_MAX: usize = 48;
/// Spans of grams that a day is asked for.
const SPANS: usize = 4;

/// Days beside each other: from, and to before, milliseconds.
type Stretch = (i64, i64);

/// What is asked, and what is known of it.
pub(super) struct Words {
    /// From, and to before: a gram of the day in each.
    spans: Vec<(String, String)>,
    /// Patterns for plain texts: those asked of each case.
    patterns: Vec<String>,
    /// First and last day that any case was received.
    days: (i64, i64),
    /// Those of the first window that have them, the newest first.
    newest: Vec<i64>,
    pub(super) rare: bool,
}

impl Words {
    pub(super) fn of(tx: &Tx<'_>, city: &CityId, filter: &CaseFilter) -> Result<Self> {
        let mut out = Self { spans: vec![], patterns: vec![], days: (0, -1), newest: vec![], rare: false };
        let Some(wanted) = &filter.words else { return Ok(out) };
        out.patterns = wanted.patterns();
        let all: Vec<String> = wanted.beginnings().into_iter().collect();
        // Of many, some from each end of the question.
        let step = all.len().div_ceil(SPANS).max(1);
        let span = |from: String| {
            // Behind the last of all characters there is nothing: then to the end of what a text may begin with.
            let to = behind(&from).unwrap_or_else(|| "\u{10ffff}\u{10ffff}".into());
            (from, to)
        };
        out.spans = all.into_iter().step_by(step).map(span).collect();
        let day = |stmt: &Stmt| -> Result<Option<i64>> {
            let found = tx.query_one(stmt, &[city.into()])?;
            found.map(|row| Ok(row.int(0)?.div_euclid(DAY_MS))).transpose()
        };
        if let (Some(oldest), Some(newest)) = (day(&OLDEST)?, day(&NEWEST)?) {
            out.days = (oldest, newest);
            out.newest = out.having(tx, city, (newest, newest - WINDOW_DAYS + 1))?;
            out.rare = out.newest.len() < RARE_DAYS;
        }
        Ok(out)
    }

    pub(super) fn asked(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// The first two, the longest; a third is compared by whoever reads the text.
    pub(super) fn patterns(&self) -> [Value<'_>; 2] {
        [0, 1].map(|n| self.patterns.get(n).map(String::as_str).into())
    }

    /// Days of a window that have the words.
    fn having(&self, tx: &Tx<'_>, city: &CityId, (newest, oldest): (i64, i64)) -> Result<Vec<i64>> {
        let oldest = oldest.max(self.days.0);
        if newest < oldest {
            return Ok(vec![]);
        }
        let mut set = vec![city.into(), newest.into(), oldest.into()];
        for n in 0..SPANS {
            let span = self.spans.get(n);
            set.extend([span.map(|(from, _)| from.as_str()).into(), span.map(|(_, to)| to.as_str()).into()]);
        }
        tx.query(&DAYS_HAVING, &set)?.iter().map(|row| row.int(0)).collect()
    }

    /// Stretches of days that have the words, up to a moment, the newest first, and where it goes on when
    /// these are not all.
    pub(super) fn stretches(
        &self,
        tx: &Tx<'_>,
        city: &CityId,
        up_to_ms: i64,
    ) -> Result<(Vec<Stretch>, Option<ListKey>)> {
        let newest = self.days.1.min(up_to_ms.div_euclid(DAY_MS));
        let first = self.days.1 - WINDOW_DAYS + 1;
        let mut days: Vec<i64> = self.newest.iter().copied().filter(|day| *day <= newest).collect();
        let (mut at, mut length) = (newest.min(first - 1), WINDOW_DAYS * 2);
        while days.len() <= DAYS_MAX && at >= self.days.0 {
            days.extend(self.having(tx, city, (at, at - length + 1))?);
            (at, length) = (at - length, length * 2);
        }
        let more = days.len() > DAYS_MAX;
        days.truncate(DAYS_MAX);
        let goes_on = days
            .last()
            .filter(|_| more)
            .map(|day| ListKey { at_ms: day * DAY_MS, case_id: CaseId::from_bytes([0; 16]) });
        let mut out: Vec<Stretch> = Vec::new();
        for day in days {
            let (from_ms, to_ms) = (day * DAY_MS, (day + 1) * DAY_MS);
            match out.last_mut() {
                Some(stretch) if stretch.0 == to_ms => stretch.0 = from_ms,
                _ => out.push((from_ms, to_ms)),
            }
        }
        Ok((out, goes_on))
    }
}
