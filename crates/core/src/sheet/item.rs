//! Items of the catalogue and sources of a case as words in a cell.

use crate::catalogue::Catalogue;
use crate::command::{Category, Source};

/// `3.07 环境卫生`, or the code alone when the catalogue does not know it.
#[must_use]
pub fn item_text(code: &str, catalogue: Option<&Catalogue>) -> String {
    let title = catalogue.and_then(|c| c.item_of(code)).map(|item| item.title_zh.as_str());
    match title.filter(|t| !t.is_empty()) {
        Some(title) => format!("{code} {title}"),
        None => code.to_owned(),
    }
}

/// What a cell says of an item: its code first, or its whole title, or the words of a problem.
#[must_use]
pub fn parse_item(text: &str, catalogue: &Catalogue) -> Option<Category> {
    let first = text.split([' ', '　', '、', '\n']).next().unwrap_or("").trim();
    let of = |item: &str, problem: Option<&str>| Category {
        catalogue: catalogue.version.clone(),
        item: Some(item.to_owned()),
        problem: problem.map(str::to_owned),
    };
    if let Some(item) = catalogue.item(first) {
        return Some(of(&item.code, None));
    }
    if let (Some(problem), Some(item)) = (catalogue.problem(first), catalogue.item_of(first)) {
        return Some(of(&item.code, Some(&problem.code)));
    }
    if let Some(item) = catalogue.items.iter().find(|i| !text.is_empty() && i.title_zh == text) {
        return Some(of(&item.code, None));
    }
    let mut by_words = catalogue.problems().filter(|(_, p)| !text.is_empty() && p.zh == text);
    by_words.next().map(|(item, problem)| of(&item.code, Some(&problem.code)))
}

const SOURCES: &[(Source, &str)] = &[
    (Source::Patrol, "巡查"),
    (Source::Hotline, "热线"),
    (Source::Leader, "领导批办"),
    (Source::CovertVisit, "上级暗访"),
    (Source::Media, "媒体曝光"),
    (Source::SelfCheck, "单位自查"),
    (Source::Citizen, "随手拍"),
];

/// A source in Chinese.
#[must_use]
pub fn source_text(source: &Source) -> &str {
    SOURCES.iter().find(|(s, _)| s == source).map_or(source.as_str(), |(_, zh)| zh)
}

/// The source of a word, Chinese or the wire's.
#[must_use]
pub fn source_word(text: &str) -> Option<Source> {
    let text = text.trim();
    SOURCES
        .iter()
        .find(|(s, zh)| *zh == text || s.as_str() == text)
        .map(|(s, _)| s.clone())
        .or_else(|| (text == "暗访").then_some(Source::CovertVisit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_word_that_is_read_again() {
        for (source, zh) in SOURCES {
            assert_eq!(source_text(source), *zh);
            assert_eq!(source_word(zh), Some(source.clone()));
            assert_eq!(source_word(source.as_str()), Some(source.clone()));
        }
        assert_eq!(source_word("别的"), None);
    }
}
