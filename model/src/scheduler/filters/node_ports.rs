//! NodePorts: no host port is used twice on a node.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{Container, ContainerKind, HostPort, Protocol, Scenario};

use super::Placement;

/// FLT-4 (S28 `plugins/nodeports`): no (protocol, hostPort) of the pod is in use on the node with the same host IP,
/// or with 0.0.0.0 on either side. Init containers do not count; sidecars do from 1.34 on (kubernetes/kubernetes#132040).
pub struct NodePorts {
    claims_any: bool,
    free_of_neighbours: Vec<bool>,
}

/// Do two claims on one node conflict?
fn conflict(a: &(Protocol, HostPort), b: &(Protocol, HostPort)) -> bool {
    let any = |ip: &str| ip.is_empty() || ip == "0.0.0.0";
    let same_ip = a.1.ip == b.1.ip || any(&a.1.ip) || any(&b.1.ip);
    a.0 == b.0 && a.1.port == b.1.port && same_ip
}

impl NodePorts {
    pub(super) fn compile(scenario: &Scenario) -> Self {
        let counts = |container: &&Container| match container.kind {
            ContainerKind::Init => false,
            ContainerKind::Sidecar => scenario.release.counts_host_ports_of_sidecars(),
            ContainerKind::App => true,
        };
        let containers = scenario.workload.template.containers.iter().filter(counts);
        let ports = containers.flat_map(|container| &container.ports);
        let own: Vec<_> = ports.filter_map(|port| Some((port.protocol, port.host.clone()?))).collect();
        let free = |index: usize| {
            let here = scenario.neighbours.iter().filter(|neighbour| usize::from(neighbour.node) == index);
            here.flat_map(|neighbour| &neighbour.host_ports)
                .all(|claim| !own.iter().any(|own| conflict(own, claim)))
        };
        Self {
            claims_any: !own.is_empty(),
            free_of_neighbours: (0..scenario.nodes.len()).map(free).collect(),
        }
    }

    /// Does the workload claim a host port at all?
    pub fn claims_any(&self) -> bool {
        self.claims_any
    }

    /// Does no neighbour on `node` hold a port that the workload claims?
    pub fn is_free_of_neighbours(&self, node: NodeId) -> bool {
        self.free_of_neighbours[node.index()]
    }

    pub(super) fn passes(&self, placement: &Placement, node: NodeId) -> bool {
        // All pods of the workload claim the same ports, so one of them excludes any other.
        !self.claims_any || (self.is_free_of_neighbours(node) && placement.on(node).next().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_conflict_on_the_same_address_or_on_all() {
        let claim = |protocol, port, ip: &str| (protocol, HostPort { port, ip: ip.into() });
        use Protocol::{Tcp, Udp};
        for (conflicts, a, b) in [
            (true, claim(Tcp, 80, ""), claim(Tcp, 80, "10.0.0.1")),
            (true, claim(Tcp, 80, "10.0.0.1"), claim(Tcp, 80, "0.0.0.0")),
            (false, claim(Tcp, 80, "10.0.0.1"), claim(Tcp, 80, "10.0.0.2")),
            (false, claim(Tcp, 80, ""), claim(Udp, 80, "")),
            (false, claim(Tcp, 80, ""), claim(Tcp, 81, "")),
        ] {
            assert_eq!(conflict(&a, &b), conflicts, "{a:?} {b:?}");
        }
    }
}
