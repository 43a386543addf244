//! Promises about addresses and ports.

use podproof_vocabulary::observation::{Observe, Sandbox};
use podproof_vocabulary::scenario::{ContainerKind, ContainerPort, Scenario};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::{Judgement, Step};

fn claims_host_ports(scenario: &Scenario) -> bool {
    let containers = scenario.workload.template.containers.iter().filter(|c| c.kind != ContainerKind::Init);
    containers.into_iter().any(|container| container.ports.iter().any(|port| port.host.is_some()))
}

/// Two containers of the template name the same port.
fn shared_ports(scenario: &Scenario) -> impl Iterator<Item = (ContainerId, ContainerId)> + '_ {
    let containers = &scenario.workload.template.containers;
    let key = |port: &ContainerPort| (port.port, port.protocol);
    let shares = move |a: usize, b: usize| {
        containers[a]
            .ports
            .iter()
            .any(|ours| containers[b].ports.iter().any(|theirs| key(ours) == key(theirs)))
    };
    (0..containers.len())
        .flat_map(move |b| (0..b).filter(move |&a| shares(a, b)).map(move |a| (a.into(), b.into())))
}

/// `one-address-one-pod`: □ (two live sandboxes ⇒ different addresses) ∧ □ (no host port is held twice on a node) ∧ □ (no
/// two containers of a pod listen on one port) (I-24, MC-2). Premise: a live sandbox.
pub fn one_address_one_pod<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let cluster = step.after;
    let lives = |pod| cluster.sandbox(pod).sandbox == Sandbox::Ready;
    let mut premise = false;
    for pod in cluster.slots_in_use().filter(|&pod| lives(pod)) {
        premise = true;
        // All addresses of one slot differ, and those of two slots do; what can clash is the neighbour's.
        if cluster.reused_address(pod).is_some()
            && cluster.reused_address(pod) == cluster.sandbox(pod).address
        {
            return Judgement::Broken;
        }
        let listens = |container| cluster.container(pod, container).accepting;
        if shared_ports(step.scenario).any(|(a, b)| listens(a) && listens(b)) {
            return Judgement::Broken;
        }
    }
    if claims_host_ports(step.scenario) {
        for node in NodeId::first(cluster.nodes()) {
            // A pod that was force-deleted has no object any more, and goes on for a while.
            let holds = |&pod: &PodId| cluster.sandbox(pod).runs_on == Some(node);
            let holders = cluster.slots_in_use().filter(holds).count();
            if holders > 1 {
                return Judgement::Broken;
            }
        }
    }
    Judgement::of(premise, false)
}
