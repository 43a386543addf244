//! NodePorts: no port of the host is held twice (FLT-4).

use crate::scheduler::cache::NodeInfo;
use crate::scheduler::requests::HostPort;
use crate::slip::Slips;

/// Are all these ports of the host free?
pub fn passes(wanted: &[HostPort], info: &NodeInfo, slips: Slips) -> bool {
    wanted.is_empty()
        || !info
            .pods()
            .flat_map(|pod| &pod.host_ports)
            .any(|held| wanted.iter().any(|port| port.conflicts_with(held, slips)))
}
