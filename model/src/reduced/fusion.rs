//! Which small steps follow at once, in one move with the step that made them possible.
//!
//! Each fusion is *exact* (its argument stands at its variant; a test compares verdicts and visible states with and
//! without it) or one of the scenario's named [`Approximation`]s. All are for untimed searches: in a timed one a step that
//! follows at once would lose its latency, so there only what no clock is on is fused.
//!
//! Two arguments recur. *A lag that is read through another lag*: a step copies or derives a value, deterministically,
//! and a single reader acts on the copy in steps of its own that may wait as long as they like; then whatever the reader
//! does after a late copy it also does, later, after an early one. *Nobody else*: a step is local to one process,
//! disabled by nobody, and commutes with every step of others that may come before it.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{
    Action, Container, Drain, Kubelet, NodeLifecycle, PodGarbageCollector, ReplicaSet, Scheduler, Watch,
    Watcher,
};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::EventName;

use crate::buffer::with_actions;
use crate::cluster::Cluster;
use crate::kubelet;
use crate::rules::Rules;
use crate::scope::{Part, Parts, Scope};
use crate::step;

/// A kind of step that follows at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fusion {
    /// The pod worker takes up what its kubelet has seen; a kubelet forgets what is gone. Nobody else: an in-flight sync
    /// that starts a container between the news and the reaction (PW-19) is the same as one that starts it before the
    /// news.
    WorkerReacts,
    /// The PLEG relists. A lag read through another: the cache is read by the worker and the status manager, whose steps
    /// wait as long as they like; what coalesces in the cache coalesces in the status. Not while a relist is stuck, and not
    /// the first one of a kubelet, nor the one that makes its PLEG healthy again: before it the node's status is NotReady
    /// (NOD-2), which is read by no lag of ours.
    Relist,
    /// Readiness and startup probes find what is the case. Read only by the status manager, as above.
    Probe,
    /// The EndpointSlice follows the controller's copy of the pods. A lag read through another: the slice is a function of
    /// that copy and is read by kube-proxies alone.
    WriteSlice,
    /// kube-proxy programs what it sees: its copy is read by nobody else.
    ProgramRules,
    /// A ReplicaSet's status and the news of the ReplicaSet: both are read by the Deployment and ReplicaSet controllers of
    /// the same process, and a stale copy only makes an update meet a conflict.
    ReplicaSetStatus,
    /// The scheduler sees pods, where no filter can depend on where other pods are: then all that the news decide is
    /// whether a pod is tried, and a try may wait as long as it likes; a try for a pod that is being deleted is refused.
    SchedulerSeesPods,
    /// A kill that is under way goes on, while it is all that can happen to its pod on its node, no relist there can make
    /// more possible, and no fault can interfere. Nobody else: what follows a signal is decided. Not where pods have no grace period:
    /// their objects go at once (DEL-17), and with the first news of that their place on the node is given away, while they still run
    /// there and hold ports; elsewhere the object goes last.
    KillGoesOn,
    /// kube-proxy sees the slice, where no judged promise reads the rules of nodes and no neighbour waits for an address: what
    /// a kube-proxy remembers then only keeps a slot in use, and a slot that is free earlier cuts off less. For searches of
    /// safety promises alone; only [by partial order](super::partial_order), which knows what is judged.
    RulesThatNobodyReads,
    /// An approximation: planned writes are sent.
    DecisionsWrittenAtOnce,
    /// An approximation: Node objects are seen.
    CurrentNodeViews,
    /// An approximation: the scheduler sees pods whatever the filters are.
    CurrentSchedulerView,
}

impl Fusion {
    /// Those that need no approximation.
    pub const EXACT: [Self; 8] = [
        Self::WorkerReacts,
        Self::Relist,
        Self::Probe,
        Self::WriteSlice,
        Self::ProgramRules,
        Self::ReplicaSetStatus,
        Self::SchedulerSeesPods,
        Self::KillGoesOn,
    ];
}

/// The fusions of one search.
#[derive(Clone, Debug, Default)]
pub struct Fusions {
    on: Vec<Fusion>,
}

impl Fusions {
    /// None: every small step is a move of its own.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those that a scenario allows: the exact ones whose condition it meets, and what it approximates.
    pub fn of(rules: &Rules) -> Self {
        let possible = |event| rules.scenario.events.count(event) > 0;
        let any_fault = EventName::all().any(possible);
        let meets = |fusion: &Fusion| match fusion {
            Fusion::SchedulerSeesPods => rules.filters.ignore_occupants(rules.pods),
            // The story's event comes only when nothing else is possible, so it interferes with no kill.
            Fusion::KillGoesOn => {
                let has_grace = rules.scenario.workload.template.grace_seconds > 0;
                has_grace && !any_fault && !rules.has_hangs()
            }
            _ => true,
        };
        let mut on: Vec<Fusion> = Fusion::EXACT.into_iter().filter(meets).collect();
        // Where a fault strikes between a decision and its write, the two stay apart.
        let decisions_matter = [
            EventName::ControllerManagerRestart,
            EventName::SchedulerRestart,
            EventName::ApiServerRestart,
            EventName::LostResponse,
            EventName::RemoveNode,
        ];
        let apart = decisions_matter.into_iter().any(possible);
        if rules.approximates(Approximation::DecisionsWrittenAtOnce) && !apart {
            on.push(Fusion::DecisionsWrittenAtOnce);
        }
        if rules.approximates(Approximation::CurrentNodeViews) {
            on.push(Fusion::CurrentNodeViews);
        }
        if rules.approximates(Approximation::CurrentSchedulerView) && !on.contains(&Fusion::SchedulerSeesPods)
        {
            on.push(Fusion::CurrentSchedulerView);
        }
        Self { on }
    }

    /// The same without one.
    #[must_use]
    pub fn without(mut self, fusion: Fusion) -> Self {
        self.on.retain(|&other| other != fusion);
        self
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, fusion: Fusion) -> Self {
        if !self.has(fusion) {
            self.on.push(fusion);
        }
        self
    }

    /// Is this one on?
    pub fn has(&self, fusion: Fusion) -> bool {
        self.on.contains(&fusion)
    }

    /// The approximations among them.
    pub fn approximations(&self) -> impl Iterator<Item = Approximation> + '_ {
        self.on.iter().filter_map(|fusion| match fusion {
            Fusion::DecisionsWrittenAtOnce => Some(Approximation::DecisionsWrittenAtOnce),
            Fusion::CurrentNodeViews => Some(Approximation::CurrentNodeViews),
            Fusion::CurrentSchedulerView => Some(Approximation::CurrentSchedulerView),
            _ => None,
        })
    }

    /// Does this step follow at once, whatever else is possible?
    pub fn fuses(&self, cluster: &Cluster<'_>, action: &Action) -> bool {
        fusion_of(cluster, action).is_some_and(|fusion| self.on.contains(&fusion))
    }

    /// The parts that have steps which follow at once.
    pub fn parts(&self) -> Parts {
        let parts = self.on.iter().map(|fusion| match fusion {
            Fusion::WorkerReacts | Fusion::Relist | Fusion::Probe => Parts::of(&[Part::Reactions]),
            Fusion::WriteSlice => Parts::of(&[Part::Slice]),
            Fusion::ProgramRules => Parts::of(&[Part::Rules]),
            Fusion::ReplicaSetStatus => Parts::of(&[Part::ReplicaSetNews, Part::ReplicaSets]),
            Fusion::SchedulerSeesPods | Fusion::CurrentSchedulerView => Parts::of(&[Part::SchedulerNews]),
            Fusion::RulesThatNobodyReads => Parts::of(&[Part::SliceNews]),
            Fusion::DecisionsWrittenAtOnce => {
                Parts::of(&[Part::Bindings, Part::ReplicaSets, Part::PlannedWrites])
            }
            // A kill looks at all of its pod, and Node objects and drains are what many read: both are looked at as a whole.
            Fusion::KillGoesOn | Fusion::CurrentNodeViews => Parts::NONE,
        });
        parts.fold(Parts::NONE, Parts::union)
    }

    /// The step of a kill of a pod in `scope` that follows at once, where nothing else in it [fuses](Self::fuses). Of the
    /// steps that are possible only those count for which `counts` holds.
    pub fn next_kill(
        &self,
        cluster: &Cluster<'_>,
        scope: Scope,
        counts: impl Fn(&Action) -> bool,
    ) -> Option<Action> {
        let has_kills = || scope.pods(cluster).any(|pod| kubelet::may_be_killed(cluster, pod));
        if !self.has(Fusion::KillGoesOn) || !has_kills() {
            return None;
        }
        with_actions(|possible| {
            step::local_candidates(cluster, scope, possible);
            possible.retain(counts);
            self.next_of_a_kill(possible, scope)
        })
    }

    /// The step of a kill of a pod in `scope` that follows at once, where all these are possible and none of them
    /// [fuses](Self::fuses).
    pub fn next_of_a_kill(&self, possible: &[Action], scope: Scope) -> Option<Action> {
        let relists =
            || possible.iter().any(|action| matches!(action, Action::Kubelet(Kubelet::Relist { .. })));
        if !self.has(Fusion::KillGoesOn) || relists() {
            return None;
        }
        let alone = |pod| possible.iter().filter(|other| node_pod(other) == Some(pod)).count() == 1;
        possible
            .iter()
            .find(|action| killed_pod(action).is_some_and(|pod| scope.has(pod) && alone(pod)))
            .copied()
    }
}

fn fusion_of(cluster: &Cluster<'_>, action: &Action) -> Option<Fusion> {
    Some(match action {
        // A phase that others wrote tells no worker at once, and until then the kubelet may say its own again (STM-1).
        Action::Kubelet(Kubelet::BeginTermination { pod }) if kubelet::status::is_disputed(cluster, *pod) => {
            return None;
        }
        Action::Kubelet(
            Kubelet::BeginTermination { .. }
            | Kubelet::StopContainer { .. }
            | Kubelet::FinishPod { .. }
            | Kubelet::ForgetPod { .. },
        ) => Fusion::WorkerReacts,
        Action::Kubelet(Kubelet::Relist { node }) => {
            let machine = cluster.node(*node).machine;
            if machine.first_relist_pending() || machine.unhealthy() {
                return None;
            }
            Fusion::Relist
        }
        Action::Kubelet(Kubelet::FlipReadiness { .. } | Kubelet::PassStartup { .. }) => Fusion::Probe,
        Action::EndpointSlice(_) => Fusion::WriteSlice,
        Action::Proxy(_) => Fusion::ProgramRules,
        Action::ReplicaSet(ReplicaSet::UpdateStatus { .. })
        | Action::Watch(Watch::DeliverReplicaSet { .. }) => Fusion::ReplicaSetStatus,
        Action::Watch(Watch::DeliverPod { to: Watcher::Scheduler, .. }) => Fusion::SchedulerSeesPods,
        Action::ReplicaSet(ReplicaSet::CreatePod { .. } | ReplicaSet::DeletePod { .. })
        | Action::Scheduler(Scheduler::BindPod { .. })
        | Action::NodeLifecycle(NodeLifecycle::MarkPodNotReady { .. })
        | Action::PodGarbageCollector(PodGarbageCollector::DeletePod { .. })
        | Action::Drain(Drain::ListPods | Drain::DeletePod { .. }) => Fusion::DecisionsWrittenAtOnce,
        Action::Watch(Watch::DeliverNode { .. }) => Fusion::CurrentNodeViews,
        Action::Watch(Watch::DeliverSlice { .. }) => Fusion::RulesThatNobodyReads,
        _ => return None,
    })
}

/// The pod whose kill this step carries on.
pub(super) fn killed_pod(action: &Action) -> Option<PodId> {
    match *action {
        Action::Kubelet(
            Kubelet::SendSigterm { pod, .. }
            | Kubelet::RunPreStop { pod, .. }
            | Kubelet::FinishPreStop { pod, .. }
            | Kubelet::StopSandbox { pod },
        )
        | Action::Container(Container::Exit { pod, .. }) => Some(pod),
        _ => None,
    }
}

/// The pod that a step on a node is about.
pub(super) fn node_pod(action: &Action) -> Option<PodId> {
    match *action {
        Action::Kubelet(step) => step.pod(),
        Action::Container(
            Container::Exit { pod, .. } | Container::Listen { pod, .. } | Container::ReuseAddress { pod },
        )
        | Action::Watch(Watch::DeliverPod { to: Watcher::Kubelet(_), pod }) => Some(pod),
        _ => None,
    }
}
