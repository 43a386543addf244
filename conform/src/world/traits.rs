//! What of a workload's pods no scenario says, and a log shows.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

/// What of a workload's pods no scenario says, and a log shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// They have the addresses of their nodes (`hostNetwork`).
    pub in_host_network: bool,
    /// Containers that are probed by commands, which run beside their processes as hooks do.
    pub probed_by_commands: BTreeSet<Rc<str>>,
}

/// The probes of a container.
const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

/// The spec of the pods of a manifest.
fn pod_spec(manifest: &Value) -> &Value {
    let is_pod = manifest["kind"] == "Pod";
    if is_pod { &manifest["spec"] } else { &manifest["spec"]["template"]["spec"] }
}

/// What the pods of a manifest have that changes when they are Ready or end, and that no state of the model holds.
pub(super) fn beyond_a_state(manifest: &Value) -> Vec<String> {
    let spec = pod_spec(manifest);
    let has_gates = spec["readinessGates"].as_array().is_some_and(|gates| !gates.is_empty());
    let gates =
        has_gates.then(|| "its pods are Ready once somebody says so (readinessGates, CND-5)".to_owned());
    let deadline = spec["activeDeadlineSeconds"]
        .as_u64()
        .map(|seconds| format!("its pods fail after {seconds} s (activeDeadlineSeconds, PHS-13)"));
    [gates, deadline].into_iter().flatten().collect()
}

impl Traits {
    /// Those of the pods of a manifest.
    pub(super) fn of(manifest: &Value) -> Self {
        let spec = pod_spec(manifest);
        let containers = spec["containers"].as_array().into_iter().flatten();
        let is_probed = |container: &&Value| PROBES.iter().any(|probe| container[probe]["exec"].is_object());
        let probed = containers.filter(is_probed).filter_map(|container| container["name"].as_str());
        Self {
            in_host_network: spec["hostNetwork"] == true,
            probed_by_commands: probed.map(Rc::from).collect(),
        }
    }
}
