//! NodeResourcesFit: the sum of requests stays within what the node can allocate.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{ContainerKind, Resources, Scenario};

use super::Placement;

/// FLT-3 (S28 `plugins/noderesources/fit.go` `fitsRequest`): one more pod, and each requested resource, fit into what
/// is left. All pods of the workload ask for the same, so a node has room for a fixed number of them beside its
/// neighbours.
pub struct NodeResourcesFit {
    /// How many pods of the workload each node has room for.
    pub capacity: Vec<u64>,
}

/// What a pod asks for (FIT-1 to FIT-3, S28 `pkg/api/v1/resource/helpers.go` `PodRequests`): the larger of the sum
/// over app containers and sidecars, and of each init container with the sidecars before it. Overhead is left out.
pub fn pod_requests(containers: impl IntoIterator<Item = (ContainerKind, Resources)>) -> Resources {
    let add = |a: Resources, b: Resources| Resources {
        cpu_milli: a.cpu_milli.saturating_add(b.cpu_milli),
        memory: a.memory.saturating_add(b.memory),
        pods: 0,
    };
    let max = |a: Resources, b: Resources| Resources {
        cpu_milli: a.cpu_milli.max(b.cpu_milli),
        memory: a.memory.max(b.memory),
        pods: 0,
    };
    let (mut running, mut sidecars, mut init) =
        (Resources::default(), Resources::default(), Resources::default());
    for (kind, requests) in containers {
        match kind {
            ContainerKind::App => running = add(running, requests),
            ContainerKind::Sidecar => {
                sidecars = add(sidecars, requests);
                init = max(init, sidecars);
            }
            ContainerKind::Init => init = max(init, add(sidecars, requests)),
        }
    }
    max(add(running, sidecars), init)
}

impl NodeResourcesFit {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let containers = &scenario.workload.template.containers;
        let own = pod_requests(containers.iter().map(|container| (container.kind, container.requests)));
        let capacity = |(index, node): (usize, &podproof_vocabulary::scenario::Node)| {
            let here = scenario.neighbours.iter().filter(|neighbour| usize::from(neighbour.node) == index);
            let taken = here.fold(Resources::default(), |sum, neighbour| {
                let requests = pod_requests(neighbour.requests.iter().copied());
                Resources {
                    cpu_milli: sum.cpu_milli.saturating_add(requests.cpu_milli),
                    memory: sum.memory.saturating_add(requests.memory),
                    pods: sum.pods + 1,
                }
            });
            // A resource that is not asked for is not compared (FIT-5).
            let fits = |allocatable: u64, taken: u64, each: u64| match each {
                0 => u64::MAX,
                each => allocatable.saturating_sub(taken) / each,
            };
            let room = &node.allocatable;
            room.pods
                .saturating_sub(taken.pods)
                .min(fits(room.cpu_milli, taken.cpu_milli, own.cpu_milli))
                .min(fits(room.memory, taken.memory, own.memory))
        };
        Self { capacity: scenario.nodes.iter().enumerate().map(capacity).collect() }
    }

    pub(super) fn passes(&self, placement: &Placement, node: NodeId) -> bool {
        (placement.on(node).count() as u64) < self.capacity[node.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(milli: u64) -> Resources {
        Resources { cpu_milli: milli, memory: 0, pods: 0 }
    }

    /// As a file may ask for.
    #[test]
    fn more_than_can_be_counted_is_more_than_any_node_has() {
        let all = Resources { cpu_milli: u64::MAX, memory: u64::MAX, pods: 0 };
        assert_eq!(pod_requests([(ContainerKind::App, all), (ContainerKind::Sidecar, all)]), all);
    }

    #[test]
    fn a_sidecar_counts_with_the_apps_and_with_later_init_containers() {
        use ContainerKind::{App, Init, Sidecar};
        for (sum, containers) in [
            (300, &[(App, 100), (App, 200)][..]),
            (400, &[(Init, 400), (App, 100), (App, 200)]),
            (450, &[(Sidecar, 50), (Init, 400), (App, 100)]),
            (400, &[(Init, 400), (Sidecar, 50), (App, 100)]),
            (4250, &[(Sidecar, 250), (App, 4000)]),
        ] {
            let requests = pod_requests(containers.iter().map(|&(kind, milli)| (kind, cpu(milli))));
            assert_eq!(requests.cpu_milli, sum, "{containers:?}");
        }
    }
}
