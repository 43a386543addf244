//! How it goes on after a script, when nothing more happens to the cluster: whose turn it is, how it ends, and what must be so then.

use std::collections::BTreeMap;

use podproof_vocabulary::action::{Action, Environment, Kubelet};
use podproof_vocabulary::observation::{
    Deletion, EndpointSeen, NodeSeen, Observation, Phase, PodSeen, SlotSeen,
};
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{NodeId, PodId, Property};

/// At most so many steps are taken after a script, for both to come to rest.
const STEPS_MAX: usize = 200;

/// A container that was started so often, and nothing but starts and relists between, will always crash.
const STARTS: u32 = 3;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// Both come to rest.
    Complete,
    /// Both come to rest, but for steps of the reference that the other lawfully does not take.
    PassedOver,
    /// Nothing goes on but containers that crash as soon as they are started: two of a pod want one port (MC-6).
    CrashLoop,
    /// The reference goes no further: more pods or news than the scenario has room for.
    Stuck,
    /// It goes on and on, or for longer than anybody looked: pods that are evicted wherever they come, and created anew.
    Endless,
}

/// The time after a script.
pub(super) struct Resting {
    steps_left: usize,
    turns: fastrand::Rng,
    /// How often each container was started since anything else was possible.
    starts: BTreeMap<Action, u32>,
}

impl Default for Resting {
    fn default() -> Self {
        Self { steps_left: STEPS_MAX, turns: fastrand::Rng::with_seed(0), starts: BTreeMap::new() }
    }
}

impl Resting {
    /// The next of the steps that are possible, or how it ends. Containers are started when nothing else is left to do, since some
    /// are started for ever; among the others nobody waits for ever.
    pub(super) fn next(&mut self, enabled: &[Action], is_put_off: bool) -> Result<Action, Rest> {
        if enabled.is_empty() {
            return Err(if is_put_off { Rest::PassedOver } else { Rest::Complete });
        }
        self.steps_left = self.steps_left.checked_sub(1).ok_or(Rest::Endless)?;
        let others: Vec<Action> = enabled.iter().copied().filter(|action| !restarts(action)).collect();
        if let Some(&other) = self.turns.choice(&others) {
            self.starts.clear();
            return Ok(other);
        }
        // A relist first: another node may wait for its own.
        let relists =
            enabled.iter().filter(|action| matches!(action, Action::Kubelet(Kubelet::Relist { .. })));
        let relists: Vec<Action> = relists.copied().collect();
        let action = self.turns.choice(&relists).or_else(|| self.turns.choice(enabled));
        let action = *action.ok_or(Rest::Complete)?;
        if matches!(action, Action::Kubelet(Kubelet::StartContainer { .. })) {
            let starts = self.starts.entry(action).or_default();
            *starts += 1;
            if *starts > STARTS {
                return Err(Rest::CrashLoop);
            }
        }
        Ok(action)
    }
}

/// What goes on for ever if a container always crashes.
const fn restarts(action: &Action) -> bool {
    matches!(action, Action::Kubelet(Kubelet::StartContainer { .. } | Kubelet::Relist { .. }))
}

/// The nodes whose network plugin has failed, or whose runtime hangs, after these steps: a machine that comes back has those that work.
pub(super) fn failed(actions: &[Action]) -> Vec<NodeId> {
    let (mut networks, mut runtimes) = (Vec::new(), Vec::new());
    for action in actions {
        match *action {
            Action::Environment(Environment::FailCni { node }) => networks.push(node),
            Action::Environment(Environment::HangRuntime { node }) => runtimes.push(node),
            Action::Environment(Environment::RecoverRuntime { node }) => {
                runtimes.retain(|&other| other != node);
            }
            Action::Environment(Environment::ReturnNode { node }) => {
                networks.retain(|&other| other != node);
                runtimes.retain(|&other| other != node);
            }
            _ => {}
        }
    }
    networks.extend(runtimes);
    networks
}

/// It has Failed and no worker ends it, in a release in which only a worker could: its kubelet rejected it.
const fn is_kept_as_rejected(scenario: &Scenario, pod: PodSeen, slot: &SlotSeen) -> bool {
    !scenario.release.removes_rejected_pods_that_were_deleted_before()
        && matches!(pod.phase, Phase::Failed)
        && !slot.sandbox.terminating
}

/// A promise of progress that an outsider finds broken at rest, and why. What is deleted on a node without a network plugin keeps its
/// sandbox, and so its object (SBX-4), and where the runtime hangs nobody sees its end (PLEG-4): there the promise is broken in Kubernetes
/// too, as it is before 1.28 where a kubelet rejects what is being deleted (kubernetes/kubernetes#118472). Of the pods of which steps were
/// passed over nothing is owed.
pub(super) fn broken(
    scenario: &Scenario,
    seen: &Observation,
    failed: &[NodeId],
    passed_over: &[PodId],
) -> Option<(Property, String)> {
    let serves = |node: &NodeSeen| {
        node.exists && node.powered && node.connected && node.kubelet_runs && node.runtime_answers
    };
    for (number, slot) in seen.slots.iter().enumerate() {
        let Some(pod) = slot.pod.filter(|pod| pod.deletion != Deletion::None && !pod.finalizer) else {
            continue;
        };
        if passed_over.iter().any(|pod| pod.index() == number) {
            continue;
        }
        if is_kept_as_rejected(scenario, pod, slot) {
            continue;
        }
        let node = pod.node.filter(|node| !failed.contains(node));
        if node.and_then(|node| seen.nodes.get(node.index())).is_some_and(serves) {
            return Some((Property::DeletionCompletes, format!("pod {number} was deleted and is not gone")));
        }
    }
    // PRX: a Service without an address of its own has no rules.
    let has_rules = scenario.service.as_ref().is_some_and(|service| !service.headless) && !scenario.one_proxy;
    let proxies =
        seen.nodes.iter().enumerate().filter(|(_, node)| {
            has_rules && node.exists && node.powered && node.connected && node.proxy_runs
        });
    for (node, _) in proxies {
        for (number, slot) in seen.slots.iter().enumerate() {
            // EPS-7: a change of the phase alone brings nobody to the slice.
            let has_ended = |pod: PodSeen| pod.phase.is_terminal() && pod.deletion == Deletion::None;
            let asked = match slot.pod.is_some_and(has_ended) {
                true => slot.endpoint,
                false => asked_for(scenario, seen, slot),
            };
            let has = slot.rules[node];
            if has != asked {
                let why = format!("the rules of node {node} have {has:?} of pod {number} and not {asked:?}");
                return Some((Property::EndpointsConverge, why));
            }
        }
    }
    None
}

/// The entry that the API asks for (EPS-1 to EPS-6), whatever stands in the slice.
fn asked_for(scenario: &Scenario, seen: &Observation, slot: &SlotSeen) -> Option<EndpointSeen> {
    let publishes = scenario.service.as_ref()?.publish_not_ready_addresses;
    let pod = slot.pod?;
    let is_deleting = pod.deletion != Deletion::None;
    let tells_more = scenario.release.keeps_terminating_endpoints();
    let has_node = pod.node.and_then(|node| seen.nodes.get(node.index())).is_some_and(|node| node.exists);
    let is_left_out =
        pod.phase.is_terminal() || (is_deleting && !tells_more && !publishes) || !(publishes || has_node);
    let address = pod.address.filter(|_| !is_left_out)?;
    let ready = publishes || (pod.ready && !is_deleting);
    Some(EndpointSeen {
        address,
        node: pod.node,
        ready,
        serving: if tells_more { pod.ready } else { ready },
        terminating: tells_more && is_deleting,
    })
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::ContainerId;
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::{ModelSystem, System as _};

    const START: Action =
        Action::Kubelet(Kubelet::StartContainer { pod: PodId(0), container: ContainerId(0) });
    const RELIST: Action = Action::Kubelet(Kubelet::Relist { node: NodeId(0) });

    fn end(enabled: &[Action], is_put_off: bool) -> Rest {
        let mut resting = Resting::default();
        (0..=STEPS_MAX).find_map(|_| resting.next(enabled, is_put_off).err()).expect("it ends")
    }

    #[test]
    fn a_machine_that_comes_back_has_what_works_again() {
        let fail = |node| Action::Environment(Environment::FailCni { node: NodeId(node) });
        let back = Action::Environment(Environment::ReturnNode { node: NodeId(0) });
        assert_eq!(failed(&[fail(0), fail(1), Action::Tick]), [NodeId(0), NodeId(1)]);
        assert_eq!(failed(&[fail(0), fail(1), back]), [NodeId(1)]);
        let hang = Action::Environment(Environment::HangRuntime { node: NodeId(0) });
        let recover = Action::Environment(Environment::RecoverRuntime { node: NodeId(0) });
        assert_eq!(failed(&[hang, back]), []);
        assert_eq!(failed(&[fail(0), hang, recover]), [NodeId(0)], "its network is another thing");
    }

    #[test]
    fn it_ends_as_what_is_possible_says() {
        assert_eq!(end(&[], false), Rest::Complete);
        assert_eq!(end(&[], true), Rest::PassedOver);
        assert_eq!(end(&[START], false), Rest::CrashLoop);
        assert_eq!(
            Resting::default().next(&[START, RELIST], false),
            Ok(RELIST),
            "nobody waits for a relist meanwhile"
        );
        assert_eq!(end(&[START, Action::Tick], false), Rest::Endless);
        assert_eq!(end(&[RELIST], false), Rest::Endless);
    }

    /// A cluster that came to rest, in which all is as it should be; then something is not.
    #[test]
    fn what_is_not_so_at_rest_is_told() {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        scenario.one_proxy = false;
        let mut system = ModelSystem::default();
        system.reset(&scenario).expect("it is small");
        let (mut resting, mut enabled) = (Resting::default(), Vec::new());
        loop {
            enabled.clear();
            system.pending(&mut enabled);
            let Ok(action) = resting.next(&enabled, false) else { break };
            system.apply(&action).expect("it is enabled");
        }
        let seen = system.observation();
        assert!(seen.slots[0].endpoint.is_some() && broken(&scenario, &seen, &[], &[]).is_none());
        let property = |change: fn(&mut Observation)| {
            let mut seen = seen.clone();
            change(&mut seen);
            broken(&scenario, &seen, &[], &[]).map(|(property, _)| property)
        };
        assert_eq!(property(|seen| seen.slots[0].rules[0] = None), Some(Property::EndpointsConverge));
        assert_eq!(
            property(|seen| {
                seen.slots[0].rules[0] = None;
                seen.nodes[0].connected = false;
            }),
            None
        );
        let stale = |seen: &mut Observation| {
            if let Some(pod) = &mut seen.slots[0].pod {
                pod.ready = false;
            }
        };
        assert_eq!(property(stale), Some(Property::EndpointsConverge), "rules and slice are stale together");
        let deleted = |seen: &mut Observation| {
            if let Some(pod) = &mut seen.slots[0].pod {
                pod.deletion = Deletion::Graceful;
            }
        };
        assert_eq!(property(deleted), Some(Property::DeletionCompletes));
        let mut kept = seen.clone();
        deleted(&mut kept);
        kept.slots[0].rules[0] = asked_for(&scenario, &kept, &kept.slots[0]);
        assert_eq!(broken(&scenario, &kept, &[NodeId(0)], &[]), None);
        assert_eq!(
            broken(&scenario, &kept, &[], &[PodId(0)]),
            None,
            "it waits for a step that was passed over"
        );
    }
}
