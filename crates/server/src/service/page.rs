//! Lists page by page: an opaque cursor that nobody can make up, a limit, and no list without a bound. Knows no HTTP.

use super::pull::{open_text, seal_text};
use super::{House, ServiceError};
use blindspot_core::error::BAD_CURSOR;
use serde::{Deserialize, Serialize};

/// Most items of one page.
pub const LIMIT_MAX: usize = 500;
/// Items of a page when nothing is asked.
const LIMIT: usize = 100;

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Most items, up to 500; 100 when left out.
    pub limit: Option<usize>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// Where the next page begins; nothing after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl PageQuery {
    /// Items asked for, within bounds.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX)
    }

    /// The key after which the page begins.
    ///
    /// # Errors
    /// `BAD_CURSOR` for one that this server did not make for this list.
    pub fn after(&self, house: &House, list: &str) -> Result<Option<String>, ServiceError> {
        let Some(text) = &self.cursor else { return Ok(None) };
        let opened = open_text(house, &purpose(list), text);
        opened.map(Some).ok_or(ServiceError::Refused(&BAD_CURSOR, None))
    }
}

fn purpose(list: &str) -> String {
    format!("page of {list}")
}

/// The page of a whole that comes in the order of its keys.
///
/// # Errors
/// `BAD_CURSOR`.
pub fn page_of<T>(
    house: &House,
    list: &str,
    query: &PageQuery,
    whole: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, ServiceError> {
    let after = query.after(house, list)?;
    let limit = query.limit();
    let mut items: Vec<T> = whole
        .into_iter()
        .filter(|item| after.as_ref().is_none_or(|a| key(item) > *a))
        .take(limit + 1)
        .collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = match items.last().filter(|_| more) {
        Some(last) => Some(seal_text(house, &purpose(list), &key(last))?),
        None => None,
    };
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::house;

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat_and_a_cursor_is_of_one_list() {
        let house = house();
        let all: Vec<String> = (0..7).map(|n| format!("{n:03}")).collect();
        let mut query = PageQuery { cursor: None, limit: Some(3) };
        let mut seen = vec![];
        loop {
            let page = page_of(&house, "numbers", &query, all.clone(), Clone::clone).expect("a page");
            assert!(page.items.len() <= 3);
            seen.extend(page.items);
            let Some(next) = page.next else { break };
            query.cursor = Some(next);
        }
        assert_eq!(seen, all);
        assert!(page_of(&house, "letters", &query, all.clone(), Clone::clone).is_err());
        query.cursor = Some("x.y".into());
        assert!(page_of(&house, "numbers", &query, all, Clone::clone).is_err());
        assert_eq!(PageQuery { cursor: None, limit: Some(0) }.limit(), 1);
        assert_eq!(PageQuery { cursor: None, limit: Some(9_999) }.limit(), LIMIT_MAX);
    }
}
