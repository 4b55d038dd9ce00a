//! Text of a cell: what a spreadsheet program must not take for a formula, and what counts as the same text.

/// What makes a spreadsheet program take a text for a formula.
fn is_dangerous(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The text as it may stand in a cell: one that would be taken for a formula gets a quote in front. `unguard` takes
/// exactly that quote away again.
#[must_use]
pub fn guard(text: &str) -> String {
    if is_dangerous(text.trim_start_matches('\'')) { format!("'{text}") } else { text.to_owned() }
}

/// The text that `guard` was given.
#[must_use]
pub fn unguard(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_dangerous(rest.trim_start_matches('\'')) => rest,
        _ => text,
    }
}

/// A cell as it is compared: spreadsheet programs rewrite ends of lines and leave blanks at the edges. What no
/// XML file can hold is left out.
#[must_use]
pub fn tidy(text: &str) -> String {
    let allowed = |c: char| c == '\n' || c == '\t' || !c.is_control();
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = lines.chars().filter(|c| allowed(*c) && *c != '\u{feff}').collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_text_is_no_formula_and_comes_back_as_it_was() {
        for text in
            ["=1+1", "+86", "-3", "@x", "\tx", "\rx", "'=1", "''=1", "'quoted'", "plain", "", "'", "一'=1"]
        {
            let out = guard(text);
            assert!(!is_dangerous(&out), "{out}");
            assert_eq!(unguard(&out), text);
        }
        assert_eq!(guard("plain"), "plain");
    }

    #[test]
    fn ends_of_lines_and_blanks_at_the_edges_are_no_change() {
        assert_eq!(tidy(" 一\r\n二\r三 \u{0}\u{feff}"), "一\n二\n三");
    }
}
