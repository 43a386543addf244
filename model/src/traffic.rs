//! Where a node's rules send new connections, and who accepts them. Predicates only; traffic takes no steps.
//!
//! Left out: established connections, session affinity, topology hints, DNS, load balancers (see the table of what is
//! left out).

use podproof_vocabulary::event::EventName;
use podproof_vocabulary::observation::{EndpointSeen, NodeReady, Observe};
use podproof_vocabulary::scenario::{Neighbour, Scenario, TaintEffect};
use podproof_vocabulary::{ContainerId, NodeId, PodId};

use crate::rules::{NOT_READY, UNREACHABLE, tolerates_for_ever};

/// Where a connection comes from: each origin has a traffic policy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From inside the cluster: `internalTrafficPolicy`.
    Inside,
    /// From outside, to a Service of type NodePort or LoadBalancer: `externalTrafficPolicy`.
    Outside,
}

/// The entries of `node`'s rules that a new connection may be sent to, wherever it comes from.
pub fn destinations<'a>(
    scenario: &'a Scenario,
    cluster: &'a impl Observe,
    node: NodeId,
) -> impl Iterator<Item = (PodId, EndpointSeen)> + 'a {
    let choices = [Origin::Inside, Origin::Outside].map(|origin| Choice::of(scenario, cluster, node, origin));
    chosen(cluster, node, move |endpoint| choices.iter().flatten().any(|choice| choice.takes(endpoint, node)))
}

/// Those that a connection of this origin may be sent to.
pub fn destinations_from<'a>(
    scenario: &'a Scenario,
    cluster: &'a impl Observe,
    node: NodeId,
    origin: Origin,
) -> impl Iterator<Item = (PodId, EndpointSeen)> + 'a {
    let choice = Choice::of(scenario, cluster, node, origin);
    chosen(cluster, node, move |endpoint| choice.as_ref().is_some_and(|choice| choice.takes(endpoint, node)))
}

fn chosen<'a>(
    cluster: &'a impl Observe,
    node: NodeId,
    takes: impl Fn(EndpointSeen) -> bool + 'a,
) -> impl Iterator<Item = (PodId, EndpointSeen)> + 'a {
    cluster.slots_in_use().filter_map(move |pod| {
        let endpoint = cluster.rule(node, pod)?;
        takes(endpoint).then_some((pod, endpoint))
    })
}

/// Which endpoints one kind of traffic uses on one node.
struct Choice {
    local: bool,
    fallback: bool,
}

impl Choice {
    /// That of traffic from `origin`, if there is such: a Service with rules, and for traffic from outside one that is reached from
    /// there (M31 `pkg/proxy/topology.go` `CategorizeEndpoints`). PRX-20: ready endpoints; with none, serving and terminating ones.
    /// PRX-21: with policy Local the same among those of the node. PRX-23: no others, ever.
    fn of(scenario: &Scenario, cluster: &impl Observe, node: NodeId, origin: Origin) -> Option<Self> {
        let service = scenario.service.as_ref().filter(|service| !service.headless)?;
        let local = match origin {
            Origin::Inside => service.internal_local,
            Origin::Outside => service.external.then_some(service.external_local)?,
        };
        let neighbour_ready = has_ready_neighbour(scenario, cluster, node, local);
        let own_ready = cluster.slots_in_use().any(|pod| {
            cluster
                .rule(node, pod)
                .is_some_and(|endpoint| endpoint.ready && (!local || endpoint.node == Some(node)))
        });
        let fallback = scenario.release.falls_back_to_terminating() && !neighbour_ready && !own_ready;
        Some(Self { local, fallback })
    }

    fn takes(&self, endpoint: EndpointSeen, node: NodeId) -> bool {
        let usable = endpoint.ready || (self.fallback && endpoint.serving && endpoint.terminating);
        usable && (!self.local || endpoint.node == Some(node))
    }
}

/// Have the rules of `node` a ready endpoint of another workload's pod behind the Service? Such a pod is ready for ever, but for what
/// happens to its node: a drain evicts it like any other (DRN-2), a NoExecute taint that it does not tolerate for ever too (TEC-2, TEC-3),
/// one whose node is unknown is not ready (NLC-6), and one whose node is gone ends (PGC-3). Where it goes then, and when it is ready there,
/// is not followed: none is counted on, from the moment of the taint. Neither is what may keep it there in a drain, a budget of its own.
pub fn has_ready_neighbour(scenario: &Scenario, cluster: &impl Observe, node: NodeId, local: bool) -> bool {
    scenario.neighbours.iter().any(|neighbour| {
        let home = NodeId::from(usize::from(neighbour.node));
        neighbour.in_service && (!local || home == node) && stays(scenario, cluster, neighbour)
    })
}

fn stays(scenario: &Scenario, cluster: &impl Observe, neighbour: &Neighbour) -> bool {
    let node = NodeId::from(usize::from(neighbour.node));
    let seen = cluster.node(node);
    let drains = scenario.story.event() == Some(EventName::DrainNode)
        || scenario.events.count(EventName::DrainNode) > 0;
    let was_unschedulable = scenario.nodes.get(node.index()).is_some_and(|node| node.unschedulable);
    let is_drained = drains && seen.unschedulable && !was_unschedulable;
    let endures = |key: &str, value: &str| tolerates_for_ever(&neighbour.tolerations, key, value);
    let is_driven_away = (seen.taints.not_ready_no_execute && !endures(NOT_READY, ""))
        || (seen.taints.unreachable_no_execute && !endures(UNREACHABLE, ""))
        || (seen.taints.custom
            && scenario.event_taint.as_ref().is_none_or(|taint| {
                taint.effect == TaintEffect::NoExecute && !endures(&taint.key, &taint.value)
            }));
    // NLC-7: what its kubelet reports takes no pod's readiness.
    seen.exists && seen.ready != NodeReady::Unknown && !is_drained && !is_driven_away
}

/// Somebody accepts a new connection to this address of the pod.
pub fn accepts(scenario: &Scenario, cluster: &impl Observe, pod: PodId, endpoint: EndpointSeen) -> bool {
    let serving = ContainerId(scenario.workload.template.serving);
    cluster.sandbox(pod).address == Some(endpoint.address) && cluster.container(pod, serving).accepting
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::observation::{Address, NodeSeen, Observation, Sandbox};
    use podproof_vocabulary::release::Release;
    use podproof_vocabulary::scenario::{Service, Toleration};

    use super::*;
    use crate::test_cluster::{N0, N1, P0, P1, TestCluster, neighbour};

    const READY: (bool, bool, bool) = (true, true, false);
    const UNREADY: (bool, bool, bool) = (false, false, false);
    const TERMINATING: (bool, bool, bool) = (false, true, true);
    const TERMINATING_UNREADY: (bool, bool, bool) = (false, false, true);

    /// A world with an endpoint of P0 on the first node and of P1 on the second in every node's rules.
    fn world(
        first: (bool, bool, bool),
        second: (bool, bool, bool),
        tweak: impl FnOnce(&mut Scenario),
    ) -> (Scenario, Observation) {
        let mut scenario = None;
        let cluster = TestCluster::web(2, 2, |s| {
            tweak(s);
            scenario = Some(s.clone());
        });
        let mut seen = cluster.seen();
        for (slot, (node, (ready, serving, terminating))) in
            [(N0, first), (N1, second)].into_iter().enumerate()
        {
            let entry = EndpointSeen { address: Address(0), node: Some(node), ready, serving, terminating };
            seen.slots[slot].rules.fill(Some(entry));
        }
        (scenario.unwrap(), seen)
    }

    fn chosen((scenario, seen): &(Scenario, Observation), node: NodeId) -> Vec<PodId> {
        destinations(scenario, seen, node).map(|(pod, _)| pod).collect()
    }

    fn service(change: impl FnOnce(&mut Service)) -> impl FnOnce(&mut Scenario) {
        move |s| change(s.service.as_mut().unwrap())
    }

    /// PRX-20.
    #[test]
    fn new_connections_go_to_ready_endpoints() {
        assert_eq!(chosen(&world(READY, READY, |_| {}), N0), [P0, P1]);
        assert_eq!(chosen(&world(READY, TERMINATING, |_| {}), N0), [P0]);
    }

    /// PRX-20, PRX-22, PRX-26.
    #[test]
    fn with_no_ready_endpoint_they_go_to_serving_and_terminating_ones() {
        assert_eq!(chosen(&world(TERMINATING, UNREADY, |_| {}), N0), [P0]);
        assert_eq!(chosen(&world(TERMINATING, TERMINATING_UNREADY, |_| {}), N1), [P0]);
    }

    /// PRX-23.
    #[test]
    fn they_never_go_to_an_endpoint_that_is_not_serving() {
        assert!(chosen(&world(UNREADY, TERMINATING_UNREADY, |_| {}), N0).is_empty());
    }

    /// PRX-21, 13.2.
    #[test]
    fn before_1_26_there_is_no_fallback() {
        for (minor, fallback) in [(25, false), (26, true)] {
            let world = world(TERMINATING, UNREADY, |s| s.release = Release { minor });
            assert_eq!(chosen(&world, N0).is_empty(), !fallback, "1.{minor}");
        }
    }

    /// PRX-21.
    #[test]
    fn with_the_local_policy_each_node_uses_its_own_endpoints() {
        let local = |first, second| world(first, second, service(|s| s.internal_local = true));
        let both = local(READY, READY);
        assert_eq!((chosen(&both, N0), chosen(&both, N1)), (vec![P0], vec![P1]));
        let one = local(TERMINATING, READY);
        assert_eq!(chosen(&one, N0), [P0], "the fallback is its own, too");
        assert!(chosen(&local(UNREADY, READY), N0).is_empty());
    }

    /// PRX-21: traffic from outside has a policy of its own, and exists only for a Service that is reached from there.
    #[test]
    fn traffic_from_outside_has_its_own_policy() {
        let outside = |internal_local, external_local| {
            world(
                READY,
                READY,
                service(move |s| {
                    s.external = true;
                    s.internal_local = internal_local;
                    s.external_local = external_local;
                }),
            )
        };
        assert_eq!(chosen(&outside(true, true), N0), [P0]);
        assert_eq!(chosen(&outside(true, false), N0), [P0, P1]);
        let inside = world(READY, READY, service(|s| s.internal_local = true));
        assert_eq!(
            chosen(&inside, N0),
            [P0],
            "external_local false says nothing without traffic from outside"
        );
    }

    fn canary(in_service: bool) -> Neighbour {
        Neighbour { node: 1, in_service, ..neighbour() }
    }

    /// PRX-20: an endpoint of another workload behind the same Service is ready while its node keeps it.
    #[test]
    fn a_neighbour_behind_the_service_leaves_nothing_to_fall_back_from() {
        let with_neighbour = |internal_local: bool, in_service: bool| {
            world(TERMINATING, UNREADY, move |s| {
                crate::test_cluster::allow(s, EventName::DrainNode, 1);
                s.service.as_mut().unwrap().internal_local = internal_local;
                s.neighbours.push(canary(in_service));
            })
        };
        assert!(chosen(&with_neighbour(false, true), N0).is_empty());
        assert_eq!(chosen(&with_neighbour(false, false), N0), [P0]);
        assert_eq!(chosen(&with_neighbour(true, true), N0), [P0], "it is on another node");
        let with_node = |change: fn(&mut NodeSeen)| {
            let (scenario, mut seen) = with_neighbour(false, true);
            change(&mut seen.nodes[1]);
            !chosen(&(scenario, seen), N0).is_empty()
        };
        assert!(!with_node(|_| {}));
        assert!(with_node(|node| node.unschedulable = true), "DRN-2: it is drained");
        assert!(with_node(|node| node.ready = NodeReady::Unknown), "NLC-6");
        assert!(with_node(|node| node.taints.custom = true), "TEC-2: it is evicted");
        assert!(!with_node(|node| node.ready = NodeReady::False), "NLC-7: pods keep their readiness");
        assert!(with_node(|node| node.exists = false), "PGC-3");
    }

    /// A cordon alone evicts nobody, and neither does a taint with another effect.
    #[test]
    fn a_neighbour_stays_on_a_node_that_only_takes_no_more() {
        let (mut scenario, mut seen) = world(TERMINATING, UNREADY, |s| {
            crate::test_cluster::allow(s, EventName::CordonNode, 1);
        });
        seen.nodes[1].unschedulable = true;
        assert!(stays(&scenario, &seen, &canary(true)));
        seen.nodes[1].taints.custom = true;
        assert!(!stays(&scenario, &seen, &canary(true)));
        scenario.event_taint = Some(taint(TaintEffect::NoSchedule));
        assert!(stays(&scenario, &seen, &canary(true)));
    }

    fn taint(effect: TaintEffect) -> podproof_vocabulary::scenario::Taint {
        podproof_vocabulary::scenario::Taint { key: "gpu".into(), value: "".into(), effect }
    }

    /// TEC-3: for some seconds is not for ever, and the first toleration that matches counts.
    #[test]
    fn a_neighbour_stays_beside_a_taint_that_it_tolerates_for_ever() {
        type Change = fn(&mut NodeSeen);
        let tainted: [(&str, Change); 3] = [
            (NOT_READY, |node| {
                node.ready = NodeReady::False;
                node.taints.not_ready_no_execute = true;
            }),
            (UNREACHABLE, |node| node.taints.unreachable_no_execute = true),
            ("gpu", |node| node.taints.custom = true),
        ];
        for (key, change) in tainted {
            let (scenario, mut seen) = world(TERMINATING, UNREADY, |s| {
                crate::test_cluster::allow(s, EventName::TaintNode, 1);
                s.event_taint = Some(taint(TaintEffect::NoExecute));
            });
            change(&mut seen.nodes[1]);
            let with = |seconds: &[Option<u32>]| {
                let tolerations = seconds.iter().map(|&seconds| Toleration {
                    key: key.into(),
                    exists: true,
                    value: String::new(),
                    effect: None,
                    seconds,
                });
                stays(&scenario, &seen, &Neighbour { tolerations: tolerations.collect(), ..canary(true) })
            };
            assert!(!with(&[]), "{key}");
            assert!(with(&[None]), "{key}");
            assert!(!with(&[Some(300)]), "{key}");
            assert!(!with(&[Some(300), None]), "{key}");
        }
    }

    #[test]
    fn without_rules_there_is_no_destination() {
        assert!(chosen(&world(READY, READY, service(|s| s.headless = true)), N0).is_empty());
        assert!(chosen(&world(READY, READY, |s| s.service = None), N0).is_empty());
    }

    /// SBX-2, PRX-33.
    #[test]
    fn an_address_accepts_while_a_sandbox_holds_it_and_the_serving_container_listens() {
        let (scenario, mut seen) = world(READY, READY, |_| {});
        let endpoint = seen.slots[0].rules[0].unwrap();
        let answers = |seen: &Observation| accepts(&scenario, seen, P0, endpoint);
        assert!(!answers(&seen), "no sandbox");
        seen.slots[0].sandbox.sandbox = Sandbox::Ready;
        seen.slots[0].sandbox.address = Some(Address(0));
        assert!(!answers(&seen), "nobody listens");
        seen.slots[0].containers[0].accepting = true;
        assert!(answers(&seen));
        seen.slots[0].sandbox.address = Some(Address(1));
        assert!(!answers(&seen), "another sandbox has another address");
        seen.slots[0].sandbox.address = Some(Address(0));
        seen.slots[0].sandbox.sandbox = Sandbox::Dead;
        assert!(answers(&seen), "the network outlives the pause process");
    }
}
