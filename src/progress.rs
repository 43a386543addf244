//! What a long search says meanwhile, on standard error and only if that is a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use podproof_checker::search::{Progress, Stage};
use podproof_traces::plain::plain;

use crate::search::Limits;

/// A line that tells how far a search is.
pub struct Line {
    bar: ProgressBar,
    name: String,
    start: Instant,
    shown: Bounds,
}

/// The bounds that a share is told of.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    states: u64,
    depth: u64,
    memory: u64,
    time: Option<Duration>,
}

impl Line {
    /// A line for the search that is called `name` and may find `states` states.
    pub fn new(name: &str, states: u64) -> Self {
        let name = &*plain(name);
        let bar =
            if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        let shown = Bounds { states, depth: u64::MAX, memory: u64::MAX, time: None };
        Self { bar, name: name.to_owned(), start: Instant::now(), shown }
    }

    /// The same, of search `number` of `count`.
    #[must_use]
    pub fn of(self, number: usize, count: usize) -> Self {
        if count > 1 {
            self.bar.set_prefix(format!("{number} of {count}: {}", self.name));
        }
        self
    }

    /// The same, for a search within these limits.
    #[must_use]
    pub fn within(mut self, limits: &Limits) -> Self {
        let &Limits { states, depth, memory, time, .. } = limits;
        self.shown = Bounds { states, depth, memory, time };
        self
    }

    /// Says how far it is.
    pub fn update(&self, progress: Progress) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(told(&progress, self.start.elapsed(), &self.shown));
        self.bar.tick();
    }

    /// Says something else.
    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }
}

/// The bound that is nearest, and how much of it is used, in percent. Only the time in this process counts.
fn nearest(progress: &Progress, here: Duration, bounds: &Bounds) -> (&'static str, f64) {
    let share = |used: f64, bound: f64| 100.0 * used / bound.max(1e-9);
    let time = bounds.time.map_or(0.0, |time| share(here.as_secs_f64(), time.as_secs_f64()));
    let shares = [
        ("--max-states", share(progress.states as f64, bounds.states as f64)),
        ("--max-depth", share(progress.depth as f64, bounds.depth as f64)),
        ("--max-memory", share(progress.memory as f64, bounds.memory as f64)),
        ("its share of --time-limit", time),
    ];
    shares.into_iter().max_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or(("", 0.0))
}

/// How far a search is that has run for `here` in this process.
fn told(progress: &Progress, here: Duration, bounds: &Bounds) -> String {
    let seconds = progress.elapsed.as_secs_f64().max(0.001);
    let (states, rate) = (HumanCount(progress.states), HumanCount((progress.states as f64 / seconds) as u64));
    let doing = match progress.stage {
        Stage::States => format!(
            "{states} states, {} to go on from, {rate}/s, depth {}",
            HumanCount(progress.queue),
            progress.depth
        ),
        Stage::Runs => format!("{states} states, looking for runs that keep something pending"),
    };
    let (bound, share) = nearest(progress, here, bounds);
    let memory = bytesize::ByteSize(progress.memory);
    let checkpoint = match progress.checkpoint {
        Some(age) => format!(", checkpoint {} s ago", age.as_secs()),
        None => String::new(),
    };
    format!("{doing}, {memory}, {share:.0} % of {bound}{checkpoint}")
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_bound_is_told() {
        let here = Duration::from_secs(10);
        let progress = Progress {
            stage: Stage::States,
            states: 1_500_000,
            queue: 20_000,
            transitions: 9,
            depth: 30,
            memory: 3 << 30,
            elapsed: Duration::from_secs(10),
            checkpoint: Some(Duration::from_secs(7)),
        };
        let bounds = Bounds { states: 3_000_000, depth: u64::MAX, memory: 4 << 30, time: None };
        assert_eq!(
            told(&progress, here, &bounds),
            "1,500,000 states, 20,000 to go on from, 150,000/s, depth 30, 3.0 GiB, 75 % of --max-memory, checkpoint 7 s ago"
        );
        let bounds = Bounds { time: Some(Duration::from_secs(11)), ..bounds };
        let runs = Progress { stage: Stage::Runs, checkpoint: None, ..progress };
        assert_eq!(
            told(&runs, here, &bounds),
            "1,500,000 states, looking for runs that keep something pending, 3.0 GiB, 91 % of its share of --time-limit"
        );
        assert_eq!(nearest(&progress, here, &Bounds { depth: 31, ..bounds }).0, "--max-depth");
    }
}
