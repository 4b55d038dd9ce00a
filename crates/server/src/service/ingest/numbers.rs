//! Spoken numbers 短号 (U6): counted per town and year, given in the transaction that opens the case.

use super::group::Group;
use blindspot_core::case::{Case, ShortNo};
use blindspot_store::{Result, counters};

/// Said instead of a town when a case has none.
const WHOLE_CITY: &str = "全市";
/// Chinese cities keep one civil time, eight hours before UTC.
const CIVIL_OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

impl Group<'_, '_> {
    /// The next spoken number for a new case.
    pub(super) fn next_short(&mut self, case: &Case) -> Result<ShortNo> {
        let division = case.place.town.as_ref().and_then(|t| self.reference.places.town(t, case.received_ms));
        let town = division.map(|d| {
            if d.short_zh.is_empty() { d.name_zh.chars().take(2).collect() } else { d.short_zh.clone() }
        });
        let (name, town) = match (town, division) {
            (Some(town), Some(division)) => (division.code.clone(), town),
            _ => ("all".to_owned(), WHOLE_CITY.to_owned()),
        };
        let n = self.count(&format!("short:{name}:{}", civil_year(case.received_ms)))?;
        Ok(ShortNo { town, n: u32::try_from(n).unwrap_or(u32::MAX) })
    }

    /// One more of a counter; written when the group ends.
    pub(super) fn count(&mut self, name: &str) -> Result<i64> {
        let at = match self.counters.get(name) {
            Some(n) => *n,
            None => counters::load_counter(self.tx, &self.house.city, name)?,
        };
        self.counters.insert(name.to_owned(), at + 1);
        Ok(at + 1)
    }
}

/// The year of a time in the city's civil calendar (days to years after Hinnant, "chrono-compatible
/// low-level date algorithms").
fn civil_year(at_ms: i64) -> i64 {
    let days = at_ms.saturating_add(CIVIL_OFFSET_MS).div_euclid(DAY_MS) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years of this reckoning begin in March: January and February belong to the next civil year.
    era * 400 + year_of_era + i64::from(day_of_year >= 306)
}

#[cfg(test)]
mod tests {
    use super::civil_year;

    #[test]
    fn the_year_turns_at_midnight_in_the_city() {
        // 2026-12-31 15:59:59.999 UTC is 23:59:59.999 in the city.
        let last = 1_798_732_799_999;
        assert_eq!((civil_year(last), civil_year(last + 1)), (2026, 2027));
        assert_eq!(civil_year(0), 1970);
        assert_eq!(civil_year(951_782_400_000), 2000);
    }
}
