//! The bounds, while runs through the states found are judged: that takes time and memory too.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::report::{Bounds, Progress, Stopped};

/// How long a process has searched.
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The limit, if it is reached.
    pub fn is_over(&self, limit: Option<Duration>) -> Option<Duration> {
        limit.filter(|&limit| self.elapsed() >= limit)
    }
}

/// Small steps between two looks at the bounds.
const STEPS: u32 = 1 << 12;

/// Bytes that are filled in the time of a small step.
const FILLED: u64 = 64;

/// A search that has met its bound on time, or was interrupted, still judges what it has found for a tenth of the time
/// that it took, and no longer than this.
const GRACE_MAX: Duration = Duration::from_secs(10);

/// Who watches a search.
pub type Watch<'y> = Box<dyn FnMut(Progress) -> ControlFlow<()> + 'y>;

/// What long work asks, so that it ends where a bound is met. What it has found until then must be right; that there is no
/// more, nobody may conclude.
pub trait Looks {
    /// Is it over? Asked at each small step; it looks only now and then. `more` are bytes that the caller holds besides.
    fn is_over(&self, more: u64) -> bool;

    /// Was it over when it was looked at last?
    fn has_ended(&self) -> bool;

    /// So many bytes more are going to be held, until they are [released](Self::release); false if it is over, so that they
    /// should not be.
    fn hold(&self, bytes: u64) -> bool;

    /// So many bytes are held no longer.
    fn release(&self, bytes: u64);
}

/// Looks at the bounds now and then.
pub struct Patience<'r, 'y> {
    clock: &'r Clock,
    begun: Duration,
    /// Nobody's wish to stop ends it before; it was known when this began.
    deaf_until: Duration,
    /// The bound on time does not end it before.
    timeless_until: Duration,
    bounds: &'r Bounds,
    progress: Progress,
    /// Bytes of the graph.
    kept: u64,
    /// Bytes that are held beside it, and the most that were.
    held: Cell<u64>,
    most: Cell<u64>,
    steps: Cell<u32>,
    watch: RefCell<&'r mut Watch<'y>>,
    over: RefCell<Option<Stopped>>,
}

impl<'r, 'y> Patience<'r, 'y> {
    /// Within these bounds, beside a graph of so many bytes. `ended` is why the search for states ended early.
    pub fn new(
        clock: &'r Clock,
        bounds: &'r Bounds,
        (progress, kept): (Progress, u64),
        ended: Option<&Stopped>,
        watch: &'r mut Watch<'y>,
    ) -> Self {
        let begun = clock.elapsed();
        let grace = begun + (begun / 10).min(GRACE_MAX);
        let deaf_until = if ended == Some(&Stopped::Cancelled) { grace } else { begun };
        Self {
            clock,
            begun,
            deaf_until,
            timeless_until: grace,
            bounds,
            progress,
            kept,
            held: Cell::new(0),
            most: Cell::new(kept),
            steps: Cell::new(0),
            watch: RefCell::new(watch),
            over: RefCell::new(None),
        }
    }

    fn note(&self, more: u64) -> u64 {
        let memory = self.kept + self.held.get() + more;
        if memory < self.bounds.memory {
            self.most.set(self.most.get().max(memory));
        } else {
            self.over.borrow_mut().get_or_insert(Stopped::Memory(self.bounds.memory));
        }
        memory
    }

    fn look(&self, more: u64) {
        let memory = self.note(more);
        let elapsed = self.clock.elapsed();
        let since = elapsed.saturating_sub(self.begun);
        let progress = Progress { memory, elapsed: self.progress.elapsed + since, ..self.progress };
        let goes_on = (self.watch.borrow_mut())(progress).is_continue() || elapsed < self.deaf_until;
        let limit = self.bounds.time.filter(|_| elapsed >= self.timeless_until);
        let over = match goes_on {
            true => self.clock.is_over(limit).map(Stopped::Time),
            false => Some(Stopped::Cancelled),
        };
        let mut known = self.over.borrow_mut();
        *known = known.take().or(over);
    }

    /// Why it is over, if it is, and the most bytes that were held with the graph.
    pub fn end(&self) -> (Option<Stopped>, u64) {
        (self.over.borrow().clone(), self.most.get())
    }
}

impl Looks for Patience<'_, '_> {
    fn is_over(&self, more: u64) -> bool {
        let steps = self.steps.get().saturating_add(1);
        if steps < STEPS {
            self.steps.set(steps);
        } else {
            self.steps.set(0);
            self.look(more);
        }
        self.has_ended()
    }

    fn has_ended(&self) -> bool {
        self.over.borrow().is_some()
    }

    fn hold(&self, bytes: u64) -> bool {
        self.held.set(self.held.get() + bytes);
        // What is held is filled, and that takes time too.
        self.steps.set(self.steps.get().saturating_add((bytes / FILLED) as u32));
        self.note(0);
        !self.has_ended()
    }

    fn release(&self, bytes: u64) {
        self.held.set(self.held.get() - bytes);
    }
}
