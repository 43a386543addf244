//! What a long search says meanwhile, on standard error and only if that is a terminal.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// A line that tells how far a search is.
pub struct Line {
    bar: ProgressBar,
    start: Instant,
    bound: u64,
}

impl Line {
    /// A line for the search that is called `name` and may find `bound` states.
    pub fn new(name: &str, bound: u64) -> Self {
        let bar =
            if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar, start: Instant::now(), bound }
    }

    /// Says how far it is.
    pub fn update(&self, progress: podproof_checker::search::Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let seconds = self.start.elapsed().as_secs_f64().max(0.001);
        let share = 100.0 * progress.states as f64 / self.bound.max(1) as f64;
        self.bar.set_message(format!(
            "{} states ({share:.0} % of the bound), {}/s, depth {}, {} to go on from",
            HumanCount(progress.states),
            HumanCount((progress.states as f64 / seconds) as u64),
            progress.depth,
            HumanCount(progress.queue),
        ));
        self.bar.tick();
    }

    /// Says something else.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
