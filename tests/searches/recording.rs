//! A rolling update that a real Kubernetes 1.20 cluster did is a path of the model: two replicas on two nodes, without
//! preStop and without a readiness probe; the process listens half a second after its start and exits at once on SIGTERM.
//!
//! What the cluster was seen to do is a list of steps in their order: writes to the API server in the order of their resource
//! versions, processes of the runtime, rules in the kernel. Between them the model may take the steps that nobody recorded:
//! deliveries, relists, decisions, and status writes of fields that the model does not have.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{
    Action, Container, Deployment, Environment, Kubelet, Proxy, ReplicaSet, Scheduler,
};
use podproof_vocabulary::approximation::Approximations;
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::{ContainerId, NodeId, PodId, Release, Revision};

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const APP: ContainerId = ContainerId(0);
const OLD: Revision = Revision(0);
const NEW: Revision = Revision(1);
// In the order of their creation: web-6d4c7df8d-xft7r, web-6d4c7df8d-x2mbb, web-585c7dbdf-4kq2l, web-585c7dbdf-6jzsz.
const XFT7R: PodId = PodId(0);
const X2MBB: PodId = PodId(1);
const P4KQ2L: PodId = PodId(2);
const P6JZSZ: PodId = PodId(3);

/// Something that was recorded.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// A step.
    Step(Action),
    /// A status patch that makes the pod Ready, or not.
    Ready(PodId, bool),
    /// A binding to this node.
    Bound(PodId, NodeId),
    /// kube-proxy of a node programmed rules to exactly these pods.
    Rules(NodeId, &'static [PodId]),
}

fn bind(pod: PodId, node: NodeId) -> Seen {
    Seen::Bound(pod, node)
}

fn sandbox(pod: PodId) -> Seen {
    Seen::Step(Action::Kubelet(Kubelet::CreateSandbox { pod }))
}

fn start(pod: PodId) -> Seen {
    Seen::Step(Action::Kubelet(Kubelet::StartContainer { pod, container: APP }))
}

fn listen(pod: PodId) -> Seen {
    Seen::Step(Action::Container(Container::Listen { pod, container: APP }))
}

fn stop(pod: PodId) -> [Seen; 2] {
    [
        Seen::Step(Action::Kubelet(Kubelet::SendSigterm { pod, container: APP })),
        Seen::Step(Action::Container(Container::Exit { pod, container: APP })),
    ]
}

fn create(revision: Revision) -> Seen {
    Seen::Step(Action::ReplicaSet(ReplicaSet::CreatePod { revision }))
}

fn delete(pod: PodId) -> Seen {
    Seen::Step(Action::ReplicaSet(ReplicaSet::DeletePod { pod }))
}

fn scale(revision: Revision, replicas: u8) -> Seen {
    Seen::Step(Action::Deployment(Deployment::ScaleReplicaSet { revision, replicas }))
}

fn recording() -> Vec<Seen> {
    let sandbox_gone = |pod| Seen::Step(Action::Kubelet(Kubelet::StopSandbox { pod }));
    let removed = |pod| Seen::Step(Action::Kubelet(Kubelet::RemovePod { pod }));
    let created = |revision, replicas| {
        Seen::Step(Action::Deployment(Deployment::CreateReplicaSet { revision, replicas }))
    };
    let mut seen = vec![created(OLD, 2), create(OLD), create(OLD)];
    seen.push(bind(XFT7R, B));
    seen.push(bind(X2MBB, A));
    seen.extend([sandbox(X2MBB), sandbox(XFT7R), start(X2MBB), start(XFT7R), listen(X2MBB), listen(XFT7R)]);
    seen.extend([Seen::Ready(X2MBB, true), Seen::Rules(B, &[X2MBB]), Seen::Rules(A, &[X2MBB])]);
    seen.extend([Seen::Ready(XFT7R, true), Seen::Rules(B, &[XFT7R, X2MBB]), Seen::Rules(A, &[XFT7R, X2MBB])]);
    seen.extend([Seen::Step(Action::Environment(Environment::ChangeTemplate)), created(NEW, 1), create(NEW)]);
    seen.push(bind(P4KQ2L, A));
    seen.extend([sandbox(P4KQ2L), start(P4KQ2L), listen(P4KQ2L), Seen::Ready(P4KQ2L, true)]);
    seen.extend([scale(OLD, 1), delete(X2MBB)]);
    seen.extend(stop(X2MBB));
    // Traffic still goes to the pod that has exited: 43 ms on one node, 154 ms on the other.
    seen.extend([Seen::Rules(A, &[XFT7R, X2MBB, P4KQ2L]), scale(NEW, 2), sandbox_gone(X2MBB)]);
    seen.extend([Seen::Rules(B, &[XFT7R, X2MBB, P4KQ2L]), create(NEW)]);
    seen.push(bind(P6JZSZ, B));
    seen.extend([Seen::Rules(A, &[XFT7R, P4KQ2L]), Seen::Rules(B, &[XFT7R, P4KQ2L])]);
    // Without a readiness probe the pod is Ready before it listens.
    seen.extend([sandbox(P6JZSZ), start(P6JZSZ), Seen::Ready(X2MBB, false), Seen::Ready(P6JZSZ, true)]);
    seen.extend([scale(OLD, 0), delete(XFT7R)]);
    seen.extend(stop(XFT7R));
    seen.extend([Seen::Rules(A, &[XFT7R, P4KQ2L, P6JZSZ]), sandbox_gone(XFT7R)]);
    seen.extend([Seen::Rules(B, &[XFT7R, P4KQ2L, P6JZSZ]), listen(P6JZSZ), Seen::Ready(XFT7R, false)]);
    seen.extend([Seen::Rules(A, &[P4KQ2L, P6JZSZ]), Seen::Rules(B, &[P4KQ2L, P6JZSZ])]);
    seen.extend([removed(X2MBB), removed(XFT7R)]);
    seen
}

/// Would the recorder have seen this step?
fn is_seen(action: &Action, before: &Observation, after: &Observation) -> bool {
    let ready = |seen: &Observation| -> Vec<bool> {
        seen.slots.iter().map(|slot| slot.pod.is_some_and(|pod| pod.ready)).collect()
    };
    match action {
        Action::Deployment(_) | Action::Scheduler(Scheduler::BindPod { .. }) | Action::Environment(_) => true,
        Action::ReplicaSet(step) => {
            matches!(step, ReplicaSet::CreatePod { .. } | ReplicaSet::DeletePod { .. })
        }
        Action::Container(_) => true,
        Action::Kubelet(step) => match step {
            Kubelet::CreateSandbox { .. }
            | Kubelet::StartContainer { .. }
            | Kubelet::SendSigterm { .. }
            | Kubelet::SendSigkill { .. }
            | Kubelet::StopSandbox { .. }
            | Kubelet::RemovePod { .. } => true,
            Kubelet::ReportStatus { .. } => ready(before) != ready(after),
            _ => false,
        },
        Action::Proxy(Proxy::ProgramRules { node }) => rules(before, *node) != rules(after, *node),
        _ => false,
    }
}

/// The pods that a node's rules send connections to.
fn rules(seen: &Observation, node: NodeId) -> Vec<PodId> {
    let routed = |pod: &PodId| seen.slots[pod.index()].rules[node.index()].is_some_and(|rule| rule.ready);
    PodId::first(seen.slots.len()).filter(routed).collect()
}

fn matches(expected: Seen, action: &Action, after: &Observation) -> bool {
    match expected {
        Seen::Step(step) => step == *action,
        Seen::Bound(pod, node) => {
            let bound = after.slots[pod.index()].pod.is_some_and(|object| object.node == Some(node));
            *action == Action::Scheduler(Scheduler::BindPod { pod }) && bound
        }
        Seen::Ready(pod, ready) => {
            let is_report =
                matches!(action, Action::Kubelet(Kubelet::ReportStatus { pod: of }) if *of == pod);
            is_report && after.slots[pod.index()].pod.is_some_and(|object| object.ready == ready)
        }
        Seen::Rules(node, pods) => {
            *action == Action::Proxy(Proxy::ProgramRules { node }) && rules(after, node) == pods
        }
    }
}

/// How many of `expected` the model can be seen to do, one after the other, within so many states.
fn can_do(model: &Model, expected: &[Seen], tries: usize) -> usize {
    let observe = |state: &ClusterState| model.open(state, |cluster| Observation::of(cluster));
    let mut queue = BinaryHeap::new();
    let mut states: Vec<(ClusterState, usize)> = Vec::new();
    for state in model.initial() {
        queue.push((0, Reverse(0_usize), Reverse(states.len())));
        states.push((state, 0));
    }
    let mut known = BTreeSet::new();
    let mut furthest = 0;
    let mut enabled = Vec::new();
    while let Some((_, Reverse(depth), Reverse(at))) = queue.pop() {
        let (state, done) = states[at].clone();
        furthest = furthest.max(done);
        if done == expected.len() || states.len() > tries {
            break;
        }
        let before = observe(&state);
        enabled.clear();
        model.enabled(&state, &mut enabled);
        for action in &enabled {
            let next = model.apply(&state, action);
            let after = observe(&next);
            let done = match (is_seen(action, &before, &after), matches(expected[done], action, &after)) {
                (_, true) => done + 1,
                (true, false) => continue,
                (false, false) => done,
            };
            if known.insert((next.clone(), done)) {
                queue.push((done, Reverse(depth + 1), Reverse(states.len())));
                states.push((next, done));
            }
        }
    }
    furthest
}

fn world() -> Model {
    let mut scenario = catalogue::web("recorded", Story::Rollout, 2, 2);
    scenario.release = Release { minor: 20 };
    scenario.one_proxy = false;
    scenario.approximations = Approximations::ALL;
    scenario.workload.template.containers[0].listens_after_seconds = 1;
    Model::new(scenario).expect("the world fits")
}

#[test]
fn the_recorded_rolling_update_is_a_path_of_the_model() {
    let expected = recording();
    let done = can_do(&world(), &expected, 400_000);
    assert_eq!(done, expected.len(), "the model stops before {:?}", expected.get(done));
}

#[test]
fn an_order_that_no_cluster_can_do_is_no_path() {
    // The old pod is deleted before any pod of the new template is Ready: below what may be unavailable.
    let mut expected = recording();
    let early =
        expected.iter().position(|seen| matches!(seen, Seen::Ready(P4KQ2L, true))).expect("it is recorded");
    expected.remove(early);
    let done = can_do(&world(), &expected, 400_000);
    assert_eq!(done, early, "nothing but the scaling down comes next, and it must wait");
}
