//! Lists of cases, page by page; the reader's scope is a parameter of each query.
//!
//! Decides nothing about a case.

use super::pull::{open_text, scope_in, seal_text};
use super::{Credential, House, ServiceError};
use blindspot_core::CaseId;
use blindspot_core::access::Area;
use blindspot_core::case::Case;
use blindspot_core::error;
use blindspot_core::feed::Feed;
use blindspot_store::cases::{CaseFilter, CaseLine, ListKey};
use blindspot_store::{StoreError, Tx, accounts, cases};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const LIST_CURSOR: &str = "case list cursor";
/// Most cases of one page.
const LIMIT_MAX: usize = 500;
/// Cases of a page when nothing is asked.
const LIMIT: usize = 50;
/// Most cases looked through for words before a page ends early.
const SCAN_MAX: usize = 5_000;

/// What a desk's list asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CaseQuery {
    /// State.
    pub state: Option<String>,
    /// Town code.
    pub town: Option<String>,
    /// Duty grid.
    pub grid: Option<String>,
    /// Lead unit.
    pub lead: Option<String>,
    /// Catalogue item.
    pub item: Option<String>,
    /// 问题来源
    pub source: Option<String>,
    /// 紧急·有危险
    pub urgent: Option<bool>,
    /// Still open.
    pub open: Option<bool>,
    /// Digits of the spoken number, or words of the case.
    pub text: Option<String>,
    /// Changed since, server time in milliseconds.
    pub since_ms: Option<i64>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Most cases.
    pub limit: Option<usize>,
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CasePage {
    /// Case rows, newest receipt first.
    #[schema(value_type = Vec<Case>)]
    pub items: Vec<Box<RawValue>>,
    /// Where the next page begins; nothing after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ListCursor {
    received_ms: i64,
    case_id: CaseId,
}

/// Lists cases of the reader's scope.
///
/// # Errors
/// `bad_cursor`, or the database's.
pub fn list_cases(
    house: &House,
    credential: Credential,
    query: &CaseQuery,
    now_ms: i64,
) -> Result<CasePage, ServiceError> {
    let before = match &query.cursor {
        None => None,
        Some(text) => {
            let cursor: ListCursor = open_text(house, LIST_CURSOR, text)
                .ok_or_else(|| ServiceError::refused(&error::BAD_CURSOR))?;
            Some(ListKey { received_ms: cursor.received_ms, case_id: cursor.case_id })
        }
    };
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let (filter, words) = filter_of(query);
    house.store.read(|tx| {
        let scope = list_scope(tx, house, credential, now_ms)?;
        let (lines, more) = page_of(tx, house, &scope, &filter, words.as_deref(), before, limit)?;
        let next = match lines.last().filter(|_| more) {
            None => None,
            Some(last) => {
                let cursor = ListCursor { received_ms: last.key.received_ms, case_id: last.key.case_id };
                Some(seal_text(house, LIST_CURSOR, &cursor)?)
            }
        };
        let items = lines.into_iter().map(|l| RawValue::from_string(l.body)).collect::<Result<_, _>>()?;
        Ok(CasePage { items, next })
    })
}

fn filter_of(query: &CaseQuery) -> (CaseFilter, Option<String>) {
    let text = query.text.as_deref().map(str::trim).filter(|t| !t.is_empty());
    // Said on the phone as 稠江 03127: the digits find it. Other words are looked for in the case itself.
    let digits = text.and_then(|t| t.split_whitespace().last()).and_then(|t| t.parse::<u32>().ok());
    let filter = CaseFilter {
        state: query.state.clone(),
        town: query.town.clone(),
        grid: query.grid.clone(),
        lead: query.lead.clone(),
        item: query.item.clone(),
        source: query.source.clone(),
        urgent: query.urgent,
        open: query.open,
        short_n: digits,
        since_ms: query.since_ms,
    };
    (filter, text.filter(|_| digits.is_none()).map(str::to_owned))
}

/// The whole city, or some feeds that hold cases.
enum ListScope {
    City,
    Feeds(Vec<Feed>),
}

fn list_scope(tx: &Tx<'_>, house: &House, who: Credential, now_ms: i64) -> Result<ListScope, StoreError> {
    let grants = accounts::load_grants(tx, &house.city, who.person)?;
    let all =
        grants.iter().any(|g| g.area == Area::City && g.span.contains(now_ms) && g.role.reads_every_case());
    if all {
        return Ok(ListScope::City);
    }
    let holds_cases = |f: &Feed| {
        ["grid:", "town:", "dept:", "user:", "desk:unplaced"].iter().any(|p| f.as_str().starts_with(p))
    };
    let feeds = scope_in(tx, house, who.person, now_ms)?;
    Ok(ListScope::Feeds(feeds.into_iter().filter(holds_cases).collect()))
}

/// The newest `limit` cases before a place, and whether there are more.
fn page_of(
    tx: &Tx<'_>,
    house: &House,
    scope: &ListScope,
    filter: &CaseFilter,
    words: Option<&str>,
    before: Option<ListKey>,
    limit: usize,
) -> Result<(Vec<CaseLine>, bool), StoreError> {
    let (mut out, mut at, mut scanned) = (Vec::new(), before, 0);
    loop {
        let chunk = if words.is_some() { LIMIT_MAX } else { limit + 1 };
        let lines = chunk_of(tx, house, scope, filter, at, chunk)?;
        let (read, last) = (lines.len(), lines.last().map(|l| l.key));
        scanned += read;
        for line in lines {
            if words.is_none_or(|w| says(&line.body, w)) {
                out.push(line);
            }
        }
        if out.len() > limit {
            out.truncate(limit);
            return Ok((out, true));
        }
        if read < chunk || words.is_none() || scanned >= SCAN_MAX {
            return Ok((out, read == chunk && words.is_some()));
        }
        at = last;
    }
}

fn chunk_of(
    tx: &Tx<'_>,
    house: &House,
    scope: &ListScope,
    filter: &CaseFilter,
    before: Option<ListKey>,
    most: usize,
) -> Result<Vec<CaseLine>, StoreError> {
    let feeds = match scope {
        ListScope::City => return cases::load_cases(tx, &house.city, None, filter, before, most),
        ListScope::Feeds(feeds) => feeds,
    };
    let mut merged: BTreeMap<ListKey, CaseLine> = BTreeMap::new();
    for feed in feeds {
        let lines = cases::load_cases(tx, &house.city, Some(feed), filter, before, most)?;
        merged.extend(lines.into_iter().map(|l| (l.key, l)));
    }
    Ok(merged.into_values().rev().take(most).collect())
}

/// Whether the texts of a case hold some words.
fn says(body: &str, words: &str) -> bool {
    let Ok(case) = serde_json::from_str::<Case>(body) else { return false };
    let in_fields = case.fields.values().any(|v| v.as_str().is_some_and(|t| t.contains(words)));
    in_fields
        || case.tags.iter().any(|t| t.contains(words))
        || case.local_tag.as_deref().is_some_and(|t| t.contains(words))
        || case.short_no.is_some_and(|s| s.text().contains(words))
}
