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

impl Traits {
    /// Those of the pods of a manifest.
    pub(super) fn of(manifest: &Value) -> Self {
        let is_pod = manifest["kind"] == "Pod";
        let spec = if is_pod { &manifest["spec"] } else { &manifest["spec"]["template"]["spec"] };
        let containers = spec["containers"].as_array().into_iter().flatten();
        let is_probed = |container: &&Value| PROBES.iter().any(|probe| container[probe]["exec"].is_object());
        let probed = containers.filter(is_probed).filter_map(|container| container["name"].as_str());
        Self {
            in_host_network: spec["hostNetwork"] == true,
            probed_by_commands: probed.map(Rc::from).collect(),
        }
    }
}
