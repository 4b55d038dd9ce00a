//! Which statement answers a list: the one that walks the fewest cases, by what is known of any city. No engine's planner is
//! asked, so that a list costs the same on both, whatever is in the tables. Knows no transaction.

use super::{CaseFilter, Scope};
use blindspot_core::feed::Feed;
use blindspot_core::projection::head::Lateness;

/// What a list is walked by, from the narrowest to the widest. Where `Open` is, nothing wider is taken for open cases: some
/// thousand stand in one index with all that is asked of them, and they do not grow with the years.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The digits of a spoken number: a handful.
    Short(u32),
    /// A feed that no column tells: one person's or one assisting unit's.
    Link(Feed),
    /// Cases in no known place.
    Unplaced,
    /// One duty grid: hundreds.
    Grid,
    /// Open cases.
    Open,
    /// 督办
    Supervised,
    /// Those that a unit asked to return.
    Returned,
    /// One catalogue item: thousands.
    Item,
    /// 回潮
    Relapsed,
    /// One lead unit.
    Lead,
    /// Each of some states by itself.
    States,
    /// One town.
    Town,
    /// One source.
    Source,
    /// All.
    Received,
}

/// One part of a scope: the filter narrowed to it, and what it must be walked by, if anything.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) filter: CaseFilter,
    pub(super) by: Option<Chosen>,
}

/// A scope taken apart; each part is a list of its own, and they may overlap.
pub(super) fn parts(scope: &Scope, filter: &CaseFilter) -> Vec<Part> {
    let feeds = match scope {
        Scope::City => return vec![Part { filter: filter.clone(), by: None }],
        Scope::Feeds(feeds) => feeds,
    };
    feeds.iter().flat_map(|feed| of_feed(feed, filter)).collect()
}

fn of_feed(feed: &Feed, filter: &CaseFilter) -> Vec<Part> {
    let narrowed = |set: fn(&mut CaseFilter) -> &mut Option<String>, key: &str| {
        let mut filter = filter.clone();
        let slot = set(&mut filter);
        // Another one is asked for than this feed's: nothing of it is wanted.
        if slot.as_ref().is_some_and(|asked| asked != key) {
            return None;
        }
        *slot = Some(key.to_owned());
        Some(Part { filter, by: None })
    };
    let linked = || Part { filter: filter.clone(), by: Some(Chosen::Link(feed.clone())) };
    match feed.as_str().split_once(':') {
        Some(("grid", grid)) => narrowed(|f| &mut f.grid, grid).into_iter().collect(),
        Some(("town", town)) => narrowed(|f| &mut f.town, town).into_iter().collect(),
        Some(("dept", dept)) => narrowed(|f| &mut f.lead, dept).into_iter().chain([linked()]).collect(),
        Some(("user", _)) => vec![linked()],
        Some(("desk", "unplaced")) => vec![Part { filter: filter.clone(), by: Some(Chosen::Unplaced) }],
        _ => vec![],
    }
}

impl CaseFilter {
    /// Whether only open cases can fit.
    #[must_use]
    pub fn only_open(&self) -> bool {
        let known = |s: &blindspot_core::case::CaseState| s.is_open() && super::bit_of(s) < 1 << 62;
        self.open == Some(true)
            || self.hung == Some(true)
            || (!self.states.is_empty() && self.states.iter().all(known))
            || matches!(&self.late, Some((Lateness::Yes | Lateness::Soon, _)))
    }
}

/// What to walk by.
pub(super) fn choose(part: &Part) -> Chosen {
    let filter = &part.filter;
    if let Some(n) = filter.short_n
        && part.by.is_none()
    {
        return Chosen::Short(n);
    }
    if let Some(by) = &part.by {
        return by.clone();
    }
    let asks = [
        (filter.grid.is_some(), Chosen::Grid),
        (filter.only_open(), Chosen::Open),
        (filter.supervised == Some(true), Chosen::Supervised),
        (filter.returned == Some(true), Chosen::Returned),
        (filter.item.is_some(), Chosen::Item),
        (filter.relapsed == Some(true), Chosen::Relapsed),
        (filter.lead.is_some(), Chosen::Lead),
        (filter.town.is_some(), Chosen::Town),
        (!filter.states.is_empty(), Chosen::States),
        (filter.source.is_some(), Chosen::Source),
    ];
    asks.into_iter().find(|(asked, _)| *asked).map_or(Chosen::Received, |(_, by)| by)
}

impl Chosen {
    /// Whether it is narrow enough that a frequent word is asked of its cases, and not the other way round.
    pub(super) fn is_narrow(&self) -> bool {
        use Chosen::{Grid, Item, Link, Open, Returned, Short, Supervised, Unplaced};
        matches!(self, Short(_) | Link(_) | Unplaced | Grid | Open | Supervised | Returned | Item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_core::case::CaseState;

    fn chosen(filter: CaseFilter) -> Chosen {
        choose(&Part { filter, by: None })
    }

    #[test]
    fn the_narrowest_is_taken() {
        let town = CaseFilter { town: Some("t".into()), ..CaseFilter::default() };
        assert_eq!(chosen(CaseFilter::default()), Chosen::Received);
        assert_eq!(chosen(town.clone()), Chosen::Town);
        let states = vec![CaseState::Filed, CaseState::Hung];
        assert_eq!(chosen(CaseFilter { states, ..town.clone() }), Chosen::Open);
        let states = vec![CaseState::Filed, CaseState::Closed];
        assert_eq!(chosen(CaseFilter { states, ..CaseFilter::default() }), Chosen::States);
        let later = vec![CaseState::from_word("of_a_later_version")];
        assert_eq!(chosen(CaseFilter { states: later, ..CaseFilter::default() }), Chosen::States);
        assert_eq!(chosen(CaseFilter { grid: Some("g".into()), open: Some(true), ..town }), Chosen::Grid);
    }

    #[test]
    fn a_feed_of_another_town_than_the_one_asked_for_has_no_part() {
        let filter = CaseFilter { town: Some("1".into()), ..CaseFilter::default() };
        let scope = Scope::Feeds(vec![Feed("town:1".into()), Feed("town:2".into()), Feed("dept:x".into())]);
        let all = parts(&scope, &filter);
        assert_eq!(all.len(), 3, "the town, the unit's own, those it assists: {all:?}");
        assert!(all.iter().all(|p| p.filter.town.as_deref() == Some("1")));
    }
}
