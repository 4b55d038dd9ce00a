//! A QR code in the terminal: two modules a character, dark on light, with its quiet zone.

use qrcode::{EcLevel, QrCode, Version};

/// The code as lines of half blocks; nothing when the text is too long.
pub(crate) fn in_terminal(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    debug_assert!(
        matches!(code.version(), Version::Normal(_)),
        "with_error_correction_level makes normal codes"
    );
    let colors = code.to_colors();
    let quiet = 2;
    let dark = |x: usize, y: usize| {
        let inside = (quiet..quiet + width).contains(&x) && (quiet..quiet + width).contains(&y);
        inside && colors[(y - quiet) * width + (x - quiet)] == qrcode::Color::Dark
    };
    let side = width + 2 * quiet;
    let mut out = String::new();
    for y in (0..side).step_by(2) {
        for x in 0..side {
            // Most terminals are dark: light modules are drawn, dark ones left out.
            out.push(match (dark(x, y), y + 1 >= side || dark(x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        out.push('\n');
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_and_has_its_quiet_zone() {
        let text = in_terminal("https://example.org/").expect("a short text fits");
        let lines: Vec<&str> = text.lines().collect();
        let side = lines[0].chars().count();
        assert!(lines.iter().all(|l| l.chars().count() == side));
        assert_eq!(lines.len(), side.div_ceil(2));
        assert!(lines[0].chars().all(|c| c == '█'));
    }

    #[test]
    fn a_text_that_does_not_fit_is_no_code() {
        assert!(in_terminal(&"x".repeat(4_000)).is_none());
    }
}
