//! Which steps are fair, and in which units.
//!
//! The unit is action class × consumer × key, as client-go's queues are per key. A fair step of a living component that
//! is possible from some point on, for ever, is taken infinitely often (weak fairness). What the environment does is not
//! fair, but for the repairs that a story promises. In timed mode ticks are fair, and steps with a clock are one unit: a run
//! that stops while one of them is due is no run, as time would stand still.

mod classes;

pub use classes::{FAIRNESS, Fairness};
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Drain, Environment, Kubelet, NodeLifecycle,
    PodGarbageCollector, Process, ReplicaSet, Scheduler, TaintEviction, Watch, Watcher,
};

use crate::cluster::Cluster;
use crate::controllers::node_lifecycle;
use crate::kubelet::{self, pleg};
use crate::{environment, time};

/// A unit of fairness: class and key, as numbers.
pub type Unit = u16;

/// The bits of a unit's key.
const KEYS: u16 = 0x1ff;

const fn unit(class: u8, key: usize) -> Unit {
    (class as u16) << 9 | key as u16
}

/// Is its key a pod, or a container of one?
pub const fn is_of_pod(unit: Unit) -> bool {
    matches!(unit >> 9, 0..=2 | 9..=11 | 14 | 16 | 18 | 20 | 23..=25 | 27 | 29..=45 | 49 | 50 | 52 | 53)
}

/// The node that is its key; none if its key is something else.
pub const fn node_of(unit: Unit) -> Option<NodeId> {
    let key = unit & KEYS;
    let node = match unit >> 9 {
        3 | 4 | 7 | 19 | 21 | 22 | 46..=48 | 51 | 55 | 56 => key,
        // The consumers of lists: scheduler, controller manager, then a kubelet and a kube-proxy for each node.
        8 if key >= 2 => (key - 2) / 2,
        _ => return None,
    };
    Some(NodeId(node as u8))
}

/// A step of a component that may come and that nobody promises. A failure detector that errs: the node is heard of, or its relists come
/// to their end. What is left of a sync that began before its node lost its network plugin: no other gets as far as the runtime (SP-4).
pub fn is_left_open(cluster: &Cluster<'_>, action: &Action) -> bool {
    match *action {
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { node }) => {
            !node_lifecycle::is_silent(cluster, node)
        }
        Action::Kubelet(Kubelet::NoticeHang { node }) => !pleg::is_stuck(cluster, node),
        Action::Kubelet(Kubelet::StartContainer { pod, .. } | Kubelet::StopContainer { pod, .. }) => {
            kubelet::node_of(cluster, pod).is_some_and(|node| cluster.node(node).machine.cni_failed())
        }
        _ => false,
    }
}

/// The unit of a step; none if it is not fair.
///
/// Which classes are fair, and why, stands in [`FAIRNESS`]. Units: watches, per consumer and object; the scheduler and controllers,
/// per key; kubelets, per pod, container or node; kube-proxies and processes, one each; the drain, per pod. In timed mode whatever
/// has a clock is one unit, as no tick is possible while a step is due.
pub fn unit_of(cluster: &Cluster<'_>, action: &Action) -> Option<Unit> {
    if is_left_open(cluster, action) {
        return None;
    }
    if time::is_clocked(cluster, action) {
        return Some(unit(59, 0));
    }
    let consumer = |watcher: Watcher| match watcher {
        Watcher::Scheduler => 0,
        Watcher::ControllerManager => 1,
        Watcher::Kubelet(node) => 2 + 2 * node.0,
        Watcher::Proxy(node) => 3 + 2 * node.0,
    };
    let containers = cluster.rules.containers.len();
    let of_container = |pod: podproof_vocabulary::PodId, container: podproof_vocabulary::ContainerId| {
        (pod.index() * containers + container.index()) & usize::from(KEYS)
    };
    Some(match *action {
        Action::Tick => unit(58, 0),
        Action::Watch(watch) => match watch {
            Watch::DeliverPod { to: Watcher::Scheduler, pod } => unit(0, pod.index()),
            Watch::DeliverPod { to: Watcher::ControllerManager, pod } => unit(1, pod.index()),
            Watch::DeliverPod { to: _, pod } => unit(2, pod.index()),
            Watch::DeliverNode { to: Watcher::Scheduler, node } => unit(3, node.index()),
            Watch::DeliverNode { to: _, node } => unit(4, node.index()),
            Watch::DeliverDeployment => unit(5, 0),
            Watch::DeliverBudget => unit(5, 1),
            Watch::DeliverReplicaSet { revision } => unit(6, revision.index()),
            Watch::DeliverSlice { node } => unit(7, node.index()),
            Watch::List { watcher } => unit(8, consumer(watcher).into()),
        },
        // One pod's attempt, whichever node it is for.
        Action::Scheduler(Scheduler::AssumePod { pod, .. } | Scheduler::ParkPod { pod }) => {
            unit(9, pod.index())
        }
        Action::Scheduler(Scheduler::BindPod { pod }) => unit(10, pod.index()),
        Action::Scheduler(Scheduler::FlushPod { pod }) => unit(11, pod.index()),
        Action::Deployment(Deployment::ExceedProgressDeadline) => unit(12, 1),
        Action::Deployment(_) => unit(12, 0),
        Action::ReplicaSet(step) => match step {
            ReplicaSet::PlanReplicas { revision } => unit(13, revision.index()),
            ReplicaSet::ChooseVictim { .. } => unit(14, 0),
            ReplicaSet::CreatePod { revision } => unit(15, revision.index()),
            ReplicaSet::DeletePod { pod } => unit(16, pod.index()),
            ReplicaSet::UpdateStatus { revision } => unit(17, revision.index()),
            ReplicaSet::CountAvailable { pod } => unit(18, pod.index()),
        },
        Action::NodeLifecycle(step) => match step {
            NodeLifecycle::MarkNodeUnknown { node } => unit(19, node.index()),
            NodeLifecycle::MarkPodNotReady { pod } => unit(20, pod.index()),
            NodeLifecycle::TaintNoSchedule { node } => unit(21, node.index()),
            NodeLifecycle::TaintNoExecute { node } => unit(22, node.index()),
        },
        Action::TaintEviction(TaintEviction::DeletePod { pod }) => unit(23, pod.index()),
        Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod }) => unit(24, pod.index()),
        Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod }) => unit(25, pod.index()),
        Action::Disruption(Disruption::UpdateStatus) => unit(26, 0),
        Action::Disruption(Disruption::ForgetDisruption { pod }) => unit(27, pod.index()),
        Action::EndpointSlice(_) => unit(28, 0),
        Action::Kubelet(step) => match step {
            Kubelet::BeginTermination { pod } => unit(29, pod.index()),
            Kubelet::CreateSandbox { pod } => unit(30, pod.index()),
            Kubelet::StopSandbox { pod } => unit(31, pod.index()),
            Kubelet::FinishPod { pod } => unit(32, pod.index()),
            Kubelet::ForgetPod { pod } => unit(33, pod.index()),
            Kubelet::ReportStatus { pod } => unit(34, pod.index()),
            Kubelet::RemovePod { pod } => unit(35, pod.index()),
            Kubelet::StartContainer { pod, container } => unit(36, of_container(pod, container)),
            Kubelet::StopContainer { pod, container } => unit(37, of_container(pod, container)),
            Kubelet::RunPreStop { pod, container } => unit(38, of_container(pod, container)),
            Kubelet::FinishPreStop { pod, container } => unit(39, of_container(pod, container)),
            Kubelet::ExpireGrace { pod, container } => unit(40, of_container(pod, container)),
            Kubelet::SendSigterm { pod, container } => unit(41, of_container(pod, container)),
            Kubelet::SendSigkill { pod, container } => unit(42, of_container(pod, container)),
            Kubelet::FlipReadiness { pod, container } => unit(43, of_container(pod, container)),
            Kubelet::PassStartup { pod, container } => unit(44, of_container(pod, container)),
            Kubelet::FailProbe { pod, container } => unit(45, of_container(pod, container)),
            Kubelet::Relist { node } => unit(46, node.index()),
            Kubelet::NoticeHang { node } => unit(47, node.index()),
            Kubelet::ReportNodeStatus { node } => unit(48, node.index()),
        },
        Action::Container(Container::Listen { pod, container }) => unit(49, of_container(pod, container)),
        Action::Container(Container::Exit { pod, container }) => unit(50, of_container(pod, container)),
        Action::Container(Container::ReuseAddress { .. }) => return None,
        Action::Proxy(podproof_vocabulary::action::Proxy::ProgramRules { node }) => unit(51, node.index()),
        Action::Drain(Drain::ListPods) => unit(52, 511),
        Action::Drain(Drain::EvictPod { pod }) => unit(52, pod.index()),
        Action::Drain(Drain::DeletePod { pod }) => unit(53, pod.index()),
        Action::Process(Process::StartApiServer) => unit(54, 0),
        Action::Process(Process::StartScheduler) => unit(54, 1),
        Action::Process(Process::StartControllerManager) => unit(54, 2),
        Action::Process(Process::StartKubelet { node }) => unit(55, node.index()),
        Action::Environment(step) if environment::is_promised(cluster, &step) => match step {
            Environment::HealPartition { node } => unit(56, node.index()),
            _ => unit(57, 0),
        },
        Action::Environment(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::approximation::{Approximation, Approximations};
    use podproof_vocabulary::event::{EventName, Story};
    use podproof_vocabulary::scenario::Timing;
    use podproof_vocabulary::{ContainerId, PodId};

    use super::*;
    use crate::test_cluster::{N0, N1, P0, P1, TestCluster, allow};

    fn unit_in(cluster: &TestCluster, action: Action) -> Option<Unit> {
        cluster.look(|cluster| unit_of(cluster, &action))
    }

    #[test]
    fn steps_of_components_are_fair_and_what_befalls_the_cluster_is_not() {
        let cluster = TestCluster::web(2, 2, |s| {
            for event in EventName::all() {
                allow(s, event, 1);
            }
        });
        for action in cluster.enabled() {
            let fair = unit_in(&cluster, action).is_some();
            assert_eq!(fair, !matches!(action, Action::Environment(_)), "{action:?}");
        }
        let reuse = Action::Container(Container::ReuseAddress { pod: P0 });
        assert_eq!(unit_in(&cluster, reuse), None);
    }

    /// Whole walks meet all others (`tests/searches/fairness.rs`).
    #[test]
    fn rare_steps_are_as_fair_as_their_class() {
        let steps = [
            Action::Scheduler(Scheduler::FlushPod { pod: P0 }),
            Action::PodGarbageCollector(PodGarbageCollector::FailPod { pod: P0 }),
            Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod: P0 }),
            Action::Kubelet(Kubelet::FailProbe { pod: P0, container: ContainerId(0) }),
        ];
        for timing in [Timing::Untimed, Timing::Timed] {
            let cluster = TestCluster::web(1, 1, |s| s.timing = timing);
            for step in steps {
                assert_eq!(FAIRNESS[usize::from(step.class())].fairness, Fairness::Weak);
                assert!(unit_in(&cluster, step).is_some(), "{step:?}");
            }
        }
    }

    /// While a sync chooses, nothing else can be taken, and that takes no time: a unit that is possible before and after is possible
    /// then, or a cycle through a choice would owe nothing to anybody.
    #[test]
    fn what_others_can_do_while_a_sync_chooses_is_held_back() {
        let mut cluster = TestCluster::web(2, 1, |s| {
            s.story = Story::ScaleDown;
            allow(s, EventName::DeletePod, 1);
        });
        cluster.settle();
        cluster.befall(Environment::Scale);
        cluster.befall(Environment::DeletePod { pod: P1 });
        cluster.take_one(|action| matches!(action, Action::Watch(Watch::DeliverDeployment)));
        cluster.take_one(|action| matches!(action, Action::Deployment(_)));
        cluster.take_one(|action| matches!(action, Action::Watch(Watch::DeliverReplicaSet { .. })));
        let before = cluster.enabled();
        let plan =
            cluster.take_one(|action| matches!(action, Action::ReplicaSet(ReplicaSet::PlanReplicas { .. })));
        let chooses = |action: &Action| matches!(action, Action::ReplicaSet(ReplicaSet::ChooseVictim { .. }));
        assert!(cluster.enabled().iter().all(chooses), "{:?}", cluster.enabled());
        let mut held_back = Vec::new();
        cluster.look(|cluster| {
            crate::step::enabled_but(cluster, &mut Vec::new(), |action| held_back.push(*action));
        });
        let others =
            before.into_iter().filter(|action| *action != plan && !matches!(action, Action::Environment(_)));
        let others: Vec<Action> = others.collect();
        assert!(!others.is_empty(), "something else is possible");
        assert!(others.iter().all(|action| held_back.contains(action)), "{others:?}, {held_back:?}");
    }

    #[test]
    fn only_the_repair_that_a_story_promises_is_fair() {
        let heal = Action::Environment(Environment::HealPartition { node: N0 });
        let cut = Action::Environment(Environment::PartitionNode { node: N0 });
        let promised = TestCluster::web(1, 1, |s| s.story = Story::Partition);
        assert!(unit_in(&promised, heal).is_some());
        assert_eq!(unit_in(&promised, cut), None);
        let other = TestCluster::web(1, 1, |_| {});
        assert_eq!(unit_in(&other, heal), None);
    }

    #[test]
    fn ticks_are_fair_and_whatever_has_a_clock_is_one_unit() {
        let timed = TestCluster::web(2, 1, |s| {
            s.timing = Timing::Timed;
            s.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
        });
        let steps = [
            Action::Watch(Watch::DeliverDeployment),
            Action::Watch(Watch::DeliverBudget),
            Action::ReplicaSet(ReplicaSet::PlanReplicas { revision: podproof_vocabulary::Revision(0) }),
        ];
        let units = steps.map(|step| unit_in(&timed, step));
        assert!(
            units[0].is_some() && units.iter().all(|&unit| unit == units[0]),
            "no tick is possible while one is due"
        );
        assert!(unit_in(&timed, Action::Tick).is_some_and(|tick| Some(tick) != units[0]));
        let untimed = TestCluster::web(2, 1, |_| {});
        let units = steps.map(|step| unit_in(&untimed, step));
        assert!(units[0] != units[1] && units[1] != units[2] && units[0] != units[2]);
    }

    /// The unit is class × consumer × key.
    #[test]
    fn another_consumer_or_key_is_another_unit_and_another_choice_is_not() {
        let cluster = TestCluster::web(2, 2, |_| {});
        let of = |action| unit_in(&cluster, action).unwrap();
        let pod_to = |to, pod| of(Action::Watch(Watch::DeliverPod { to, pod }));
        let (scheduler, manager) = (Watcher::Scheduler, Watcher::ControllerManager);
        assert_ne!(pod_to(scheduler, P0), pod_to(manager, P0));
        assert_ne!(pod_to(scheduler, P0), pod_to(scheduler, P1));
        let assume = |node| of(Action::Scheduler(Scheduler::AssumePod { pod: P0, node }));
        assert_eq!(assume(N0), assume(N1), "one attempt of one pod");
        assert_eq!(assume(N0), of(Action::Scheduler(Scheduler::ParkPod { pod: P0 })));
        let list = |watcher| of(Action::Watch(Watch::List { watcher }));
        assert_ne!(list(Watcher::Kubelet(N0)), list(Watcher::Proxy(N0)));
        let start = |pod, container| of(Action::Kubelet(Kubelet::StartContainer { pod, container }));
        assert_ne!(start(PodId(0), ContainerId(0)), start(PodId(1), ContainerId(0)));
        let relist = |node| of(Action::Kubelet(Kubelet::Relist { node }));
        assert_ne!(relist(NodeId(0)), relist(NodeId(1)));
    }
}
