//! Promises about new connections.

use podproof_vocabulary::observation::{Deletion, EndpointSeen, Observe};
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use super::{Judgement, Step, Subject};
use crate::cluster::Cluster;
use crate::traffic::Origin;
use crate::{time, traffic};

/// A promise is judged for this pod: it is the subject, or nobody has asked to delete it. What breaks a promise of a pod
/// that lives on breaks it in no time, so no clock has a say.
fn is_judged<O: Observe>(step: &Step<'_, O>, pod: PodId) -> bool {
    step.subject.is(pod) || step.after.pod(pod).is_some_and(|pod| pod.deletion == Deletion::None)
}

/// Every destination of every living node's rules.
fn destinations<'a, O: Observe>(step: &'a Step<'_, O>) -> impl Iterator<Item = (PodId, EndpointSeen)> + 'a {
    let living = NodeId::first(step.after.nodes()).filter(|&node| step.after.node(node).powered);
    living.flat_map(|node| traffic::destinations(step.scenario, step.after, node))
}

/// `no-traffic-after-sigterm`: □ ¬∃ node n, pod p: n has a rule that would send a new connection to p ∧ p's serving
/// container has received SIGTERM. Premise: a serving container has received SIGTERM.
pub fn no_traffic_after_sigterm<O: Observe>(step: &Step<'_, O>) -> Judgement {
    if step.scenario.service.as_ref().is_none_or(|service| service.headless) {
        return Judgement::Silent;
    }
    let serving = ContainerId(step.scenario.workload.template.serving);
    let signalled = |pod| is_judged(step, pod) && step.after.container(pod, serving).sigterm;
    let premise = step.after.slots_in_use().any(signalled);
    let broken = premise
        && destinations(step).any(|(pod, endpoint)| {
            signalled(pod) && step.after.sandbox(pod).address == Some(endpoint.address)
        });
    Judgement::of(premise, broken)
}

/// `no-failed-request`: □ ¬∃ living node n, destination d of n's rules: d is on a reachable node ∧ nobody accepts at d.
/// Premise: a rule has a destination.
pub fn no_failed_request<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let mut premise = false;
    for (pod, endpoint) in destinations(step).filter(|&(pod, _)| is_judged(step, pod)) {
        let reachable = endpoint.node.is_none_or(|node| {
            let node = step.after.node(node);
            node.powered && node.connected
        });
        if !reachable {
            continue;
        }
        premise = true;
        let reused = step.after.reused_address(pod) == Some(endpoint.address);
        if !reused && !traffic::accepts(step.scenario, step.after, pod, endpoint) {
            return Judgement::Broken;
        }
    }
    Judgement::of(premise, false)
}

/// `no-misrouted-request`: □ ¬∃ node n, destination d of n's rules: d's address belongs to another workload's pod.
/// Premise: an address that somebody remembers as a pod's belongs to another workload's pod.
pub fn no_misrouted_request<O: Observe>(step: &Step<'_, O>) -> Judgement {
    let reused = |pod| step.after.reused_address(pod).filter(|_| step.subject.is(pod));
    let premise = step.after.slots_in_use().any(|pod| reused(pod).is_some());
    let broken = premise && destinations(step).any(|(pod, endpoint)| reused(pod) == Some(endpoint.address));
    Judgement::of(premise, broken)
}

fn is_asked_for(subject: Subject, pod: PodId) -> bool {
    match subject {
        Subject::Followed(Some(followed)) => followed == pod,
        Subject::Any | Subject::Followed(None) => true,
    }
}

/// `no-avoidable-blackout`: □ (some pod has been accepting, Ready in the API and not deleting for longer than the
/// propagation bound ⇒ every living, connected node has a rule to an accepting pod). Premise: there is such a pod.
/// Reads a clock, so it is model-only. While a pod is followed its own rule is asked for, which is more. Each origin of connections is
/// asked for by itself, as each has its own policy (PRX-21). With `externalTrafficPolicy: Local` whoever sends connections from outside
/// passes over nodes that have no such pod, as their health check says (`healthCheckNodePort`).
pub fn no_avoidable_blackout(step: &Step<'_, Cluster<'_>>) -> Judgement {
    let cluster = step.after;
    if !cluster.rules.has_proxies() {
        return Judgement::Silent;
    }
    let premise = cluster.used_pods().any(|pod| time::is_steady(cluster, pod));
    if !premise || step.scenario.neighbours.iter().any(|neighbour| neighbour.in_service) {
        return Judgement::Silent;
    }
    let is_dark = |node| dark_to(step.scenario, cluster, step.subject, node).is_some();
    Judgement::of(true, cluster.node_ids().any(is_dark))
}

/// The origin of connections that no rule of a living, connected node takes to an accepting pod (of these, if not all are asked for). The
/// caller knows that some pod is steady.
pub fn dark_to(scenario: &Scenario, cluster: &Cluster<'_>, subject: Subject, node: NodeId) -> Option<Origin> {
    let machine = cluster.node(node).machine;
    if !(cluster.models_proxy(node) && machine.powered() && machine.connected()) {
        return None;
    }
    let is_sent_to = |origin| {
        let service = scenario.service.as_ref();
        let is_local = service.is_some_and(|service| service.external_local);
        let is_there = |pod| {
            is_asked_for(subject, pod)
                && time::is_steady(cluster, pod)
                && cluster.pod(pod).api.node() == Some(node)
        };
        match origin {
            Origin::Inside => true,
            Origin::Outside => {
                service.is_some_and(|service| service.external)
                    && (!is_local || cluster.used_pods().any(is_there))
            }
        }
    };
    let routes = |origin| {
        traffic::destinations_from(scenario, cluster, node, origin).any(|(pod, endpoint)| {
            is_asked_for(subject, pod) && traffic::accepts(scenario, cluster, pod, endpoint)
        })
    };
    [Origin::Inside, Origin::Outside].into_iter().find(|&origin| is_sent_to(origin) && !routes(origin))
}
