//! What a screen says of an item of work: on the phone, on the server, verified, and why (U31, glossary 75).

use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// Where a piece of work stands, in the words a worker sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// 在手机里: captured, not sealed or not sent.
    OnPhone {
        /// What it waits for.
        waits_for: String,
    },
    /// 已到服务器: acknowledged.
    OnServer {
        /// The verdict as last heard.
        verdict: Verdict,
    },
    /// 已校验: acknowledged, decided, and every byte of its photos verified.
    Verified,
}

/// The stage of a piece of work from its parts.
#[must_use]
pub fn stage_of(verdict: Option<&Verdict>, photos_verified: bool, waits_for: &str) -> Stage {
    match verdict {
        None => Stage::OnPhone { waits_for: waits_for.to_owned() },
        Some(verdict) if verdict.is_final() && photos_verified => Stage::Verified,
        Some(verdict) => Stage::OnServer { verdict: verdict.clone() },
    }
}

impl Stage {
    /// The word on the screen: Chinese, English.
    #[must_use]
    pub fn text(&self) -> (&'static str, &'static str) {
        match self {
            Stage::OnPhone { .. } => ("在手机里", "On this phone"),
            Stage::OnServer { .. } => ("已到服务器", "On the server"),
            Stage::Verified => ("已校验", "Verified"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verified_needs_a_final_verdict_and_all_bytes() {
        let held = Verdict::Held { missing: vec![] };
        assert!(matches!(stage_of(Some(&held), true, ""), Stage::OnServer { .. }));
        assert!(matches!(stage_of(Some(&Verdict::Applied), false, ""), Stage::OnServer { .. }));
        assert_eq!(stage_of(Some(&Verdict::Applied), true, ""), Stage::Verified);
        assert!(matches!(stage_of(None, true, "signal"), Stage::OnPhone { .. }));
    }
}
