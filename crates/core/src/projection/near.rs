//! What lies near a report: open cases that may be the same 并案建议, and closed ones that it may be come back 回潮
//! (field.md U21; domain 6A). A proposal decides nothing. The same on a phone, from its mirror, and at a desk.

use crate::case::{Case, CaseState};
use crate::catalogue::Catalogue;
use crate::geo;
use crate::id::CaseId;
use crate::limits::RELAPSE_FROM_MS;
use serde::{Deserialize, Serialize};

/// Two reports of one place are at least this near, metres (domain 6A: heaps and stalls).
const NEAR_M: f64 = 25.0;
/// However bad both fixes are, what is farther apart is another place, metres.
const NEAR_M_MAX: f64 = 100.0;
/// Most proposals on a screen.
const SHOWN_MAX: usize = 5;

crate::open_enum! {
    /// What a case near by may be.
    pub enum NearKind {
        /// Open, the same problem: 并案建议.
        Duplicate = "duplicate",
        /// Closed and still watched: 回潮.
        Relapse = "relapse",
    }
}

/// A case near by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Near {
    /// The case.
    pub case_id: CaseId,
    /// What it may be.
    pub kind: NearKind,
    /// How far apart, metres; nothing when they share a site and one has no point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
    /// Whether both name the same site.
    pub same_site: bool,
    /// Whether both are of one item; false where one of them is of none yet 待分类.
    pub same_item: bool,
}

/// How far apart two cases are, whole metres.
#[must_use]
pub fn distance_m(a: &Case, b: &Case) -> Option<u32> {
    let metres = geo::distance_m(a.place.point?, b.place.point?);
    // Nothing on earth is farther apart than 2^32 m; a negative distance there is none.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the earth")]
    Some(metres.round() as u32)
}

/// Whether both are of one item of the catalogue.
#[must_use]
pub fn same_item(a: &Case, b: &Case, catalogue: Option<&Catalogue>) -> bool {
    a.item(catalogue).is_some_and(|item| b.item(catalogue) == Some(item))
}

/// When a case was seen: a phone's word counts as far as its clock can be trusted, and is never later than its receipt.
#[must_use]
pub fn seen_ms(case: &Case) -> i64 {
    let seen_ms = if case.captured.class.dates_rights() { case.captured.at_ms } else { case.received_ms };
    seen_ms.min(case.received_ms)
}

/// How near two fixes must be to be of one place: the root of their accuracies' squares, within bounds.
pub(super) fn reach_m(a: &Case, b: &Case) -> f64 {
    let accuracy = |case: &Case| case.fix.as_ref().and_then(|fix| fix.accuracy_m).unwrap_or(0.0).max(0.0);
    accuracy(a).hypot(accuracy(b)).clamp(NEAR_M, NEAR_M_MAX)
}

/// What of `others` lies near `new`, the likeliest first: same site and item before same item before no item, then by
/// distance.
#[must_use]
pub fn near<'c>(
    new: &Case,
    others: impl IntoIterator<Item = &'c Case>,
    catalogue: Option<&Catalogue>,
) -> Vec<Near> {
    let mut found: Vec<Near> = others.into_iter().filter_map(|other| judge(new, other, catalogue)).collect();
    found.sort_by_key(|n| {
        let rank = (!n.same_site, !n.same_item, n.kind == NearKind::Relapse);
        (rank, n.distance_m.unwrap_or(0), n.case_id)
    });
    found.truncate(SHOWN_MAX);
    found
}

fn judge(new: &Case, other: &Case, catalogue: Option<&Catalogue>) -> Option<Near> {
    let same_site = new.site_id.is_some() && new.site_id == other.site_id;
    let distance_m = distance_m(new, other);
    let close = distance_m.is_some_and(|d| f64::from(d) <= reach_m(new, other));
    let same_item = same_item(new, other, catalogue);
    let open_question = new.item(catalogue).is_none() || other.item(catalogue).is_none();
    if new.case_id == other.case_id || !(same_site || close) || !(same_item || open_question) {
        return None;
    }
    let kind = kind_of(new, other)?;
    Some(Near { case_id: other.case_id, kind, distance_m, same_site, same_item })
}

fn kind_of(new: &Case, other: &Case) -> Option<NearKind> {
    if other.state.is_open() {
        return Some(NearKind::Duplicate);
    }
    let watched = matches!(other.state, CaseState::Closed | CaseState::Watch) && other.relapsed_to.is_none();
    let closing = other.closing.as_ref().filter(|_| watched)?;
    let seen_ms = new.captured.at_ms;
    let in_time = seen_ms > closing.at_ms + RELAPSE_FROM_MS && seen_ms <= other.watch_until_ms?;
    in_time.then_some(NearKind::Relapse)
}
