//! Words of a case: whatever is asked, the grams never hide a text that answers, on whatever text.
#![allow(missing_docs, clippy::unwrap_used)]

use blindspot_core::projection::grams::{Wanted, behind, fold, grams, having, plain};
use proptest::prelude::*;

/// Few characters, so that questions often have an answer: Chinese, letters, digits, wide forms, marks.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select("垃圾桶菜场北门AbＢ１2，。 \u{3000}é".chars().collect::<Vec<_>>()),
        0..14,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn a_text_that_answers_has_every_gram_that_is_looked_for(said in text(), asked in text()) {
        let Some(wanted) = Wanted::of(&asked) else { return Ok(()) };
        let kept = grams(&said);
        if wanted.found_in(&said) {
            for from in wanted.beginnings() {
                prop_assert!(kept.iter().any(|gram| gram.starts_with(&from)), "{asked} in {said}: {from}");
            }
        }
    }

    #[test]
    fn a_text_answers_when_its_plain_form_fits_every_pattern(said in text(), asked in text()) {
        let Some(wanted) = Wanted::of(&asked) else { return Ok(()) };
        let kept = plain(&said);
        let fits = |pattern: &String| kept.contains(pattern.trim_matches('%'));
        prop_assert_eq!(wanted.patterns().iter().all(fits), wanted.found_in(&said), "{} in {}", asked, kept);
    }

    #[test]
    fn a_plain_text_says_the_same_and_has_nothing_that_a_pattern_means_otherwise(said in any::<String>()) {
        let kept = plain(&said);
        prop_assert!(!kept.contains(['%', '_', '\\', '\0']));
        prop_assert_eq!(&plain(&kept), &kept);
        prop_assert_eq!(grams(&kept), grams(&said));
        for gram in grams(&said) {
            prop_assert!(kept.contains(having(&gram).trim_matches('%')), "{} in {}", gram, kept);
        }
    }

    #[test]
    fn every_word_of_a_text_is_found_in_it(said in text(), from in 0usize..14, length in 1usize..6) {
        let piece: String = said.chars().skip(from).take(length).collect();
        // A piece may begin in the middle of a word of letters: only Chinese is looked for anywhere.
        let middle = said.chars().take(from).last().is_some_and(|c| c.is_alphanumeric());
        let letters = fold(&piece).chars().any(|c| c.is_alphanumeric() && (c as u32) < 0x2e80);
        if let Some(wanted) = Wanted::of(&piece).filter(|_| !(middle && letters)) {
            prop_assert!(wanted.found_in(&said), "{piece} of {said}");
        }
    }

    #[test]
    fn grams_are_short_and_folded(said in any::<String>()) {
        for gram in grams(&said) {
            prop_assert!(!gram.is_empty() && gram.chars().count() <= 24);
            prop_assert_eq!(&fold(&gram), &gram);
        }
    }

    #[test]
    fn a_range_has_what_begins_so_and_nothing_else(from in "[a-c圾-垃]{1,3}", other in "[a-d圾-圿]{0,4}") {
        let to = behind(&from).unwrap();
        let within = other.as_str() >= from.as_str() && other.as_str() < to.as_str();
        prop_assert_eq!(within, other.starts_with(&from), "{} {} {}", from, to, other);
    }
}
