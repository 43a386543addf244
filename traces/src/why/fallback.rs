//! Rules without a ready endpoint: kube-proxy falls back to those that terminate and are still reported to serve (KEP-1669, since
//! Kubernetes 1.26). Then nobody wins by waiting for the rules: they have followed the deletion, and lead to the pod all the same.

use podproof_model::traffic;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::{Deletion, Observation, Observe};
use podproof_vocabulary::scenario::{Scenario, Strategy};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Property};

use crate::trace::{Kind, Trace};
use crate::walk::World;

/// What is said where the rules of a node have fallen back.
pub(super) fn sentence(node: &str) -> String {
    format!(
        "the rules of {node} have no ready endpoint left, so kube-proxy falls back to those that terminate and are still reported to \
         serve"
    )
}

/// What helps against that, in this world.
pub(crate) fn advice(scenario: &Scenario) -> String {
    let may = |event: EventName| scenario.story.event() == Some(event) || scenario.events.count(event) > 0;
    let evicted = may(EventName::DrainNode) || may(EventName::EvictPod);
    let (_, unavailable) = scenario.workload.strategy.fenceposts(scenario.workload.replicas);
    let rolling = match scenario.workload.strategy {
        Strategy::RollingUpdate { .. } if unavailable == 0 => None,
        Strategy::RollingUpdate { .. } => Some("maxUnavailable 0"),
        Strategy::Recreate => Some("the strategy RollingUpdate"),
    };
    // PRX-21: a pod on another node is no help then, and which node a pod comes to nobody promises.
    let service = scenario.service.as_ref();
    let is_local = service.is_some_and(|service| service.internal_local || service.external_local);
    let helps = [
        is_local
            .then_some("traffic policy Cluster instead of Local, by which a node uses only pods of its own"),
        Some(if is_local { "more replicas on every node" } else { "more replicas on more nodes" }),
        (evicted && scenario.budgets.is_empty()).then_some("a PodDisruptionBudget that a drain waits for"),
        rolling.filter(|_| may(EventName::Rollout)),
    ];
    let helps: Vec<&str> = helps.into_iter().flatten().collect();
    format!(
        "no pod that stays is ready in the rules, and without a ready endpoint kube-proxy sends connections to a pod that \
         terminates for as long as it is reported to serve (KEP-1669): waiting for the rules does not help; what helps is another pod \
         that is ready and in the rules before this one is stopped ({})",
        helps.join(", ")
    )
}

/// Does `trace` end with connections that a node sends to a pod that goes, where the rules have fallen back to it, or would as soon
/// as they follow its deletion?
pub fn falls_back(trace: &Trace) -> bool {
    let Some(property @ (Property::NoTrafficAfterSigterm | Property::NoFailedRequest)) = trace.property
    else {
        return false;
    };
    let scenario = &trace.scenario;
    if trace.kind != Kind::Safety || !scenario.release.falls_back_to_terminating() {
        return false;
    }
    let Ok(world) = World::new(scenario.clone()) else { return false };
    let Some(mut walk) = world.begin(trace.observed_proxy) else { return false };
    for step in &trace.stem {
        if !walk.enables(&step.action) {
            return false;
        }
        walk.step(&step.action, trace.followed);
        if walk.judged.broken.contains(property) {
            break;
        }
    }
    let seen = &walk.seen;
    let serving = ContainerId(scenario.workload.template.serving);
    let living = NodeId::first(seen.nodes()).filter(|&node| Observe::node(seen, node).powered);
    let mut sent =
        living.flat_map(|node| traffic::destinations(scenario, seen, node).map(move |to| (node, to)));
    sent.any(|(node, (pod, endpoint))| {
        let is_guilty = match property {
            Property::NoTrafficAfterSigterm => seen.container(pod, serving).sigterm,
            _ => !traffic::accepts(scenario, seen, pod, endpoint),
        };
        is_guilty && goes(seen, pod) && !has_other(trace, seen, node, endpoint.ready)
    })
}

/// Is a pod being deleted, or gone?
fn goes(seen: &Observation, pod: PodId) -> bool {
    Observe::pod(seen, pod).is_none_or(|object| object.deletion != Deletion::None)
}

/// Do the rules of `node` have a ready endpoint of a pod that stays, or, where they have not followed the deletion yet, is there one
/// to come with that?
fn has_other(trace: &Trace, seen: &Observation, node: NodeId, are_behind: bool) -> bool {
    let service = trace.scenario.service.as_ref();
    let local =
        service.is_some_and(|service| service.internal_local || service.external && service.external_local);
    let is_used = |home: Option<NodeId>| !local || home == Some(node);
    if traffic::has_ready_neighbour(&trace.scenario, seen, node, local) {
        return true;
    }
    seen.slots_in_use().filter(|&other| !goes(seen, other)).any(|other| {
        let rule = seen.rule(node, other).is_some_and(|rule| rule.ready && is_used(rule.node));
        let comes = || Observe::pod(seen, other).is_some_and(|pod| pod.ready && is_used(pod.node));
        rule || are_behind && comes()
    })
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue::{find, web};
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::scenario::IntOrPercent;

    use super::*;

    fn helps(tweak: impl FnOnce(&mut Scenario)) -> String {
        let mut scenario = web("x", Story::Rollout, 1, 2);
        tweak(&mut scenario);
        let says = advice(&scenario);
        says.rsplit_once('(').map_or_else(String::new, |(_, helps)| helps.trim_end_matches(')').to_owned())
    }

    fn rolling(max_unavailable: u32) -> Strategy {
        Strategy::RollingUpdate {
            max_surge: IntOrPercent::Int(1),
            max_unavailable: IntOrPercent::Int(max_unavailable),
        }
    }

    /// DEP-1, PRX-21: what is so already does not help, and neither does a pod on another node with policy Local.
    #[test]
    fn only_what_could_help_is_said_to() {
        assert_eq!(
            helps(|s| s.workload.strategy = rolling(1)),
            "more replicas on more nodes, maxUnavailable 0"
        );
        assert_eq!(helps(|s| s.workload.strategy = rolling(0)), "more replicas on more nodes");
        assert_eq!(
            helps(|s| s.workload.strategy = Strategy::Recreate),
            "more replicas on more nodes, the strategy RollingUpdate"
        );
        let local = helps(|s| {
            s.workload.strategy = rolling(0);
            s.service.iter_mut().for_each(|service| service.internal_local = true);
        });
        assert_eq!(
            local,
            "traffic policy Cluster instead of Local, by which a node uses only pods of its own, more replicas on every node"
        );
        let drained = helps(|s| s.story = Story::Drain);
        assert_eq!(drained, "more replicas on more nodes, a PodDisruptionBudget that a drain waits for");
        let with_budget = helps(|s| {
            s.story = Story::Drain;
            s.budgets = find("drain-pdb").map(|one| one.scenario().budgets).unwrap_or_default();
        });
        assert_eq!(with_budget, "more replicas on more nodes", "there is one");
    }
}
