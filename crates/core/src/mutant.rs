//! Planted bugs, to test the tests: each is chosen by name while a simulation runs, and must be found by it.
//!
//! Behind the feature `mutants`, which only the test packages ask for. Without it every question is answered "no"
//! at compile time, and nothing of this is in the program.

/// All of them, with what each spoils.
pub const ALL: &[(&str, &str)] = &[
    ("ack_before_commit", "the server answers a group whose commit failed"),
    ("acked_forgotten_early", "the phone forgets an op as soon as it is acknowledged"),
    ("acked_when_sent", "the phone counts an op as stored when it is sent"),
    ("author_from_credential", "an op counts as the word of whoever's credential brought it"),
    ("clock_believed", "a phone's wall clock dates what it captured"),
    ("copy_unnoticed", "two ops under one number are taken for nothing"),
    ("counter_not_kept", "spoken numbers are given twice"),
    ("cursor_before_rows", "the phone keeps the cursor before the rows it stands for"),
    ("cursor_skips", "a delta begins one change too late"),
    ("dedupe_dropped", "an op that comes again is decided again"),
    ("delivered_before_digest", "a photo counts as delivered before its digest was verified"),
    ("digest_not_removed", "a row that changes stays in the digest as it was"),
    ("epoch_not_opened", "a server that lost its past does not notice"),
    ("fault_is_refusal", "a server whose disk fails says that the phone's op is wrong"),
    ("former_verdicts_unread", "a later enrolment does not hear of the ops of a former one"),
    ("hold_forgotten", "what waited for an op is not decided after it"),
    ("item_not_superseded", "a feed keeps the older changes of a row"),
    ("late_answer_counts", "an answer to a former enrolment ends the new one"),
    ("left_marker_lost", "a row that leaves a feed is not told"),
    ("left_rows_stay", "rows that no feed holds any more stay on the phone"),
    ("lost_scope_stays", "a feed that is no longer a person's stays on the phone"),
    ("lost_token_refused", "a refresh token newer than the backup ends the family"),
    ("mirror_keeps_lost_past", "rows of a past that is lost stay on the phone when their revision is higher"),
    ("new_feed_from_head", "a feed that comes into scope is not read from its beginning"),
    ("photo_link_lost", "bytes that come after their op are not linked"),
    ("photo_reoffer_dropped", "after a restore photos are not offered again"),
    ("portal_counts", "an answer of a captive portal counts as the server's"),
    ("predecessor_ignored", "an op is decided before the one it builds on"),
    ("reencoded", "an op's bytes are written anew when it is sent"),
    (
        "refresh_rule_off",
        "the predecessor of a refresh token is refused although its successor was never used",
    ),
    ("refreshed_tokens_lost", "the phone forgets new tokens at once"),
    ("reoffer_dropped", "after a restore ops are not offered again"),
    (
        "turn_not_taken",
        "on PostgreSQL seqs are given without the turn to write and without the lock of the feed's head",
    ),
    ("verdict_change_untold", "a verdict that changes later is not told to the phone"),
];

/// Those that a simulation cannot find, because it stands on one machine: other tests do.
pub const BESIDE_SIMULATION: &[&str] = &["turn_not_taken"];

#[cfg(feature = "mutants")]
mod chosen {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Place in `ALL` plus one; none is 0.
    static CHOSEN: AtomicUsize = AtomicUsize::new(0);

    /// Whether the planted bug of this name is in force.
    #[must_use]
    pub fn is(name: &str) -> bool {
        let chosen = CHOSEN.load(Relaxed);
        chosen > 0 && super::ALL.get(chosen - 1).is_some_and(|(n, _)| *n == name)
    }

    /// Puts one in force, or none; says whether there is one of the name.
    pub fn choose(name: Option<&str>) -> bool {
        let place = name.and_then(|name| super::ALL.iter().position(|(n, _)| *n == name));
        CHOSEN.store(place.map_or(0, |p| p + 1), Relaxed);
        place.is_some()
    }
}

#[cfg(feature = "mutants")]
pub use chosen::{choose, is};

/// Whether the planted bug of this name is in force: never, in a program that people run.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
pub const fn is(_name: &str) -> bool {
    false
}
