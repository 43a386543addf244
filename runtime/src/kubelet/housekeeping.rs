//! Housekeeping: what runs and is not configured is stopped, what is finished is forgotten (SRC-9, PW-12, PW-13; S28
//! `kubelet_pods.go` `HandlePodCleanups`, `pod_workers.go` `SyncKnownPods`). The sync loop waits meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Kubelet;
use super::host::{Host, Waiter};
use super::pod::KnownPod;
use super::pod_cache::PodStatus;
use super::pod_worker::PodWorkers;
use super::pod_worker::update::{Subject, Update, UpdateKind};
use crate::api::Uid;
use crate::api::constants::is_terminal;
use crate::clock::Moment;
use crate::container_runtime::{
    Answer, CallId, ContainerState, ContainerStatus, ListedContainer, ListedSandbox, Outcome, Request,
    SandboxState, SandboxStatus,
};
use crate::slip::Slip;

/// Housekeeping that is going on.
#[derive(Clone, Debug)]
pub enum Housekeeping {
    /// It lists the sandboxes.
    Sandboxes(CallId),
    /// It lists the containers.
    Containers(CallId, Vec<ListedSandbox>),
}

impl Kubelet {
    /// Workers of pods that are not configured any more are told; then what runs is listed.
    pub(super) fn begin_housekeeping(&mut self, host: &mut Host<'_, '_>) {
        self.next_housekeeping = host.now() + self.parts.settings.housekeeping_period;
        let configured = |uid: &Uid| self.parts.pods.contains_key(uid);
        self.workers.forget(&configured, host);
        let workers = &self.workers;
        let wanted = |uid: &Uid| configured(uid) || workers.get(uid).is_some();
        self.parts.probes.retain(wanted);
        self.parts.status.retain(wanted);
        self.parts.back_off.retain(wanted);
        self.parts.back_off.collect(host.now());
        self.parts.image_back_off.retain(wanted);
        self.parts.reasons.retain(wanted);
        let call = host.call(Waiter::Housekeeping, Request::ListSandboxes { uid: None });
        self.housekeeping = Some(Housekeeping::Sandboxes(call));
    }

    /// One of its calls was answered.
    pub(super) fn on_housekeeping_answer(&mut self, call: CallId, outcome: Outcome, host: &mut Host<'_, '_>) {
        match self.housekeeping.take() {
            Some(Housekeeping::Sandboxes(expected)) if expected == call => {
                if let Ok(Answer::Sandboxes(sandboxes)) = outcome {
                    let call = host.call(Waiter::Housekeeping, Request::ListContainers { uid: None });
                    self.housekeeping = Some(Housekeeping::Containers(call, sandboxes));
                }
            }
            Some(Housekeeping::Containers(expected, sandboxes)) if expected == call => {
                if let Ok(Answer::Containers(containers)) = outcome {
                    let running = running_pods(sandboxes, containers);
                    self.start_unknown(host);
                    self.end_deleted(&running, host);
                    self.kill_unknown(running, host);
                }
            }
            other => self.housekeeping = other,
        }
    }

    /// PW-13: what runs of pods that no worker knows is stopped, with a grace period of 1 s. From 1.27 on that is so of configured pods
    /// too (kubernetes/kubernetes#113145): those that run from before and were rejected after a restart (ADM-13).
    fn kill_unknown(&mut self, running: BTreeMap<Uid, PodStatus>, host: &Host<'_, '_>) {
        let spares_configured = !host.context.release.stops_what_runs_of_rejected_pods();
        for (uid, running) in running {
            let is_spared = spares_configured && self.parts.pods.contains_key(&uid);
            if is_spared || self.workers.get(&uid).is_some() {
                continue;
            }
            let subject = Subject::Running(uid, Arc::new(running));
            let update = Update { kind: UpdateKind::Kill, subject, grace_seconds: Some(1), eviction: None };
            self.tell(update, host);
        }
    }

    /// Deleted pods that ended, that nothing runs of and that no worker knows get a worker, so that their objects may go: one that
    /// was deleted before its kubelet heard of it and rejected it (ADM-12) has no other way. From 1.28 on
    /// (kubernetes/kubernetes#118497).
    fn end_deleted(&mut self, running: &BTreeMap<Uid, PodStatus>, host: &Host<'_, '_>) {
        if !host.context.release.removes_rejected_pods_that_were_deleted_before() {
            return;
        }
        let has_ended = |pod: &&KnownPod| pod.is_deleting() && is_terminal(&pod.object);
        let is_unknown =
            |pod: &&KnownPod| self.workers.get(&pod.uid).is_none() && !running.contains_key(&pod.uid);
        let unknown = self.parts.pods.values().filter(|pod| has_ended(pod) && is_unknown(pod));
        for pod in unknown.cloned().collect::<Vec<_>>() {
            self.tell(Update::of(UpdateKind::Kill, pod), host);
        }
    }

    /// PW-11: configured pods without a worker get one; those that were not admitted when they came have failed (ADM-12).
    fn start_unknown(&mut self, host: &Host<'_, '_>) {
        let unknown: Vec<_> = self
            .parts
            .pods
            .values()
            .filter(|pod| self.workers.get(&pod.uid).is_none() && !self.is_terminal(pod))
            .cloned()
            .collect();
        for pod in unknown {
            self.tell(Update::of(UpdateKind::Create, pod), host);
        }
    }
}

impl PodWorkers {
    /// PW-12: workers whose pods are not configured any more are forgotten once they are finished, or if they never started;
    /// else they terminate.
    fn forget(&mut self, configured: &impl Fn(&Uid) -> bool, host: &Host<'_, '_>) {
        self.are_synced = true;
        let now: Moment = host.now();
        let release = host.context.release;
        let forgets_orphans = host.context.has(Slip::OrphansAreForgotten);
        self.workers.retain(|uid, worker| {
            let orphan = !configured(uid);
            if !orphan && !worker.restart_requested {
                return true;
            }
            if worker.finished {
                return false;
            }
            if !orphan {
                return true;
            }
            if forgets_orphans {
                return false;
            }
            worker.deleted = true;
            if !worker.started && !worker.observed_runtime {
                return false;
            }
            if worker.terminating_at.is_none() {
                worker.terminating_at = Some(now);
                if let Some(update) = worker.active.clone() {
                    worker.shorten(&update, release);
                }
                worker.requeue();
                worker.cancel();
            } else if matches!(worker.activity(), super::pod_worker::activity::Activity::Idle) {
                worker.requeue();
            }
            true
        });
    }

    /// The work queue hands over a pod that is due.
    pub(super) fn take_due(&mut self, uid: &Uid) {
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.resync_at = None;
        }
    }
}

/// What runs of each pod: its running containers and its ready sandboxes, and nothing else (S28 `GetPods` without `all`).
fn running_pods(sandboxes: Vec<ListedSandbox>, containers: Vec<ListedContainer>) -> BTreeMap<Uid, PodStatus> {
    let mut pods: BTreeMap<Uid, PodStatus> = BTreeMap::new();
    for listed in sandboxes.into_iter().filter(|it| it.state == SandboxState::Ready) {
        let sandbox = SandboxStatus {
            id: listed.id,
            uid: listed.uid.clone(),
            attempt: listed.attempt,
            state: listed.state,
            host_network: false,
            address: None,
        };
        pods.entry(listed.uid).or_default().sandboxes.push(sandbox);
    }
    for listed in containers.into_iter().filter(|it| it.state == ContainerState::Running) {
        let container = ContainerStatus {
            id: listed.id,
            sandbox: listed.sandbox,
            name: listed.name,
            attempt: 0,
            spec_hash: 0,
            state: listed.state,
            started_at: None,
            finished_at: None,
            exit_code: 0,
        };
        pods.entry(listed.uid).or_default().containers.push(container);
    }
    pods
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Node, Pod, PodStatus as ApiStatus};
    use podproof_vocabulary::Release;

    use super::*;
    use crate::kubelet::parts::Settings;
    use crate::kubelet::test_host::TestHost;
    use crate::operation::NodeIndex;
    use crate::slip::Slips;

    /// PW-11: a pod that lost its worker was admitted when it came, and is not asked again.
    #[test]
    fn a_pod_without_a_worker_is_not_admitted_anew() {
        let mut host = TestHost::new(Slips::NONE);
        let new =
            |host: &mut Host<'_, '_>| Kubelet::new(NodeIndex(0), Node::default(), Settings::default(), host);
        let mut kubelet = host.with(new);
        let pod = |uid: &str, phase: &str| {
            let status = ApiStatus { phase: Some(phase.to_owned()), ..ApiStatus::default() };
            let mut pod = Pod { status: Some(status), ..Pod::default() };
            pod.metadata.uid = Some(uid.to_owned());
            KnownPod::new(Arc::new(pod), Release::NEWEST)
        };
        for pod in [pod("runs", "Running"), pod("failed", "Failed")] {
            assert!(host.with(|host| kubelet.admit(&pod, host)).is_err(), "it is bound to no node");
            kubelet.parts.pods.insert(pod.uid.clone(), pod);
        }
        host.with(|host| kubelet.start_unknown(host));
        assert!(kubelet.workers.get(&Uid::from("runs")).is_some());
        assert!(kubelet.workers.get(&Uid::from("failed")).is_none());
        assert!(kubelet.parts.status.get(&Uid::from("runs")).is_none(), "it is not told that it failed");
    }
}
