//! What the scheduler, the controllers and the kubelets write to the API server.

use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{
    Deployment, Kubelet, NodeLifecycle, PodGarbageCollector, ReplicaSet, Scheduler, TaintEviction,
};
use podproof_vocabulary::observation::{Observation, PodSeen};

use super::actor::{self, Actor};
use super::pods::Grace;
use super::writer::{Taken, Writer};

/// The pod object of a slot.
pub(super) fn seen(observation: &Observation, pod: PodId) -> Option<&PodSeen> {
    observation.slots[pod.index()].pod.as_ref()
}

impl Taken<'_, '_> {
    /// The pod object of a slot, before and after.
    pub fn pod(&self, pod: PodId) -> (Option<&PodSeen>, Option<&PodSeen>) {
        (seen(self.before, pod), seen(self.after, pod))
    }
}

impl Writer<'_> {
    pub(super) fn scheduler(&mut self, taken: &Taken<'_, '_>, step: Scheduler) {
        match step {
            Scheduler::BindPod { pod } => {
                let Some(node) = taken.was.pod(pod).scheduler.assumed() else { return };
                let (before, after) = taken.pod(pod);
                let is_bound = before.is_some_and(|pod| pod.node.is_none())
                    && after.is_some_and(|pod| pod.node == Some(node));
                let name = self.node_name(node);
                self.bind(pod, &name, is_bound, before.is_some());
            }
            Scheduler::ParkPod { pod } => self.say_unschedulable(pod),
            Scheduler::AssumePod { .. } | Scheduler::FlushPod { .. } => {}
        }
    }

    pub(super) fn deployment(&mut self, taken: &Taken<'_, '_>, step: Deployment) {
        let set = |revision: podproof_vocabulary::Revision| taken.after.replica_sets[revision.index()];
        match step {
            Deployment::CreateReplicaSet { revision, .. } => {
                let Some(seen) = set(revision) else { return };
                self.create_set(revision, &seen, taken.is.replica_set(revision).desired());
            }
            Deployment::ScaleReplicaSet { revision, .. } => {
                let Some(seen) = set(revision) else { return };
                self.scale_set(revision, &seen, taken.is.replica_set(revision).desired());
            }
            Deployment::ExceedProgressDeadline => {}
        }
        let says_it = taken.before.deployment != taken.after.deployment;
        if says_it || self.clock.rng.bool() {
            self.follow_up(taken);
        }
    }

    /// The Deployment controller reports what has become of it.
    fn follow_up(&mut self, taken: &Taken<'_, '_>) {
        if let Some(deployment) = &taken.after.deployment {
            self.clock.pass();
            self.report_deployment(deployment);
        }
    }

    pub(super) fn replica_set(&mut self, taken: &Taken<'_, '_>, step: ReplicaSet) {
        match step {
            ReplicaSet::CreatePod { .. } => self.create_new_pods(taken),
            ReplicaSet::DeletePod { pod } => {
                let (before, after) = taken.pod(pod);
                self.delete_pod(actor::REPLICA_SET, pod, Grace::Own, before, after);
            }
            ReplicaSet::UpdateStatus { revision } => {
                let Some(seen) = taken.after.replica_sets[revision.index()] else { return };
                self.report_set(revision, &seen, taken.after);
                let says_it = taken.before.deployment != taken.after.deployment;
                if says_it || self.clock.rng.bool() {
                    self.follow_up(taken);
                }
            }
            ReplicaSet::PlanReplicas { .. }
            | ReplicaSet::ChooseVictim { .. }
            | ReplicaSet::CountAvailable { .. } => {}
        }
    }

    fn create_new_pods(&mut self, taken: &Taken<'_, '_>) {
        for slot in PodId::first(taken.after.slots.len()) {
            if let (None, Some(pod)) = taken.pod(slot) {
                self.create_pod(actor::REPLICA_SET, slot, pod);
            }
        }
    }

    pub(super) fn node_lifecycle(&mut self, taken: &Taken<'_, '_>, step: NodeLifecycle) {
        match step {
            NodeLifecycle::MarkNodeUnknown { node } => {
                self.mark_unknown(actor::NODE, node, &taken.after.nodes[node.index()]);
            }
            NodeLifecycle::MarkPodNotReady { pod } => self.mark_not_ready(pod),
            NodeLifecycle::TaintNoSchedule { node } | NodeLifecycle::TaintNoExecute { node } => {
                self.patch_node(actor::NODE, node, &taken.after.nodes[node.index()]);
            }
        }
    }

    pub(super) fn taint_eviction(&mut self, taken: &Taken<'_, '_>, step: TaintEviction) {
        let TaintEviction::DeletePod { pod } = step;
        let (before, after) = taken.pod(pod);
        let actor = Actor::of_taint_eviction(self.scenario.release);
        self.delete_pod(actor, pod, Grace::Own, before, after);
    }

    pub(super) fn garbage_collector(&mut self, taken: &Taken<'_, '_>, step: PodGarbageCollector) {
        match step {
            PodGarbageCollector::FailPod { pod } => {
                let (before, after) = taken.pod(pod);
                if before.map(|pod| pod.phase) != after.map(|pod| pod.phase) {
                    self.fail(pod);
                }
            }
            PodGarbageCollector::DeletePod { pod } => {
                let (before, after) = taken.pod(pod);
                self.delete_pod(actor::GARBAGE, pod, Grace::Zero, before, after);
            }
        }
    }

    pub(super) fn kubelet(&mut self, taken: &Taken<'_, '_>, step: Kubelet) {
        match step {
            Kubelet::ReportStatus { pod } => {
                let Some(node) = taken.was.pod(pod).kubelet.node() else { return };
                let Some(seen) = seen(taken.after, pod) else { return };
                let name = self.node_name(node);
                self.report(&name, taken.is, pod, seen);
            }
            Kubelet::RemovePod { pod } => {
                let Some(node) = taken.was.pod(pod).kubelet.node() else { return };
                let name = self.node_name(node);
                let (before, after) = taken.pod(pod);
                self.delete_pod(Actor::Kubelet(&name), pod, Grace::Zero, before, after);
            }
            Kubelet::ReportNodeStatus { node } => self.heartbeat(node, &taken.after.nodes[node.index()]),
            _ => self.runtime(taken, step),
        }
    }
}
