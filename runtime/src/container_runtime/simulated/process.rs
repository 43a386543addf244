//! A container's process: what it may do next, and what signals do to it.

use std::time::Duration;

use podproof_vocabulary::scenario::OnSigterm;

use super::behaviour::Behaviour;
use crate::clock::Moment;
use crate::container_runtime::ProbeKind;

/// A process that runs.
#[derive(Clone, Debug)]
pub struct Process {
    behaviour: Behaviour,
    started_at: Moment,
    /// It accepts connections.
    pub accepting: bool,
    sigterm_at: Option<Moment>,
    /// It fails its readiness probe whatever it accepts.
    pub fails_readiness: bool,
    /// It fails its liveness probe whatever it accepts.
    pub fails_liveness: bool,
}

impl Process {
    /// A process that starts now.
    pub const fn new(behaviour: Behaviour, now: Moment) -> Self {
        Self {
            behaviour,
            started_at: now,
            accepting: false,
            sigterm_at: None,
            fails_readiness: false,
            fails_liveness: false,
        }
    }

    /// SIGTERM reaches the main process of a container (KIL-7). A second one changes nothing.
    pub fn sigterm(&mut self, now: Moment) {
        self.sigterm_at.get_or_insert(now);
        if matches!(self.behaviour.on_sigterm, OnSigterm::Close(_)) {
            self.accepting = false;
        }
    }

    /// Does it pass this probe now?
    pub const fn passes(&self, kind: ProbeKind) -> bool {
        let failing = match kind {
            ProbeKind::Startup => false,
            ProbeKind::Readiness => self.fails_readiness,
            ProbeKind::Liveness => self.fails_liveness,
        };
        self.accepting && !failing
    }

    /// When it begins to accept connections, if it is still to.
    pub fn listens_at(&self) -> Option<Moment> {
        let closed = self.sigterm_at.is_some() && matches!(self.behaviour.on_sigterm, OnSigterm::Close(_));
        (!self.accepting && !closed).then(|| self.started_at + self.behaviour.listens_after)
    }

    /// May it begin to accept connections by now?
    pub fn may_listen(&self, now: Moment) -> bool {
        self.listens_at().is_some_and(|moment| moment <= now)
    }

    /// From when on it may exit by itself.
    pub fn exits_at(&self) -> Option<Moment> {
        let after_sigterm = self.sigterm_at.and_then(|sigterm| {
            let takes = match self.behaviour.on_sigterm {
                OnSigterm::Exit => Duration::ZERO,
                OnSigterm::Drain(seconds) | OnSigterm::Close(seconds) => Duration::from_secs(seconds.into()),
                OnSigterm::Ignore => return None,
            };
            Some(sigterm + takes)
        });
        let by_itself = self.behaviour.runs_to_its_end.then_some(self.started_at);
        crate::clock::earlier(after_sigterm, by_itself)
    }

    /// May it exit by itself by now?
    pub fn may_exit(&self, now: Moment) -> bool {
        self.exits_at().is_some_and(|moment| moment <= now)
    }
}
