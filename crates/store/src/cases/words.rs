//! The words that a list asks for: in which spans of time any case may say them. Knows no case.

use super::walk::ListKey;
use super::{CaseFilter, SPAN_MS, SQL};
use crate::{Result, Stmt, Tx, Value};
use blindspot_core::CaseId;
use blindspot_core::id::CityId;
use blindspot_core::projection::grams::behind;

static SPANS_HAVING: Stmt = Stmt::new(SQL, "spans_having");
static OLDEST: Stmt = Stmt::new(SQL, "oldest_case");
static NEWEST: Stmt = Stmt::new(SQL, "newest_case");

/// The newest spans, in which is counted whether words are rare; the first window. Each next one is twice as long.
const WINDOW: i64 = 256;
/// Words that stand in fewer of them are rare.
const RARE: usize = 32;
/// Spans that a page goes through: words that each stand somewhere in any span, and nowhere together, end it early.
const SPANS_MAX: usize = 64;
/// Ranges of grams that a span is asked for.
const PAIRS: usize = 4;

/// Spans beside each other: from, and to before, milliseconds.
type Stretch = (i64, i64);

/// What is asked, and what is known of it.
pub(super) struct Words {
    /// From, and to before: a gram of the span in each.
    ranges: Vec<(String, String)>,
    /// Patterns for plain texts: those asked of each case.
    patterns: Vec<String>,
    /// First and last span that any case was received.
    spans: (i64, i64),
    /// Those of the first window that have them, the newest first.
    newest: Vec<i64>,
    pub(super) rare: bool,
}

impl Words {
    pub(super) fn of(tx: &Tx<'_>, city: &CityId, filter: &CaseFilter) -> Result<Self> {
        let mut out = Self { ranges: vec![], patterns: vec![], spans: (0, -1), newest: vec![], rare: false };
        let Some(wanted) = &filter.words else { return Ok(out) };
        out.patterns = wanted.patterns();
        let all: Vec<String> = wanted.beginnings().into_iter().collect();
        // Of many, some from each end of the question.
        let step = all.len().div_ceil(PAIRS).max(1);
        let range = |from: String| {
            // Behind the last of all characters there is nothing: then to the end of what a text may begin with.
            let to = behind(&from).unwrap_or_else(|| "\u{10ffff}\u{10ffff}".into());
            (from, to)
        };
        out.ranges = all.into_iter().step_by(step).map(range).collect();
        let span = |stmt: &Stmt| -> Result<Option<i64>> {
            let found = tx.query_one(stmt, &[city.into()])?;
            found.map(|row| Ok(row.int(0)?.div_euclid(SPAN_MS))).transpose()
        };
        if let (Some(oldest), Some(newest)) = (span(&OLDEST)?, span(&NEWEST)?) {
            out.spans = (oldest, newest);
            out.newest = out.having(tx, city, (newest, newest - WINDOW + 1))?;
            out.rare = out.newest.len() < RARE;
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

    /// Spans of a window that have the words.
    fn having(&self, tx: &Tx<'_>, city: &CityId, (newest, oldest): (i64, i64)) -> Result<Vec<i64>> {
        let oldest = oldest.max(self.spans.0);
        if newest < oldest {
            return Ok(vec![]);
        }
        let mut set = vec![city.into(), newest.into(), oldest.into()];
        for n in 0..PAIRS {
            let range = self.ranges.get(n);
            set.extend([
                range.map(|(from, _)| from.as_str()).into(),
                range.map(|(_, to)| to.as_str()).into(),
            ]);
        }
        tx.query(&SPANS_HAVING, &set)?.iter().map(|row| row.int(0)).collect()
    }

    /// Stretches of spans that have the words, up to a moment, the newest first, and where it goes on when
    /// these are not all.
    pub(super) fn stretches(
        &self,
        tx: &Tx<'_>,
        city: &CityId,
        up_to_ms: i64,
    ) -> Result<(Vec<Stretch>, Option<ListKey>)> {
        let newest = self.spans.1.min(up_to_ms.div_euclid(SPAN_MS));
        let first = self.spans.1 - WINDOW + 1;
        let mut spans: Vec<i64> = self.newest.iter().copied().filter(|span| *span <= newest).collect();
        let (mut at, mut length) = (newest.min(first - 1), WINDOW * 2);
        while spans.len() <= SPANS_MAX && at >= self.spans.0 {
            spans.extend(self.having(tx, city, (at, at - length + 1))?);
            (at, length) = (at - length, length * 2);
        }
        let more = spans.len() > SPANS_MAX;
        spans.truncate(SPANS_MAX);
        let goes_on = spans
            .last()
            .filter(|_| more)
            .map(|span| ListKey { at_ms: span * SPAN_MS, case_id: CaseId::from_bytes([0; 16]) });
        let mut out: Vec<Stretch> = Vec::new();
        for span in spans {
            let (from_ms, to_ms) = (span * SPAN_MS, (span + 1) * SPAN_MS);
            match out.last_mut() {
                Some(stretch) if stretch.0 == to_ms => stretch.0 = from_ms,
                _ => out.push((from_ms, to_ms)),
            }
        }
        Ok((out, goes_on))
    }
}
