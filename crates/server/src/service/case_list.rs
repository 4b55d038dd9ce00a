//! Lists of cases, page by page; the reader's scope is a parameter of each query.
//!
//! Decides nothing about a case.

use super::desk_leases::{self, LeaseView};
use super::pull::{open_text, scope_in, seal_text};
use super::{Credential, House, ServiceError};
use blindspot_core::CaseId;
use blindspot_core::access::Area;
use blindspot_core::case::{Case, CaseState};
use blindspot_core::error;
use blindspot_core::feed::Feed;
use blindspot_core::projection::grams::{Wanted, words_of};
use blindspot_core::projection::head::Lateness;
use blindspot_store::cases::{self, CaseFilter, CaseLine, ListKey, Scope, Sort};
use blindspot_store::{StoreError, Tx, accounts};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Most cases of one page.
const LIMIT_MAX: usize = 500;
/// Cases of a page when nothing is asked.
const LIMIT: usize = 50;
/// Pages read for one before it ends early: changes far back.
const TURNS_MAX: usize = 8;
/// The same for words, a page of which goes through some thousand cases: words that are hardly ever said together.
const WORD_TURNS_MAX: usize = 2;

/// What a desk's list asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CaseQuery {
    /// State; several with commas between.
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
    /// 超时: `yes`; `soon` (将超时: within two hours), `no` (not over, or no clock runs).
    pub overdue: Option<String>,
    /// 督办
    pub supervised: Option<bool>,
    /// 挂账 or 缓办 now.
    pub hung: Option<bool>,
    /// A unit has asked to return it 申请退回, once or more.
    pub returned: Option<bool>,
    /// 回潮
    pub relapse: Option<bool>,
    /// Digits of the spoken number, or words: description, landmark, tags, numbers, site. One Chinese character will do; a word of
    /// letters or digits is looked for from its beginning; several words must all be there.
    pub text: Option<String>,
    /// `received`: newest receipt first, when nothing is said. `due`: cases whose clock runs, the one longest over first.
    pub sort: Option<String>,
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
    /// Case rows, in the order asked for.
    #[schema(value_type = Vec<Case>)]
    pub items: Vec<Box<RawValue>>,
    /// Where the next page begins; nothing after the last. A page may end early, before it is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Cases of the page on which somebody is at work at a desk 正在处理.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<LeaseView>,
}

#[derive(Serialize, Deserialize)]
struct ListCursor {
    at_ms: i64,
    case_id: CaseId,
}

/// A list as it was asked for, understood.
struct Asked {
    filter: CaseFilter,
    sort: Sort,
}

/// Lists cases of the reader's scope.
///
/// # Errors
/// `BAD_CURSOR`; `BAD_REQUEST` for a word that no filter knows; or the database's.
pub fn list_cases(
    house: &House,
    credential: Credential,
    query: &CaseQuery,
    now_ms: i64,
) -> Result<CasePage, ServiceError> {
    listed(house, Some(credential), query, now_ms)
}

/// Lists cases of the whole city, for whoever has its data folder at hand.
///
/// # Errors
/// As `list_cases`.
pub fn list_all_cases(house: &House, query: &CaseQuery, now_ms: i64) -> Result<CasePage, ServiceError> {
    listed(house, None, query, now_ms)
}

fn listed(
    house: &House,
    reader: Option<Credential>,
    query: &CaseQuery,
    now_ms: i64,
) -> Result<CasePage, ServiceError> {
    let asked = understand(query, now_ms)?;
    // A place in one order is none in another.
    let purpose = match asked.sort {
        Sort::Received => "case list cursor",
        Sort::Due => "case list cursor by due",
    };
    let behind = match &query.cursor {
        None => None,
        Some(text) => {
            let cursor: ListCursor =
                open_text(house, purpose, text).ok_or_else(|| ServiceError::refused(&error::BAD_CURSOR))?;
            Some(ListKey { at_ms: cursor.at_ms, case_id: cursor.case_id })
        }
    };
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    house.store.read(|tx| {
        let scope = match reader {
            Some(reader) => list_scope(tx, house, reader, now_ms)?,
            None => Scope::City,
        };
        let (lines, next) = page_of(tx, house, &scope, &asked, behind, limit)?;
        let seal =
            |key: ListKey| seal_text(house, purpose, &ListCursor { at_ms: key.at_ms, case_id: key.case_id });
        let next = next.map(seal).transpose()?;
        let shown = lines.iter().map(|line| line.key.case_id);
        let leases = match reader {
            Some(reader) => desk_leases::seen_by(tx, house, reader, shown, now_ms)?,
            None => vec![],
        };
        let items = lines.into_iter().map(|l| RawValue::from_string(l.body)).collect::<Result<_, _>>()?;
        Ok(CasePage { items, next, leases })
    })
}

fn understand(query: &CaseQuery, now_ms: i64) -> Result<Asked, ServiceError> {
    let bad = |what: &str| ServiceError::because(&error::BAD_REQUEST, what);
    let late = match query.overdue.as_deref().map(Lateness::from_word) {
        Some(Lateness::Other(_)) => return Err(bad("overdue: want yes, soon or no")),
        late => late.map(|late| (late, now_ms)),
    };
    let sort = match query.sort.as_deref() {
        None | Some("received") => Sort::Received,
        Some("due") => Sort::Due,
        Some(_) => return Err(bad("sort: want received or due")),
    };
    let states = query.state.as_deref().unwrap_or_default().split(',').map(str::trim);
    let (short_n, text) = text_of(query.text.as_deref());
    let words = text.and_then(Wanted::of);
    let filter = CaseFilter {
        states: states.filter(|w| !w.is_empty()).map(CaseState::from_word).collect(),
        town: query.town.clone(),
        grid: query.grid.clone(),
        lead: query.lead.clone(),
        item: query.item.clone(),
        source: query.source.clone(),
        urgent: query.urgent,
        open: query.open,
        supervised: query.supervised,
        hung: query.hung,
        returned: query.returned,
        relapsed: query.relapse,
        late,
        short_n,
        since_ms: query.since_ms,
        words,
    };
    Ok(Asked { filter, sort })
}

/// Said on the phone as 稠江 03127: the digits find it, and the town's characters must fit. Digits in other words are words.
fn text_of(text: Option<&str>) -> (Option<u32>, Option<&str>) {
    let Some(text) = text.map(str::trim).filter(|t| !t.is_empty()) else { return (None, None) };
    let (town, digits) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    let town = town.trim();
    match digits.parse::<u32>() {
        Ok(n) if town.is_empty() => (Some(n), None),
        Ok(n) if town.chars().count() == 2 && !town.is_ascii() => (Some(n), Some(town)),
        _ => (None, Some(text)),
    }
}

/// Which cases a reader's lists are of.
pub(super) fn list_scope(
    tx: &Tx<'_>,
    house: &House,
    who: Credential,
    now_ms: i64,
) -> Result<Scope, StoreError> {
    let grants = accounts::load_grants(tx, &house.city, who.person)?;
    let all =
        grants.iter().any(|g| g.area == Area::City && g.span.contains(now_ms) && g.role.reads_every_case());
    if all {
        return Ok(Scope::City);
    }
    let holds_cases = |f: &Feed| {
        ["grid:", "town:", "dept:", "user:", "desk:unplaced"].iter().any(|p| f.as_str().starts_with(p))
    };
    let feeds = scope_in(tx, house, who.person, now_ms)?;
    Ok(Scope::Feeds(feeds.into_iter().filter(holds_cases).collect()))
}

/// The next `limit` cases behind a place, and where the page after it begins. The index compares two of the words
/// asked for; only those that say all are listed.
fn page_of(
    tx: &Tx<'_>,
    house: &House,
    scope: &Scope,
    asked: &Asked,
    behind: Option<ListKey>,
    limit: usize,
) -> Result<(Vec<CaseLine>, Option<ListKey>), StoreError> {
    let (mut out, mut at) = (Vec::new(), behind);
    let turns = if asked.filter.words.is_some() { WORD_TURNS_MAX } else { TURNS_MAX };
    for _ in 0..turns {
        let page = cases::load_page(tx, &house.city, scope, &asked.filter, (asked.sort, at), limit + 1)?;
        let full = page.keys.len() > limit;
        let last = if full { page.keys.last().copied() } else { page.goes_on };
        for line in cases::load_bodies(tx, &house.city, &page.keys)? {
            if asked.filter.words.as_ref().is_none_or(|wanted| says(&line.body, wanted)) {
                out.push(line);
            }
        }
        if out.len() > limit {
            out.truncate(limit);
            let last = out.last().map(|line| line.key);
            return Ok((out, last));
        }
        at = last;
        if at.is_none() {
            break;
        }
    }
    Ok((out, at))
}

/// Whether a case says some words.
fn says(body: &str, wanted: &Wanted) -> bool {
    serde_json::from_str::<Case>(body).is_ok_and(|case| wanted.found_in(&words_of(&case)))
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn a_spoken_number_is_told_from_other_words() {
        assert_eq!(text_of(Some(" 03127 ")), (Some(3127), None));
        assert_eq!(text_of(Some("稠江 03127")), (Some(3127), Some("稠江")));
        assert_eq!(text_of(Some("稠江03127")), (Some(3127), Some("稠江")));
        assert_eq!(text_of(Some("新华路 12")), (None, Some("新华路 12")));
        assert_eq!(text_of(Some("垃圾")), (None, Some("垃圾")));
        assert_eq!(text_of(Some("  ")), (None, None));
    }
}
