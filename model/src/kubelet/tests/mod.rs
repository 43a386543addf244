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
use podproof_vocabulary::scenario::{Container, ContainerKind};

/// A container of `kind` that listens on no port.
fn container(kind: ContainerKind, name: &str) -> Container {
    Container { name: name.into(), kind, ports: Vec::new(), ..app() }
}
