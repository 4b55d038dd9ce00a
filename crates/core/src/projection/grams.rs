//! Words of a case for the search of lists: what is kept of a text, and what a question asks of it. Pure; the store keeps
//! them as they are given here, the same on both engines.
//!
//! Kept are the text itself in a plain form (`plain`), which a question is compared with, and grams, which tell of a whole day
//! whether anything in it may answer. Chinese is written without spaces and most words have two characters, so that grams are
//! overlapping pairs (trigrams would find nothing for 垃圾). The last character of a run stands alone as well: then each character
//! begins a gram, and a question of one character is a question for a beginning, like one for the beginning of a word of
//! letters. Numbers are no grams: nearly each is its own, and any day has many.

use crate::case::Case;
use std::collections::BTreeSet;

/// Characters of one field that are looked at: more is no description, and would be a row each.
const FIELD_CHARS: usize = 1_000;
/// Characters of a word of letters or digits that are kept.
const WORD_CHARS: usize = 24;
/// Runs of a question that count.
const RUNS_MAX: usize = 8;

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    /// Chinese characters.
    Han(Vec<char>),
    /// Letters and digits.
    Word(String),
}

/// Lower case, full-width forms as plain ones, an ideographic space as a space.
#[must_use]
pub fn fold(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    };
    text.chars().map(narrow).flat_map(char::to_lowercase).collect()
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn runs(text: &str) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    let mut broken = true;
    for c in fold(text).chars() {
        match out.last_mut() {
            Some(Run::Han(run)) if !broken && is_han(c) => run.push(c),
            Some(Run::Word(word)) if !broken && !is_han(c) && c.is_alphanumeric() => word.push(c),
            _ if is_han(c) => out.push(Run::Han(vec![c])),
            _ if c.is_alphanumeric() => out.push(Run::Word(c.into())),
            _ => {
                broken = true;
                continue;
            }
        }
        broken = false;
    }
    out
}

fn is_number(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

/// A text as it is compared with questions: its runs, a space before each and nothing else between them.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for run in runs(text) {
        out.push(' ');
        match run {
            Run::Han(run) => out.extend(run),
            Run::Word(word) => out.push_str(&word),
        }
    }
    out
}

/// The grams of a text, plain or not.
#[must_use]
pub fn grams(text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for run in runs(text) {
        match run {
            Run::Han(run) => {
                out.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
                out.extend(run.last().map(char::to_string));
            }
            Run::Word(word) if !is_number(&word) => {
                out.insert(word.chars().take(WORD_CHARS).collect());
            }
            Run::Word(_) => {}
        }
    }
    out
}

/// The `LIKE` pattern for plain texts that have a gram. No run has a character that means something in a pattern.
#[must_use]
pub fn having(gram: &str) -> String {
    if gram.chars().all(is_han) { format!("%{gram}%") } else { format!("% {gram}%") }
}

/// All words of a case that a list may be asked for, a field a line: description, landmark, tags, spoken number, local tag,
/// site.
#[must_use]
pub fn words_of(case: &Case) -> String {
    let field = |name: &str| case.fields.get(name).and_then(|v| v.as_str());
    let short = case.short_no.as_ref().map(|s| format!("{} {:05}", s.town, s.n));
    let all = [field("description"), field("landmark"), short.as_deref()].into_iter().flatten();
    let all = all.chain(case.tags.iter().map(String::as_str));
    let all = all.chain(case.local_tag.as_deref()).chain(case.site_id.as_deref());
    let mut out = String::new();
    for text in all {
        out.extend(text.chars().take(FIELD_CHARS));
        out.push('\n');
    }
    out
}

/// A question: every run of it must stand in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(Vec<Run>);

impl Wanted {
    /// Reads a question; nothing when there is no word in it.
    #[must_use]
    pub fn of(question: &str) -> Option<Self> {
        let mut runs = runs(question);
        runs.truncate(RUNS_MAX);
        (!runs.is_empty()).then_some(Self(runs))
    }

    /// `LIKE` patterns, one a run, the longest first: a plain text that fits them all answers the question.
    #[must_use]
    pub fn patterns(&self) -> Vec<String> {
        let mut out: Vec<String> = self
            .0
            .iter()
            .map(|run| match run {
                Run::Han(run) => having(&run.iter().collect::<String>()),
                Run::Word(word) => having(word),
            })
            .collect();
        out.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
        out
    }

    /// Beginnings of grams: every text that answers the question has, for each of these, a gram that begins so. Texts
    /// that have them all need not answer it; see `found_in`. There are none when the question is of numbers alone.
    #[must_use]
    pub fn beginnings(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for run in &self.0 {
            match run {
                Run::Han(run) if run.len() == 1 => out.extend(run.first().map(char::to_string)),
                Run::Han(run) => out.extend(run.windows(2).map(|pair| pair.iter().collect::<String>())),
                // It may begin a longer one that is no gram.
                Run::Word(word) if is_number(word) => {}
                Run::Word(word) => {
                    out.insert(word.chars().take(WORD_CHARS).collect());
                }
            }
        }
        out
    }

    /// Whether a text answers the question: Chinese stands anywhere in it, a word of letters or digits begins one of its
    /// words.
    #[must_use]
    pub fn found_in(&self, text: &str) -> bool {
        let there = runs(text);
        self.0.iter().all(|want| {
            there.iter().any(|run| match (want, run) {
                (Run::Han(want), Run::Han(run)) => run.windows(want.len()).any(|w| w == want),
                (Run::Word(want), Run::Word(word)) => word.starts_with(want.as_str()),
                _ => false,
            })
        })
    }
}

/// The first text, in the order of bytes, behind all that begin so; nothing when there is none.
#[must_use]
pub fn behind(beginning: &str) -> Option<String> {
    let mut chars: Vec<char> = beginning.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        grams(text).into_iter().collect()
    }
    fn finds(question: &str, text: &str) -> bool {
        Wanted::of(question).is_some_and(|w| w.found_in(text))
    }

    #[test]
    fn pairs_overlap_and_letters_are_words() {
        assert_eq!(of("垃圾桶满"), ["圾桶", "垃圾", "桶满", "满"]);
        assert_eq!(of("菜场 A12号，Ｂ栋"), ["a12", "b", "号", "场", "栋", "菜场"]);
        assert!(of("，。 ").is_empty());
        assert_eq!(of("12号 0731 3F"), ["3f", "号"], "numbers are no grams");
        assert_eq!(plain("12号，0731\n3F 南门"), " 12 号 0731 3f 南门");
        let patterns = Wanted::of("0731 垃圾 3f").map(|w| w.patterns());
        assert_eq!(patterns.unwrap_or_default(), ["%垃圾%", "% 0731%", "% 3f%"]);
    }

    #[test]
    fn a_question_of_one_of_two_and_of_many_characters_finds() {
        let text = "菜场北门有暴露垃圾，靠近 KTV2楼";
        for yes in [
            "垃圾",
            "圾",
            "菜",
            "北门有暴露",
            "ktv",
            "ＫＴＶ",
            "垃圾 菜场",
            "2楼 x".split(' ').next().unwrap_or_default(),
        ] {
            assert_eq!(finds(yes, text), !yes.starts_with('2'), "{yes}");
        }
        for no in ["垃桶", "圾垃", "tv", "垃圾 公园", "门靠"] {
            assert!(!finds(no, text), "{no}");
        }
        assert!(Wanted::of(" ，").is_none());
    }

    #[test]
    fn what_is_behind_a_beginning_is_behind_all_that_begin_so() {
        assert_eq!(behind("垃").as_deref(), Some("垄"));
        assert_eq!(behind("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(behind(""), None);
    }
}
