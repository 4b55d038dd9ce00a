//! What the demo and its phones say to each other: a plan in a file, orders on stdin, words on stdout.
//!
//! Lines of JSON. Not a public protocol: both ends are this binary.

use blindspot_core::feed::Feed;
use blindspot_core::geo::Point;
use blindspot_core::{CaseId, DeviceId, OpId, PersonId, PhotoId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What one phone is to do. Holds enrolment codes: the file is readable by its owner alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// 1 to 5.
    pub(crate) number: u32,
    /// Base address that the phone knows.
    pub(crate) server: String,
    /// Fingerprint of the server's identity key.
    pub(crate) fingerprint: String,
    /// Seed of the drawn scenes.
    pub(crate) seed: u64,
    /// How wrong the phone's clock is, milliseconds.
    pub(crate) clock_offset_ms: i64,
    /// Real JPEG files to copy and stamp instead of drawing.
    pub(crate) photos: Option<PathBuf>,
    /// Who uses the phone, one after another.
    pub(crate) people: Vec<Worker>,
}

/// One person on a phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Worker {
    /// Login.
    pub(crate) login: String,
    /// Name as shown.
    pub(crate) name: String,
    /// One-time code.
    pub(crate) code: String,
    /// What this person will see, in order.
    pub(crate) shots: Vec<Shot>,
}

/// One blind spot to report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shot {
    /// The number on the wall of the drawn scene.
    pub(crate) scene: u32,
    /// Where, WGS-84.
    pub(crate) point: Point,
    /// Radius of the fix, metres.
    pub(crate) accuracy_m: f64,
    /// How many photos.
    pub(crate) photos: u32,
    /// Problem code of the sample catalogue.
    pub(crate) problem: String,
    /// 紧急·有危险
    pub(crate) urgent: bool,
}

impl Shot {
    /// The landmark line, by which the demo finds the scene of a case again.
    pub(crate) fn landmark(&self) -> String {
        format!("样例场景 {:03}", self.scene)
    }
}

/// The scene number in a landmark line.
pub(crate) fn scene_of(landmark: &str) -> Option<u32> {
    landmark.strip_prefix("样例场景 ")?.parse().ok()
}

/// An order from the demo to a phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Take everything of the plan that is not taken yet, without signal.
    Capture,
    /// Signal is back: sync until told otherwise.
    Online,
    /// Try at once, whatever back-off says.
    Nudge,
    /// Give feedback with an after photo on these cases.
    FeedBack {
        /// Which.
        jobs: Vec<Job>,
    },
    /// Check these cases on the spot.
    Verify {
        /// Which.
        jobs: Vec<Job>,
    },
    /// Say the last word and end.
    Quit,
}

/// One case to work on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Which.
    pub(crate) case_id: CaseId,
    /// Its scene, for the picture.
    pub(crate) scene: u32,
}

/// What a phone says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Word {
    /// Everybody is enrolled and holds the reference data.
    Ready,
    /// How far it is.
    Progress(Progress),
    /// All captures are made and sealed.
    Captured,
    /// Feedback or checks are captured: how many.
    Worked {
        /// How many.
        done: u32,
    },
    /// It gave up on something.
    Failed {
        /// Why.
        why: String,
    },
    /// The last word.
    Last(Last),
}

/// How far a phone is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Captures durable.
    pub(crate) captured: u64,
    /// Ops the server has acknowledged.
    pub(crate) acknowledged: u64,
    /// Ops that it has not.
    pub(crate) unsent_ops: u64,
    /// Captures not yet sealed.
    pub(crate) unsealed: u64,
    /// Forms of photos the server has verified.
    pub(crate) photos_sent: u64,
    /// Photos of which a form is still to be sent.
    pub(crate) photos_unsent: u64,
    /// Digests of the mirror: per person, per feed, count and sum.
    pub(crate) digests: BTreeMap<PersonId, Digests>,
}

/// Digest of each feed: rows and sum as 32 hex digits.
pub(crate) type Digests = BTreeMap<Feed, (u64, String)>;

impl Progress {
    /// Whether nothing of the phone's own work is left on it.
    pub(crate) fn is_empty_handed(&self) -> bool {
        self.unsent_ops == 0 && self.unsealed == 0 && self.photos_unsent == 0
    }
}

/// What a phone knows at the end, from its own records.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Last {
    /// Per person.
    pub(crate) people: Vec<LastOfPerson>,
    /// Highest resident memory, kilobytes.
    pub(crate) peak_kb: u64,
}

/// A person's replica at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LastOfPerson {
    /// The person.
    pub(crate) person: PersonId,
    /// The enrolment.
    pub(crate) device: DeviceId,
    /// Every op captured: id, kind, whether acknowledged.
    pub(crate) ops: Vec<(OpId, String, bool)>,
    /// Every photo captured.
    pub(crate) photos: BTreeSet<PhotoId>,
}

/// A line of JSON.
pub(crate) fn line<T: Serialize>(value: &T) -> String {
    // These types hold strings, numbers and maps with string keys: serde writes all of them.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_landmark_names_its_scene() {
        let shot = Shot {
            scene: 37,
            point: Point { lat: 29.3, lon: 120.0 },
            accuracy_m: 8.0,
            photos: 1,
            problem: "3.03-a".into(),
            urgent: false,
        };
        assert_eq!(scene_of(&shot.landmark()), Some(37));
        assert_eq!(scene_of("菜场北门"), None);
    }

    #[test]
    fn words_survive_their_line() {
        let mut progress = Progress { captured: 3, ..Progress::default() };
        let person = PersonId::from_parts(1, [1; 10]);
        let digests = Digests::from([(Feed::reference(), (2, "0".repeat(32)))]);
        progress.digests.insert(person, digests);
        let text = line(&Word::Progress(progress.clone()));
        assert!(matches!(serde_json::from_str(&text), Ok(Word::Progress(read)) if read == progress));
    }
}
