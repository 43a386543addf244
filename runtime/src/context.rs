//! What a component may use while it takes a step.

use podproof_vocabulary::Release;

use crate::chooser::{self, Chooser, Question};
use crate::client::Calls;
use crate::clock::{Clock, Moment};
use crate::slip::{Slip, Slips};

/// What a component may use while it takes a step: the clock, the calls in flight, the chooser, what is switched on.
pub struct Context<'a> {
    /// The clock.
    pub clock: Clock,
    /// The Kubernetes release that the cluster runs.
    pub release: Release,
    /// Which wrong mechanisms are on.
    pub slips: Slips,
    /// Calls to the API server.
    pub calls: &'a mut Calls,
    /// Who decides where a choice is open.
    pub chooser: &'a mut dyn Chooser,
}

impl Context<'_> {
    /// What time it is.
    pub const fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Is this slip on?
    pub const fn has(&self, slip: Slip) -> bool {
        self.slips.has(slip)
    }

    /// The index of an answer.
    pub fn choose(&mut self, question: &Question<'_>) -> usize {
        chooser::ask(self.chooser, question)
    }
}
