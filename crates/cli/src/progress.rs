//! Progress bars: shown to people, hidden when output is not a terminal or a program reads it.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;

/// Bars that belong together.
pub(crate) struct Bars {
    all: MultiProgress,
    shown: bool,
}

impl Bars {
    /// Bars on the error stream, unless `quiet` or it is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        let all = MultiProgress::new();
        if !shown {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { all, shown }
    }

    /// One more bar, with a name of at most about 24 columns.
    pub(crate) fn bar(&self, name: &str, length: u64) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new(length));
        let style = ProgressStyle::with_template("{prefix:24} [{bar:28}] {pos:>5}/{len:<5} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(name.to_owned());
        bar
    }

    /// A line above the bars; on the error stream when they are hidden.
    pub(crate) fn line(&self, text: &str) {
        if self.shown {
            // A terminal that has gone away needs no line.
            let _ = self.all.println(text);
        } else {
            eprintln!("{text}");
        }
    }

    /// Takes the bars away.
    pub(crate) fn clear(&self) {
        let _ = self.all.clear();
    }
}
