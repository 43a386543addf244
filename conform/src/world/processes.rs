//! What is known of the processes of a pod, and what is taken where nothing is known.

use podproof_vocabulary::manifest::{Annotated, LISTENS_AFTER, ON_SIGTERM};
use podproof_vocabulary::scenario::{ContainerKind, OnSigterm, Scenario};
use serde_json::Value;

use super::roots::Root;

/// A day: longer than any grace period that makes sense.
const LONG: u32 = 86_400;

/// A process of which nothing is known goes on accepting after SIGTERM until it exits, at any moment, or not before it is
/// killed. (`exit` would not do: without clocks, timers keep their order, and a process that exits at once is never killed.)
const ANY: OnSigterm = OnSigterm::Drain(LONG);

/// Seconds until a process of which nothing is known accepts connections: any time, and long enough for its startup or
/// liveness probe to fail before.
const EVENTUALLY: u32 = LONG;

/// Is it what the reader of manifests takes where nothing is said?
pub(super) fn is_guess(assumption: &str) -> bool {
    [ON_SIGTERM, LISTENS_AFTER]
        .iter()
        .any(|name| assumption.ends_with(&format!("(annotation {name} not set)")))
}

/// Sets what the processes of a workload do, and says what was assumed. `manifest` is the workload's own.
pub(super) fn set(
    scenario: &mut Scenario,
    root: &Root<'_>,
    manifest: &Value,
    annotated: &[Annotated],
) -> Vec<String> {
    let owner = root.owner.as_ref().map(|owner| (&*owner.kind, &*owner.name));
    let names = [Some((root.kind.name(), &*root.object_name)), owner];
    let given = annotated.iter().filter(|given| {
        names.contains(&Some((&given.kind, &given.name)))
            && given.namespace.as_deref().is_none_or(|namespace| *namespace == *root.namespace)
    });
    let given: Vec<_> = given.collect();
    let template = manifest["spec"].get("template").unwrap_or(manifest);
    let says = |name: &str| template["metadata"]["annotations"].get(name).is_some();
    let on_sigterm = given.iter().find_map(|given| given.on_sigterm).or((!says(ON_SIGTERM)).then_some(ANY));
    let listens_after = given
        .iter()
        .find_map(|given| given.listens_after_seconds)
        .or((!says(LISTENS_AFTER)).then_some(EVENTUALLY));
    for container in &mut scenario.workload.template.containers {
        container.on_sigterm = on_sigterm.unwrap_or(container.on_sigterm);
        if container.kind != ContainerKind::Init {
            container.listens_after_seconds = listens_after.unwrap_or(container.listens_after_seconds);
        }
    }
    let mut assumptions = Vec::new();
    if on_sigterm == Some(ANY) {
        assumptions.push(format!(
            "on SIGTERM its processes go on accepting connections until they exit, at any moment or never (annotation {ON_SIGTERM} not set)"
        ));
    }
    if listens_after == Some(EVENTUALLY) {
        assumptions.push(format!(
            "its processes begin to accept connections at any moment (annotation {LISTENS_AFTER} not set)"
        ));
    }
    assumptions
}
