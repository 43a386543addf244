//! How often rules may be programmed: once in the min-sync period, with a burst of two, and at least once an hour (PRX-1, PRX-2; S28
//! `pkg/util/async/bounded_frequency_runner.go`).

use std::time::Duration;

use crate::clock::Moment;

/// How many runs may follow each other at once (P-3).
const BURST: u32 = 2;

/// When the next run may be, and when it must be.
#[derive(Clone, Copy, Debug)]
pub struct Frequency {
    least: Duration,
    most: Duration,
    /// When the runs so far would be over if each took `least`.
    paid_until: Moment,
    last: Option<Moment>,
    wanted: bool,
}

impl Frequency {
    /// Nobody has run yet.
    pub const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, paid_until: Moment(0), last: None, wanted: false }
    }

    /// A run is wanted.
    pub const fn want(&mut self) {
        self.wanted = true;
    }

    /// When the next run is due; none if none is wanted, ever.
    pub fn next(&self) -> Option<Moment> {
        let allowed = self.paid_until - self.least * (BURST - 1);
        if self.wanted { Some(allowed) } else { self.last.map(|last| last + self.most) }
    }

    /// Is a run due by now?
    pub fn is_due(&self, now: Moment) -> bool {
        self.next().is_some_and(|next| next <= now)
    }

    /// It runs.
    pub fn run(&mut self, now: Moment) {
        self.wanted = false;
        self.last = Some(now);
        self.paid_until = self.paid_until.max(now) + self.least;
    }
}
