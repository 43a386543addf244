//! The built-in scenarios: small worlds, each with a story worth telling and a golden state count.

mod parts;
mod worlds;

pub use parts::{app, default_tolerations, node, termination, web};

use crate::scenario::Scenario;

/// A built-in scenario.
pub struct Entry {
    /// Its name, as `--scenario` takes it.
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub says: &'static str,
    make: fn(&str) -> Scenario,
}

impl Entry {
    /// The scenario.
    pub fn scenario(&self) -> Scenario {
        (self.make)(self.name)
    }
}

/// The built-in scenario called `name`.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// Every built-in scenario.
pub const ENTRIES: &[Entry] = &[
    Entry { name: "pod-life", says: "one bare pod from its creation to its removal", make: worlds::pod_life },
    Entry {
        name: "rollout",
        says: "a rolling update of one replica behind a Service, without preStop: requests fail",
        make: worlds::rollout,
    },
    Entry {
        name: "rollout-prestop",
        says: "the same with a preStop sleep longer than the propagation bound: no request fails",
        make: worlds::rollout_prestop,
    },
    Entry {
        name: "rollout-recreate",
        says: "an update with strategy Recreate: all old pods go before the first new one",
        make: worlds::rollout_recreate,
    },
    Entry {
        name: "node-crash",
        says: "one of two nodes crashes for good, and its pod is replaced on the other",
        make: worlds::node_crash,
    },
    Entry {
        name: "node-crash-no-room",
        says: "the same where only one node may run the pods: nothing can replace them",
        make: worlds::node_crash_no_room,
    },
    Entry {
        name: "node-crash-tolerated",
        says: "a node crashes whose pod tolerates that for ever: it stays bound and must leave the rules all the same",
        make: worlds::node_crash_tolerated,
    },
    Entry {
        name: "partition",
        says: "a node is cut off from the control plane while its pod goes on serving, then the cut heals",
        make: worlds::partition,
    },
    Entry {
        name: "pleg-stuck",
        says: "the inspection of one container never returns, so the PLEG's relist is stuck and the node becomes NotReady",
        make: worlds::pleg_stuck,
    },
    Entry {
        name: "drain-pdb",
        says: "the only node is drained under a PodDisruptionBudget that keeps one of two pods: the drain waits for ever",
        make: worlds::drain_pdb,
    },
    Entry {
        name: "kubelet-restart",
        says: "a kubelet restarts while its pod is created or runs",
        make: worlds::kubelet_restart,
    },
    Entry {
        name: "taint-eviction",
        says: "a NoExecute taint that the pod does not tolerate is put on its node",
        make: worlds::taint_eviction,
    },
    Entry {
        name: "anti-affinity",
        says: "two replicas that may not share a node, on two nodes: the rolling update has no room for its surge",
        make: worlds::anti_affinity,
    },
    Entry {
        name: "init-and-sidecar",
        says: "an init container, a sidecar and an app container, from creation to removal",
        make: worlds::init_and_sidecar,
    },
    Entry {
        name: "crash-loop",
        says: "a container crashes twice and is restarted with back-off",
        make: worlds::crash_loop,
    },
    Entry {
        name: "control-plane-taint",
        says: "a master node takes no ordinary pods",
        make: worlds::control_plane_taint,
    },
    Entry {
        name: "sandbox-death",
        says: "the sandbox of a running pod dies and is made anew with another address",
        make: worlds::sandbox_death,
    },
    Entry {
        name: "tight-resources",
        says: "two replicas on two nodes that have room for one each",
        make: worlds::tight_resources,
    },
    Entry {
        name: "host-ports",
        says: "two replicas that want the same host port, on two nodes",
        make: worlds::host_ports,
    },
    Entry { name: "scale-down", says: "a Deployment of two is scaled down by one", make: worlds::scale_down },
    Entry {
        name: "termination",
        says: "the two running pods of a Deployment on one node are taken away; nothing is created or scheduled",
        make: worlds::termination,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_has_a_name_of_its_own() {
        let mut names: Vec<_> = ENTRIES.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ENTRIES.len());
        for entry in ENTRIES {
            assert_eq!(entry.scenario().name, format!("scenario/{}", entry.name));
        }
    }

    #[test]
    fn a_scenario_survives_the_way_through_json() {
        for entry in ENTRIES {
            let scenario = entry.scenario();
            let text = serde_json::to_string(&scenario).expect("a scenario is plain data");
            assert_eq!(serde_json::from_str::<Scenario>(&text).expect("what was written"), scenario);
        }
    }
}
