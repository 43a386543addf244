//! Arrows between the lanes: who learned of what from whom. A write is delivered, and what was delivered is acted on.

use std::collections::BTreeMap;

use podproof_vocabulary::action::{
    Action, Container, Deployment, Kubelet, PodGarbageCollector, Proxy, ReplicaSet, TaintEviction, Watch,
    Watcher,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use crate::change::Change;
use crate::names::Names;
use crate::object::Object;
use crate::trace::TraceStep;

/// Slots that a scenario may have at most.
const PODS_MAX: usize = 250;

/// Revisions that a scenario may have at most.
const REVISIONS_MAX: usize = 60;

/// Something that one step leaves for another to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// An object in the store.
    Stored(Stored),
    /// What a watcher's copy of it says.
    Seen(Watcher, Stored),
    /// A container's process, or the sandbox, of a pod.
    Running(PodId),
    /// The signal that a container has received.
    Signal(PodId, ContainerId),
    /// What the PLEG of a node has found.
    Listed(NodeId),
}

/// An object that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stored {
    Deployment,
    ReplicaSet(Revision),
    Budget,
    Node(NodeId),
    Pod(PodId),
    Slice,
}

/// The arrows of a trace, from step to step.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    left: BTreeMap<Thing, usize>,
}

impl Arrows {
    /// The steps that left what this one finds, each once, in order.
    pub(super) fn see(&mut self, number: usize, step: &TraceStep, names: &Names) -> Vec<usize> {
        let found = found(step, names);
        let mut from: Vec<usize> = found.iter().filter_map(|thing| self.left.get(thing).copied()).collect();
        from.sort_unstable();
        from.dedup();
        for change in &step.changed {
            self.forget_signals(change);
        }
        for thing in left(step) {
            self.left.insert(thing, number);
        }
        from
    }

    /// A signal is that of one process: of the next one, or of another pod in the same slot, it says nothing.
    fn forget_signals(&mut self, change: &Change) {
        match *change {
            Change::Sigterm { pod, container, received: false } => {
                self.left.remove(&Thing::Signal(pod, container));
            }
            Change::PodAppears { pod, .. } => {
                self.left.retain(|thing, _| !matches!(thing, Thing::Signal(other, _) if *other == pod));
            }
            _ => {}
        }
    }
}

fn delivered(watch: Watch) -> Option<(Watcher, Stored)> {
    Some(match watch {
        Watch::DeliverPod { to, pod } => (to, Stored::Pod(pod)),
        Watch::DeliverNode { to, node } => (to, Stored::Node(node)),
        Watch::DeliverDeployment => (Watcher::ControllerManager, Stored::Deployment),
        Watch::DeliverReplicaSet { revision } => (Watcher::ControllerManager, Stored::ReplicaSet(revision)),
        Watch::DeliverBudget => (Watcher::ControllerManager, Stored::Budget),
        Watch::DeliverSlice { node } => (Watcher::Proxy(node), Stored::Slice),
        Watch::List { .. } => return None,
    })
}

/// What a step finds: the news that it delivers, or what its decision is made of.
fn found(step: &TraceStep, names: &Names) -> Vec<Thing> {
    let manager = |stored| Thing::Seen(Watcher::ControllerManager, stored);
    match step.action {
        Action::Watch(watch) => {
            delivered(watch).map(|(_, stored)| Thing::Stored(stored)).into_iter().collect()
        }
        Action::EndpointSlice(_) => {
            let pods = step.changed.iter().filter_map(|change| match change {
                Change::Endpoint { pod, .. } => Some(*pod),
                _ => None,
            });
            pods.map(|pod| manager(Stored::Pod(pod))).collect()
        }
        Action::Proxy(Proxy::ProgramRules { node }) => {
            vec![Thing::Seen(Watcher::Proxy(node), Stored::Slice)]
        }
        // How many one may have depends on what all have (DEP-3).
        Action::Deployment(Deployment::CreateReplicaSet { .. } | Deployment::ScaleReplicaSet { .. }) => {
            let sets = Revision::first(REVISIONS_MAX).map(|revision| manager(Stored::ReplicaSet(revision)));
            [manager(Stored::Deployment)].into_iter().chain(sets).collect()
        }
        Action::ReplicaSet(ReplicaSet::PlanReplicas { revision }) => {
            vec![manager(Stored::ReplicaSet(revision))]
        }
        Action::ReplicaSet(ReplicaSet::ChooseVictim { pod } | ReplicaSet::CountAvailable { pod }) => {
            vec![manager(Stored::Pod(pod))]
        }
        // Why a pod is deleted stands in the Node object.
        Action::TaintEviction(TaintEviction::DeletePod { pod })
        | Action::PodGarbageCollector(
            PodGarbageCollector::FailPod { pod } | PodGarbageCollector::DeletePod { pod },
        ) => {
            let node = names.node_of(pod).map(|node| manager(Stored::Node(node)));
            [manager(Stored::Pod(pod))].into_iter().chain(node).collect()
        }
        Action::NodeLifecycle(_) => {
            let objects = step.changed.iter().map(Object::of);
            let stored = objects.filter_map(|object| match object {
                Object::Pod(pod) => Some(Stored::Pod(pod)),
                Object::Node(node) => Some(Stored::Node(node)),
                _ => None,
            });
            stored.map(manager).collect()
        }
        Action::Kubelet(Kubelet::Relist { node }) => {
            let on_node = |pod: &PodId| names.node_of(*pod) == Some(node);
            PodId::first(PODS_MAX).filter(on_node).map(Thing::Running).collect()
        }
        Action::Kubelet(
            Kubelet::BeginTermination { pod } | Kubelet::CreateSandbox { pod } | Kubelet::ForgetPod { pod },
        ) => {
            let seen = |node| Thing::Seen(Watcher::Kubelet(node), Stored::Pod(pod));
            names.node_of(pod).map(seen).into_iter().collect()
        }
        Action::Kubelet(
            Kubelet::StartContainer { pod, .. }
            | Kubelet::ReportStatus { pod }
            | Kubelet::StopSandbox { pod }
            | Kubelet::FinishPod { pod },
        ) => names.node_of(pod).map(Thing::Listed).into_iter().collect(),
        Action::Container(Container::Exit { pod, container }) => vec![Thing::Signal(pod, container)],
        _ => Vec::new(),
    }
}

/// What a step leaves: a copy that is newer, an object that is written, a process that is another.
fn left(step: &TraceStep) -> Vec<Thing> {
    let mut things = Vec::new();
    match step.action {
        Action::Watch(watch) => {
            things.extend(delivered(watch).map(|(watcher, stored)| Thing::Seen(watcher, stored)));
        }
        Action::Kubelet(Kubelet::Relist { node }) => things.push(Thing::Listed(node)),
        _ => {}
    }
    for change in &step.changed {
        things.extend(match (Object::of(change), change) {
            (_, Change::Sigterm { pod, container, received }) => {
                received.then_some(Thing::Signal(*pod, *container))
            }
            (_, Change::Sandbox { pod, .. } | Change::Process { pod, .. }) => Some(Thing::Running(*pod)),
            (
                _,
                Change::Terminating { .. }
                | Change::SandboxAddress { .. }
                | Change::AddressReused { .. }
                | Change::Machine { .. },
            ) => None,
            (Object::Deployment, _) => Some(Thing::Stored(Stored::Deployment)),
            (Object::ReplicaSet(revision), _) => Some(Thing::Stored(Stored::ReplicaSet(revision))),
            (Object::Budget, _) => Some(Thing::Stored(Stored::Budget)),
            (Object::Node(node), _) => Some(Thing::Stored(Stored::Node(node))),
            (Object::Pod(pod), _) => Some(Thing::Stored(Stored::Pod(pod))),
            (Object::Endpoint(_), _) => Some(Thing::Stored(Stored::Slice)),
            (Object::Container(..) | Object::Rule(..), _) => None,
        });
    }
    things
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::trace::CalledPod;

    const POD: PodId = PodId(0);
    const APP: ContainerId = ContainerId(0);

    fn step(action: Action, changed: Vec<Change>) -> TraceStep {
        TraceStep {
            component: action.component(),
            says: String::new(),
            action,
            tick: 0,
            seen_at: None,
            reads: None,
            writes: Vec::new(),
            changed,
            digest: None,
        }
    }

    /// A process that has got no signal does not end by that of the one before it.
    #[test]
    fn a_signal_is_that_of_one_process() {
        let names = Names::new(&catalogue::web("x", Story::Create, 1, 1));
        let signal = |received| Change::Sigterm { pod: POD, container: APP, received };
        let kill =
            step(Action::Kubelet(Kubelet::SendSigterm { pod: POD, container: APP }), vec![signal(true)]);
        let end = |changed| step(Action::Container(Container::Exit { pod: POD, container: APP }), changed);
        let mut arrows = Arrows::default();
        assert_eq!(arrows.see(1, &kill, &names), [] as [usize; 0]);
        assert_eq!(arrows.see(2, &end(vec![signal(false)]), &names), [1]);
        assert_eq!(arrows.see(3, &end(Vec::new()), &names), [] as [usize; 0]);
    }

    /// A pod is evicted for what its node has.
    #[test]
    fn an_eviction_comes_from_the_news_of_the_taint() {
        let mut names = Names::new(&catalogue::web("web", Story::NodeFailure, 1, 1));
        names.call(POD, CalledPod::default(), Some(NodeId(0)));
        let mut arrows = Arrows::default();
        let deliver = Watch::DeliverNode { to: Watcher::ControllerManager, node: NodeId(0) };
        arrows.see(1, &step(Action::Watch(deliver), Vec::new()), &names);
        let evict = Action::TaintEviction(TaintEviction::DeletePod { pod: POD });
        assert_eq!(arrows.see(2, &step(evict, Vec::new()), &names), [1]);
    }

    /// An old ReplicaSet is scaled down as the new one has said that its pods are available.
    #[test]
    fn a_deployment_scales_one_replica_set_by_what_all_say() {
        let names = Names::new(&catalogue::web("web", Story::Rollout, 1, 1));
        let (old, new) = (Revision(0), Revision(1));
        let mut arrows = Arrows::default();
        let deliver = |revision| Action::Watch(Watch::DeliverReplicaSet { revision });
        arrows.see(1, &step(deliver(old), Vec::new()), &names);
        arrows.see(2, &step(deliver(new), Vec::new()), &names);
        let scale = Action::Deployment(Deployment::ScaleReplicaSet { revision: old, replicas: 0 });
        assert_eq!(arrows.see(3, &step(scale, Vec::new()), &names), [1, 2]);
    }
}
