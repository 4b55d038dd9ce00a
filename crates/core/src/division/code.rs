//! The codes of places: 6 county + 3 town + 3 committee + 3 sequence digits, and duty grid ids.
//!
//! Knows the shape of a code, not whether such a place exists.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A code that has not the shape of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Wrong length or a character that is no digit.
    #[error("{kind}: wanted {digits} digits, got {text:?}")]
    Digits {
        /// Which code was read.
        kind: &'static str,
        /// How many digits it has.
        digits: usize,
        /// What stood there.
        text: String,
    },
    /// A duty grid id that is not committee code, hyphen, number.
    #[error("duty grid: wanted a 12-digit committee code, a hyphen and a number from 1 to 999, got {0:?}")]
    Grid(String),
}

fn digits(kind: &'static str, digits: usize, text: &str) -> Result<String, CodeError> {
    let text = text.trim();
    if text.len() == digits && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(CodeError::Digits { kind, digits, text: text.chars().take(40).collect() })
}

macro_rules! code {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(transparent)]
        pub struct $name(pub String);
        impl $name {
            /// The text of the code.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = CodeError;
            fn from_str(text: &str) -> Result<Self, CodeError> {
                Self::parse(text)
            }
        }
    };
}

code!(
    /// A town or subdistrict 镇街: 9 digits.
    TownCode
);
code!(
    /// A residents' or villagers' committee 社区（村）: 12 digits.
    CommitteeCode
);
code!(
    /// A cell 单元网格: 15 digits.
    CellCode
);
code!(
    /// A duty grid 责任网格: committee code, hyphen, number: `330782003002-03`.
    GridId
);

impl TownCode {
    /// Reads 9 digits; a 12-digit code that ends in `000` is accepted, as statistics lists write it.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        let short = if text.len() == 12 { text.strip_suffix("000").unwrap_or(text) } else { text };
        digits("town", 9, short).map(Self)
    }
}

impl CommitteeCode {
    /// Reads 12 digits.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        digits("committee", 12, text).map(Self)
    }
    /// The town that the code stands in.
    #[must_use]
    pub fn town(&self) -> TownCode {
        TownCode(self.0.get(..9).unwrap_or(&self.0).to_owned())
    }
}

impl CellCode {
    /// Reads 15 digits.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        digits("cell", 15, text).map(Self)
    }
    /// The committee that the code stands in.
    #[must_use]
    pub fn committee(&self) -> CommitteeCode {
        CommitteeCode(self.0.get(..12).unwrap_or(&self.0).to_owned())
    }
    /// The town that the code stands in.
    #[must_use]
    pub fn town(&self) -> TownCode {
        self.committee().town()
    }
    /// The last three digits as a number.
    #[must_use]
    pub fn sequence(&self) -> u16 {
        self.0.get(12..).and_then(|s| s.parse().ok()).unwrap_or(0)
    }
}

impl GridId {
    /// Reads committee code, hyphen, number from 1 to 999.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        let bad = || CodeError::Grid(text.chars().take(40).collect());
        let (committee, number) = text.split_once('-').ok_or_else(bad)?;
        CommitteeCode::parse(committee).map_err(|_| bad())?;
        let in_range = number.bytes().all(|b| b.is_ascii_digit())
            && (2..=3).contains(&number.len())
            && number.parse::<u16>().is_ok_and(|n| n > 0);
        if in_range { Ok(Self(text.to_owned())) } else { Err(bad()) }
    }
    /// The id of the `number`-th duty grid of a committee.
    #[must_use]
    pub fn new(committee: &CommitteeCode, number: u16) -> Self {
        Self(format!("{committee}-{number:02}"))
    }
    /// The committee that the id stands in.
    #[must_use]
    pub fn committee(&self) -> CommitteeCode {
        CommitteeCode(self.0.get(..12).unwrap_or(&self.0).to_owned())
    }
    /// The number after the hyphen.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.0.get(13..).and_then(|s| s.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_knows_its_parents() {
        let cell = CellCode::parse(" 330782003002017 ").expect("15 digits");
        assert_eq!(cell.committee().as_str(), "330782003002");
        assert_eq!(cell.town().as_str(), "330782003");
        assert_eq!(cell.sequence(), 17);
        let grid: GridId = "330782003002-03".parse().expect("a grid id");
        assert_eq!((grid.committee(), grid.number()), (cell.committee(), 3));
        assert_eq!(GridId::new(&cell.committee(), 3), grid);
        assert_eq!(TownCode::parse("330782003000").expect("12 digits"), cell.town());
    }

    #[test]
    fn wrong_shapes_are_refused() {
        for text in ["", "33078200300201", "33078200300201a", "３３０７８２００３００２０１７"]
        {
            assert!(CellCode::parse(text).is_err(), "{text}");
        }
        for text in ["330782003002", "330782003002-0", "330782003002-00", "330782003002-+3", "33078200300-03"]
        {
            assert!(GridId::parse(text).is_err(), "{text}");
        }
        assert!(TownCode::parse("330782003002").is_err());
    }

    #[test]
    fn codes_are_plain_strings_on_the_wire() {
        let town = TownCode("330782003".into());
        assert_eq!(serde_json::to_string(&town).expect("writes"), "\"330782003\"");
    }
}
