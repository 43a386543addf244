//! Tests of the kubelet's rules, with what they share.

mod admitting;
mod backing_off;
mod probing;
mod relisting;
mod reporting;
mod restart;
mod sandbox;
mod starting;
mod stopping;
mod termination;

use podproof_vocabulary::catalogue::app;
use podproof_vocabulary::scenario::{Container, ContainerKind, Probe};

/// A container of `kind` that listens on no port.
fn container(kind: ContainerKind, name: &str) -> Container {
    Container { name: name.into(), kind, ports: Vec::new(), ..app() }
}

/// A probe that asks every second, and whose first answer counts.
fn quick_probe() -> Probe {
    Probe {
        initial_delay_seconds: 0,
        period_seconds: 1,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
    }
}
