//! What a command answers: lines for people, objects for programs, and failures that say what to do.

use serde::Serialize;
use std::io::{ErrorKind, Write as _};

/// Why a command failed: Chinese, then English with what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    zh: String,
    en: String,
}

/// What every command returns.
pub(crate) type Done<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure in both languages.
    pub(crate) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// Prints to the error stream.
    pub(crate) fn print(&self) {
        eprintln!("错误 error: {}\n            {}", self.zh, self.en);
    }

    /// The English half, for logs.
    pub(crate) fn english(&self) -> &str {
        &self.en
    }
}

/// Puts words about what was tried in front of an error.
pub(crate) trait Tried<T> {
    /// `zh` and `en` say what was tried; the error's own text follows both.
    fn tried(self, zh: &str, en: &str) -> Done<T>;
}

impl<T, E: std::fmt::Display> Tried<T> for Result<T, E> {
    fn tried(self, zh: &str, en: &str) -> Done<T> {
        self.map_err(|e| {
            let said = e.to_string();
            let (said_zh, said_en) = halves(&said);
            Failure::new(format!("{zh}：{said_zh}"), format!("{en}: {said_en}"))
        })
    }
}

/// The two languages of an error that speaks both, `中文 / English`; any other text is both.
pub(crate) fn halves(said: &str) -> (&str, &str) {
    match said.split_once(" / ") {
        Some((zh, en)) if !zh.is_ascii() => (zh, en),
        _ => (said, said),
    }
}

/// One object on one line, or lines for people.
pub(crate) fn answer<T: Serialize>(json: bool, value: &T, words: impl FnOnce() -> String) -> Done {
    if json {
        let text =
            serde_json::to_string(value).tried("结果写不成 JSON", "the answer cannot be written as JSON")?;
        return print(&text);
    }
    let words = words();
    if words.is_empty() { Ok(()) } else { print(words.trim_end()) }
}

/// A reader that has seen enough (`head`) is no failure.
fn print(text: &str) -> Done {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.tried("结果写不出来", "the answer cannot be written"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_two_languages_is_said_once_in_each() {
        let failed: Done = Err::<(), _>("绑定码不对 / The code is wrong").tried("没有绑定", "not enrolled");
        let failure = failed.expect_err("it was an error");
        assert_eq!(failure.zh, "没有绑定：绑定码不对");
        assert_eq!(failure.english(), "not enrolled: The code is wrong");
        assert_eq!(halves("and / or"), ("and / or", "and / or"));
    }
}
