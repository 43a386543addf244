//! Breadth-first search: every reachable state once, shortest counterexamples, the same result for any number of
//! threads. Here is what it is asked for; how it is done stands in `run`.

use std::ops::ControlFlow;

use crate::checkpoint::{Checkpointed, Place};
use crate::fingerprint::Bits;
use crate::look::Watch;
use crate::partial_order::Refused;
pub use crate::report::{Bounds, Progress, Report, Stage, Stopped, Violation};
use crate::run::Run;
use crate::system::System;

/// A search of one system.
pub struct Search<'y, Y: System> {
    pub(crate) system: &'y Y,
    pub(crate) bounds: Bounds,
    pub(crate) threads: usize,
    pub(crate) bits: Bits,
    pub(crate) partial_order: bool,
    pub(crate) merge: fn(u32) -> u32,
    pub(crate) rests_first: bool,
    pub(crate) watch: Watch<'y>,
}

impl<'y, Y: System> Search<'y, Y> {
    /// A search without bounds, on one thread, with fingerprints of 64 bits.
    pub fn new(system: &'y Y) -> Self {
        Self {
            system,
            bounds: Bounds::default(),
            threads: 1,
            bits: Bits::B64,
            partial_order: false,
            merge: |bit| bit,
            rests_first: false,
            watch: Box::new(|_| ControlFlow::Continue(())),
        }
    }

    /// Ends where these say.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Uses so many threads, at least 1.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Keeps fingerprints of this length.
    #[must_use]
    pub fn fingerprints(mut self, bits: Bits) -> Self {
        self.bits = bits;
        self
    }

    /// Goes on from a state with the part of its transitions that the system says is enough ([`System::ample`]), where the
    /// cycle condition allows it. See [`partial_order`](crate::partial_order) for what is required of the part, and why the
    /// search finds the same properties broken and reached.
    ///
    /// # Errors
    /// The reason, if the system has progress obligations: a run that keeps one pending may be left out, so of these nothing
    /// would be known.
    pub fn partial_order(mut self) -> Result<Self, Refused> {
        if self.system.has_obligations() {
            return Err(Refused);
        }
        self.partial_order = true;
        Ok(self)
    }

    /// Looks for one lasso for each value of `family`, not for each obligation. Of a family with a lasso nothing is said of its others:
    /// whether they are met, or starved.
    #[must_use]
    pub fn one_lasso_per(mut self, family: fn(u32) -> u32) -> Self {
        self.merge = family;
        self
    }

    /// Where an obligation is kept by a run that rests and by one that goes round, tells of the one that rests, also if its way is the
    /// longer one. For systems whose states stand for several: of these a cycle may be none of what they stand for, and a rest is one.
    #[must_use]
    pub fn rests_first(mut self) -> Self {
        self.rests_first = true;
        self
    }

    /// Calls `watch` now and then; `Break` ends the search.
    #[must_use]
    pub fn watched_by(mut self, watch: impl FnMut(Progress) -> ControlFlow<()> + 'y) -> Self {
        self.watch = Box::new(watch);
        self
    }

    /// Keeps what it knows in a folder, so that a search after it can [resume](Self::resume).
    #[must_use]
    pub fn checkpoint(self, place: Place) -> Checkpointed<'y, Y> {
        Checkpointed { search: self, place, resumes: false }
    }

    /// Goes on from what is kept in a folder, and keeps what it knows there.
    #[must_use]
    pub fn resume(self, place: Place) -> Checkpointed<'y, Y> {
        Checkpointed { search: self, place, resumes: true }
    }

    /// Searches.
    pub fn run(self) -> Report<Y::State, Y::Action> {
        match self.bits {
            Bits::B64 => Run::<Y, u64>::new(&self).search(self).0,
            Bits::B128 => Run::<Y, u128>::new(&self).search(self).0,
        }
    }
}
