//! What the process of a container does by itself, and on SIGTERM.

use std::time::Duration;

use podproof_vocabulary::scenario::{self, ContainerKind, OnSigterm};

/// What a process does by itself, and on SIGTERM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// It exits with code 0 at any moment after its start: an init container, or a job.
    pub runs_to_its_end: bool,
    /// How long it takes from its start until it accepts connections.
    pub listens_after: Duration,
    /// What it does on SIGTERM.
    pub on_sigterm: OnSigterm,
}

impl Behaviour {
    /// As the scenario says of a container.
    pub fn of(container: &scenario::Container) -> Self {
        Self {
            runs_to_its_end: container.kind == ContainerKind::Init,
            listens_after: Duration::from_secs(container.listens_after_seconds.into()),
            on_sigterm: container.on_sigterm,
        }
    }
}
