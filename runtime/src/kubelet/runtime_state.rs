//! Whether the container runtime is well: its last status that said so, its network, and the PLEG. While it is not, the sync loop
//! does nothing (SRC-5), and the node is not ready (NOD-3).

use std::time::Duration;

use super::parts::Parts;
use crate::clock::Moment;
use crate::container_runtime::{Answer, CallId, Outcome};

/// What the kubelet knows of its runtime's health.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeState {
    last_ready: Option<Moment>,
    next_check: Moment,
    checking: Option<CallId>,
}

impl RuntimeState {
    /// Nobody has asked yet.
    pub const fn new(now: Moment) -> Self {
        Self { last_ready: None, next_check: now, checking: None }
    }

    /// When the runtime is asked next; none while it is being asked.
    pub const fn next_check(&self) -> Option<Moment> {
        if self.checking.is_none() { Some(self.next_check) } else { None }
    }

    /// It is being asked.
    pub const fn begin(&mut self, call: CallId) {
        self.checking = Some(call);
    }

    /// It answered, or did not.
    pub fn on_answer(&mut self, call: CallId, outcome: &Outcome, now: Moment, parts: &mut Parts) {
        if self.checking != Some(call) {
            return;
        }
        self.checking = None;
        self.next_check = now + parts.settings.runtime_check_period;
        if let Ok(Answer::Status { runtime_ready, network_ready }) = *outcome {
            parts.network_ready = network_ready;
            if runtime_ready {
                self.last_ready = Some(now);
            }
        }
    }

    /// The runtime answered within the threshold, and the PLEG is healthy.
    pub fn is_well(&self, parts: &Parts, now: Moment) -> bool {
        let threshold = parts.settings.runtime_check_threshold;
        self.last_ready.is_some_and(|at| now.since(at) <= threshold) && parts.pleg.is_healthy(now)
    }

    /// When either ceases to be well, if nothing happens, and has not yet.
    pub fn ill_at(&self, parts: &Parts, now: Moment) -> Option<Moment> {
        let after = parts.settings.runtime_check_threshold + Duration::from_millis(1);
        let runtime = self.last_ready.map(|at| at + after);
        [runtime, parts.pleg.unhealthy_at()].into_iter().flatten().filter(|&at| at > now).min()
    }
}
