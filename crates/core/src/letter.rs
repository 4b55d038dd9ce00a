//! Letters 文书 (field.md U18): their kinds, who issues them, their numbers 文号. Knows no page and no storage.

use crate::access::Role;

crate::open_enum! {
    /// A kind of letter. There is none that orders: nobody here has power of enforcement.
    pub enum LetterKind {
        /// 交办单, to a unit.
        Transfer = "transfer",
        /// 督办单, to a unit.
        Supervise = "supervise",
        /// 整改告知单, to a shop or person.
        Notice = "notice",
    }
}

impl LetterKind {
    /// Its name on the page.
    #[must_use]
    pub fn zh(&self) -> &str {
        match self {
            LetterKind::Transfer => "交办单",
            LetterKind::Supervise => "督办单",
            LetterKind::Notice => "整改告知单",
            LetterKind::Other(word) => word,
        }
    }

    /// The character in its numbers.
    #[must_use]
    pub fn mark(&self) -> &'static str {
        match self {
            LetterKind::Transfer => "交",
            LetterKind::Supervise => "督",
            LetterKind::Notice => "告",
            LetterKind::Other(_) => "",
        }
    }

    /// Who issues it, and voids it: the command desk, the supervision centre; a notice either.
    #[must_use]
    pub fn issuers(&self) -> &'static [Role] {
        match self {
            LetterKind::Transfer => &[Role::Dispatcher, Role::DutyLeader, Role::DeputyHead],
            LetterKind::Supervise => &[Role::Supervisor],
            LetterKind::Notice => &[Role::Dispatcher, Role::DutyLeader, Role::DeputyHead, Role::Supervisor],
            LetterKind::Other(_) => &[],
        }
    }

    /// Whether it goes to a unit that leads its cases.
    #[must_use]
    pub fn is_to_unit(&self) -> bool {
        matches!(self, LetterKind::Transfer | LetterKind::Supervise)
    }
}

/// A number as it is written: `××创卫办交〔2026〕12号`.
#[must_use]
pub fn letter_number(prefix: &str, kind: &LetterKind, year: i64, n: i64) -> String {
    format!("{prefix}{}〔{year}〕{n}号", kind.mark())
}

/// The year of a number: that of the city's time.
#[must_use]
pub fn letter_year(ms: i64) -> i64 {
    crate::local::moment(ms).get(..4).and_then(|y| y.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_office_kind_year_and_count() {
        assert_eq!(letter_number("义创卫办", &LetterKind::Transfer, 2026, 12), "义创卫办交〔2026〕12号");
        // New Year's Eve 16:00 in Greenwich is New Year in the city.
        assert_eq!(letter_year(1_798_732_800_000 - 1), 2026);
        assert_eq!(letter_year(1_798_732_800_000), 2027);
    }

    #[test]
    fn commands_issue_transfers_and_supervision_supervises() {
        assert!(!LetterKind::Transfer.issuers().contains(&Role::Supervisor));
        assert_eq!(LetterKind::Supervise.issuers(), &[Role::Supervisor]);
        assert!(LetterKind::Other("order".into()).issuers().is_empty(), "what is not known nobody issues");
        assert!(!LetterKind::Notice.zh().contains("责令"));
    }
}
