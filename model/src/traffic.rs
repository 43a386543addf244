//! Where a node's rules send new connections, and who accepts them. Predicates only; traffic takes no steps.
//!
//! Left out: established connections, session affinity, topology hints, DNS, load balancers (see the table of what is
//! left out).

use podproof_vocabulary::observation::{EndpointSeen, Observe, Sandbox};
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

/// The entries of `node`'s rules that a new connection may be sent to (M31 `pkg/proxy/topology.go`
/// `CategorizeEndpoints`): from inside the cluster, or, for a Service that is reached from outside, from there.
pub fn destinations<'a>(
    scenario: &'a Scenario,
    cluster: &'a impl Observe,
    node: NodeId,
) -> impl Iterator<Item = (PodId, EndpointSeen)> + 'a {
    let service = scenario.service.as_ref().filter(|service| !service.headless);
    let internal = service.map(|service| Choice::of(scenario, cluster, node, service.internal_local));
    let external = service
        .filter(|service| service.external)
        .map(|service| Choice::of(scenario, cluster, node, service.external_local));
    PodId::first(cluster.pods()).filter_map(move |pod| {
        let endpoint = cluster.rule(node, pod)?;
        let chosen = [&internal, &external].into_iter().flatten().any(|choice| choice.takes(endpoint, node));
        chosen.then_some((pod, endpoint))
    })
}

/// Which endpoints one kind of traffic uses on one node.
struct Choice {
    local: bool,
    fallback: bool,
}

impl Choice {
    /// PRX-20: ready endpoints; with none, serving and terminating ones. PRX-21: with policy Local the same among
    /// those of the node. PRX-23: no others, ever.
    fn of(scenario: &Scenario, cluster: &impl Observe, node: NodeId, local: bool) -> Self {
        let neighbour_ready = scenario
            .neighbours
            .iter()
            .any(|neighbour| neighbour.in_service && (!local || usize::from(neighbour.node) == node.index()));
        let own_ready = PodId::first(cluster.pods()).any(|pod| {
            cluster.rule(node, pod).is_some_and(|endpoint| endpoint.ready && (!local || endpoint.node == Some(node)))
        });
        let fallback = scenario.release.falls_back_to_terminating() && !neighbour_ready && !own_ready;
        Self { local, fallback }
    }

    fn takes(&self, endpoint: EndpointSeen, node: NodeId) -> bool {
        let usable = endpoint.ready || (self.fallback && endpoint.serving && endpoint.terminating);
        usable && (!self.local || endpoint.node == Some(node))
    }
}

/// Somebody accepts a new connection to this address of the pod.
pub fn accepts(scenario: &Scenario, cluster: &impl Observe, pod: PodId, endpoint: EndpointSeen) -> bool {
    let sandbox = cluster.sandbox(pod);
    let serving = ContainerId(scenario.workload.template.serving);
    sandbox.sandbox == Sandbox::Ready
        && sandbox.address == Some(endpoint.address)
        && cluster.container(pod, serving).accepting
}
