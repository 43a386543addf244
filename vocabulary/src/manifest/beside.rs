//! The containers beside the one that a Service sends to: what that one needs of them to answer is not modelled.

use super::workload::Parsed;
use crate::scenario::{Container, ContainerKind};

/// The row of what is left out.
pub const BESIDE: &str = "the other containers of the pod";

/// Are there app containers beside the one at this place?
pub fn has_others(own: &Parsed<'_>, serving: u8) -> bool {
    others(own, serving).next().is_some()
}

/// Says which of them get SIGTERM at once while the one that serves goes on, by its hook or as a sidecar, which ends last (KIL-8).
pub fn stop_first(own: &Parsed<'_>, serving: u8) -> Option<String> {
    let one = own.workload.template.containers.get(usize::from(serving))?;
    let goes_on = match one.kind {
        ContainerKind::Sidecar => "is a sidecar, which ends last",
        _ if one.pre_stop.is_some() => "goes on until its preStop hook has ended",
        _ => return None,
    };
    let at_once = others(own, serving).filter(|other| other.pre_stop.is_none());
    let names: Vec<&str> = at_once.map(|other| other.name.as_str()).collect();
    let (who, have, get) = match names.as_slice() {
        [] => return None,
        [name] => (format!("container {name}"), "has", "gets"),
        names => (format!("containers {}", names.join(", ")), "have", "get"),
    };
    Some(format!(
        "container {}, which connections go to, {goes_on}; {who} {have} no preStop hook and {get} SIGTERM at once: if it needs {} to \
         answer, requests fail that are not seen here",
        one.name,
        if names.len() == 1 { "it" } else { "them" }
    ))
}

fn others<'w>(own: &'w Parsed<'_>, serving: u8) -> impl Iterator<Item = &'w Container> {
    let all = own.workload.template.containers.iter().enumerate();
    let others = all.filter(move |(place, _)| *place != usize::from(serving));
    others.map(|(_, container)| container).filter(|container| container.kind == ContainerKind::App)
}
